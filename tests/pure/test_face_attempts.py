"""How many failures in a row a face may have (NIST SP 800-63B-4, 3.2.3)."""

from datetime import UTC, datetime, timedelta

import pytest

from authsvc.factors.face.attempts import Failures, switched_off, wait_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("live", "unproven", "waits"),
    [(0, 0, False), (0, 4, False), (0, 5, True), (9, 0, False), (10, 0, True), (6, 3, False), (6, 4, True)],
)
def test_after_five_or_ten_a_face_waits_for_thirty_seconds(live: int, unproven: int, waits: bool) -> None:
    until = wait_until(Failures(live, unproven, NOW))
    assert until == (NOW + timedelta(seconds=30) if waits else None)


@pytest.mark.parametrize(
    ("live", "unproven", "off"),
    [(0, 49, False), (0, 50, True), (99, 0, False), (100, 0, True), (60, 39, False), (60, 40, True)],
)
def test_after_fifty_or_a_hundred_it_is_off(live: int, unproven: int, off: bool) -> None:
    assert switched_off(Failures(live, unproven, NOW)) is off
