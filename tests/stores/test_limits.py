"""Rate limits, in memory and in Redis alike."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from authsvc.core.clock import SystemClock
from authsvc.core.errors import Busy, TooMany
from authsvc.core.limits import Limits

RULES = {"sign_in": "3 per 1 minute", "mail": "1 per 1 hour", "quick": "2 per 1 second"}


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def storage_url(request) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue("redis_url")


@pytest.fixture
def limits(storage_url) -> Limits:
    return Limits(RULES, redis_url=storage_url, clock=SystemClock())


def test_the_limit_is_the_last_one_allowed(limits):
    for _ in range(3):
        limits.spend("sign_in", "203.0.113.9")
    with pytest.raises(TooMany) as refusal:
        limits.spend("sign_in", "203.0.113.9")
    assert refusal.value.code == "limits.too_many"
    assert 50 <= refusal.value.retry_after_s <= 60


def test_keys_and_names_count_apart(limits):
    limits.spend("mail", "anna@example.com")
    limits.spend("mail", "bert@example.com")
    limits.spend("sign_in", "anna@example.com")
    with pytest.raises(TooMany):
        limits.spend("mail", "anna@example.com")


def test_a_key_with_odd_characters_is_a_key_like_any_other(limits):
    for key in ("a/b", "a", "b/a", "", "é\x00:", "x" * 5000):
        limits.spend("mail", key)
        with pytest.raises(TooMany):
            limits.spend("mail", key)


def test_asking_for_room_counts_nothing(limits):
    for _ in range(3):
        limits.require_room("mail", "k")
    limits.spend("mail", "k")
    with pytest.raises(TooMany) as refusal:
        limits.require_room("mail", "k")
    assert 1 <= refusal.value.retry_after_s <= 3600


def test_there_is_room_again_when_the_window_has_moved(limits):
    limits.spend("quick", "k")
    limits.spend("quick", "k")
    with pytest.raises(TooMany) as refusal:
        limits.spend("quick", "k")
    assert refusal.value.retry_after_s == 1
    time.sleep(1.1)
    limits.spend("quick", "k")


def test_sixteen_at_once_count_as_sixteen(limits):
    allowed, refused = [], []
    ready = threading.Barrier(16)

    def spend() -> None:
        ready.wait()
        try:
            limits.spend("sign_in", "k")
            allowed.append(1)
        except TooMany:
            refused.append(1)

    threads = [threading.Thread(target=spend) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), len(refused)) == (3, 13)


def test_a_wait_is_never_longer_than_the_window(storage_url, clock):
    """The windows run on the machine's clock, whatever the given one says."""
    limits = Limits(RULES, redis_url=storage_url, clock=clock)
    limits.spend("mail", "k")
    with pytest.raises(TooMany) as refusal:
        limits.spend("mail", "k")
    assert 1 <= refusal.value.retry_after_s <= 3600


@pytest.mark.redis
def test_processes_that_share_redis_share_their_limits(redis_url):
    here, there = (Limits(RULES, redis_url=redis_url, clock=SystemClock()) for _ in range(2))
    here.spend("mail", "k")
    with pytest.raises(TooMany):
        there.spend("mail", "k")


@pytest.fixture(params=["refuses", "is silent"])
def lost_redis(request) -> Iterator[str]:
    """The address of a Redis that is not there, or no longer answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if request.param == "is silent":
            taken.listen()
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}/0"


def test_what_cannot_be_counted_is_not_done(lost_redis):
    limits = Limits(RULES, redis_url=lost_redis, clock=SystemClock())
    began = time.monotonic()
    with capture_logs() as entries, pytest.raises(Busy) as refusal:
        limits.spend("sign_in", "203.0.113.9")
    assert (refusal.value.code, refusal.value.retry_after_s) == ("limits.unavailable", 5)
    assert time.monotonic() - began < 3
    assert [entry["event"] for entry in entries] == ["limits.unreachable"]
