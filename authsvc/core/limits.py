"""Rate limits, by the `limits` library: in this process's memory, or in Redis when there are many machines.

Moving windows, so that a burst at the edge of two windows counts as one. A limit is spent before any work is done.
The windows run on the machine's or Redis's own clock; a wait that is told is never longer than the window.
"""

from collections.abc import Mapping

from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from authsvc.core.clock import Clock
from authsvc.core.errors import TooMany


class Limits:
    """Named limits, each counted per key."""

    def __init__(self, rules: Mapping[str, str], *, redis_url: str | None, clock: Clock) -> None:
        """Args: rules as name -> "30 per 1 minute" (the `limits` library's notation)."""
        storage = storage_from_string(redis_url or "memory://")
        assert isinstance(storage, Storage)  # its asyncio twins have other URLs
        self._limiter = MovingWindowRateLimiter(storage)
        self._rules: dict[str, RateLimitItem] = {name: parse(rule) for name, rule in rules.items()}
        self._clock = clock

    def spend(self, name: str, key: str) -> None:
        """Count one use of the limit `name` by `key`.

        Raises:
            TooMany: the window is full; carries the seconds until it has room again.
        """
        rule = self._rules[name]
        if self._limiter.hit(rule, name, key):
            return
        resets_at = self._limiter.get_window_stats(rule, name, key).reset_time
        wait_s = int(resets_at - self._clock.now().timestamp()) + 1
        wait_s = min(max(1, wait_s), rule.get_expiry())
        raise TooMany("limits.too_many", "Too many attempts. Please wait a little and try again.", retry_after_s=wait_s)
