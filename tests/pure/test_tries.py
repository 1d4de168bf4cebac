"""How often a second factor may be typed wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from authsvc.factors.tries import blocked_until, refused, too_many, tries_left

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("failures", "left"), [(0, 5), (1, 4), (4, 1), (5, 0), (6, 0), (100, 0)])
def test_five_are_free(failures: int, left: int) -> None:
    assert tries_left(failures) == left


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(1, 0), (5, 0), (6, 1), (7, 5), (8, 30), (9, 300), (10, 600), (20, 3600)]
)
def test_then_each_waits_longer(failures: int, wait_s: int) -> None:
    assert blocked_until(failures, NOW) == NOW + timedelta(seconds=wait_s)


def test_a_hundred_in_a_row_are_the_end() -> None:
    assert not refused(99)
    assert refused(100)


@pytest.mark.parametrize(
    ("wait", "words", "seconds"),
    [
        (timedelta(milliseconds=1), "wait a second and", 1),
        (timedelta(seconds=4.5), "wait 5 seconds and", 5),
        (timedelta(minutes=5), "wait 5 minutes and", 301),
    ],
)
def test_the_wait_in_words(wait: timedelta, words: str, seconds: int) -> None:
    check = too_many(NOW + wait, NOW, code="totp.too_many")
    assert (check.right, check.code, check.retry_after_s) == (False, "totp.too_many", seconds)
    assert words in check.error
