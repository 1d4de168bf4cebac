"""Rate limits, by the `limits` library: in this process's memory, or in Redis when there are many machines.

Moving windows, so that a burst at the edge of two windows counts as one. A limit is spent before any work is done.
The windows run on the machine's or Redis's own clock; a wait that is told is never longer than the window.

Fails closed: what can't be counted isn't done. When Redis doesn't answer in time the request is Busy (503), and the log
says why (`limits.unreachable`).
"""

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from authsvc.core.clock import Clock
from authsvc.core.errors import Busy, TooMany

STORAGE_TIMEOUT_S = 1  # a request waits on a thread meanwhile
RETRY_AFTER_S = 5
SWEEP_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class Limits:
    """Named limits, each counted per key."""

    def __init__(self, rules: Mapping[str, str], *, redis_url: str | None, clock: Clock) -> None:
        """Args: rules as name -> "30 per 1 minute" (the `limits` library's notation)."""
        storage = storage_from_string(redis_url or "memory://", wrap_exceptions=True, **_patience(redis_url))
        assert isinstance(storage, Storage)  # its asyncio twins have other URLs
        if isinstance(storage, MemoryStorage):
            weakref.finalize(self, _sweep_regularly(storage).cancel)
        self._limiter = MovingWindowRateLimiter(storage)
        self._rules: dict[str, RateLimitItem] = {name: parse(rule) for name, rule in rules.items()}
        self._clock = clock

    def spend(self, name: str, key: str) -> None:
        """Count one use of the limit `name` by `key`.

        Raises:
            TooMany: the window is full; carries the seconds until it has room again.
            Busy: `limits.unavailable`: Redis doesn't answer.
        """
        with _fails_closed(name):
            if not self._limiter.hit(self._rules[name], name, key):
                raise self._too_many(name, key)

    def require_room(self, name: str, key: str) -> None:
        """Count nothing, for limits that only failures spend: refuse before any work whoever has used theirs up.

        Raises:
            TooMany, Busy: as spend.
        """
        with _fails_closed(name):
            if not self._limiter.test(self._rules[name], name, key):
                raise self._too_many(name, key)

    def _too_many(self, name: str, key: str) -> TooMany:
        rule = self._rules[name]
        resets_at = self._limiter.get_window_stats(rule, name, key).reset_time
        wait_s = int(resets_at - self._clock.now().timestamp()) + 1
        wait_s = min(max(1, wait_s), rule.get_expiry())
        return TooMany(
            "limits.too_many", "Too many attempts. Please wait a little and try again.", retry_after_s=wait_s
        )


class _Sweep(threading.Timer):
    """A timer that goes off again and again until it is cancelled."""

    daemon = True

    def run(self) -> None:
        while not self.finished.wait(self.interval):
            self.function()


def _sweep_regularly(storage: MemoryStorage) -> threading.Timer:
    """Drop what expired now and then. The library would start a thread for that at every hit: a millisecond of it."""
    storage.timer = _Sweep(SWEEP_EVERY_S, storage.timer.function)
    storage.timer.start()
    return storage.timer


def _patience(redis_url: str | None) -> dict[str, float]:
    return {"socket_timeout": STORAGE_TIMEOUT_S, "socket_connect_timeout": STORAGE_TIMEOUT_S} if redis_url else {}


@contextmanager
def _fails_closed(name: str) -> Iterator[None]:
    try:
        yield
    except StorageError as problem:
        log.error("limits.unreachable", limit=name, problem=type(problem.storage_error).__name__)
        raise Busy(
            "limits.unavailable", "We can't answer just now. Please try again in a moment.", retry_after_s=RETRY_AFTER_S
        ) from problem
