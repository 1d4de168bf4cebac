"""What a recovery takes: each rule, and everything next to it."""

from datetime import timedelta

import pytest

from authsvc.accounts.levels import ProofKind
from authsvc.login.recovery.rules import (
    WARY_FOR,
    Pending,
    Standing,
    Trust,
    Waits,
    may_set_password,
    reminder_at,
    standing,
    wait_of,
)
from tests.support.clocks import START

LONG, SHORT = timedelta(hours=72), timedelta(hours=24)
WAITS = Waits(LONG, SHORT)
KNOWN_LONG = START - LONG - timedelta(seconds=1)
PASSKEY, PASSWORD, TOTP, CODES = ProofKind.PASSKEY, ProofKind.PASSWORD, ProofKind.TOTP, ProofKind.RECOVERY_CODE


@pytest.mark.parametrize(
    ("trust", "wait"),
    [
        (Trust(), LONG),
        (Trust(device_known_since=KNOWN_LONG), SHORT),
        (Trust(device_known_since=START - LONG), LONG),  # not longer than the long wait
        (Trust(device_known_since=START), LONG),
        (Trust(device_known_since=KNOWN_LONG, guarded=True), LONG),
        (Trust(device_known_since=KNOWN_LONG, stopped_at=START - WARY_FOR + timedelta(seconds=1)), LONG),
        (Trust(device_known_since=KNOWN_LONG, stopped_at=START - WARY_FOR), SHORT),
        (Trust(device_known_since=KNOWN_LONG, address_changed_at=START - LONG + timedelta(seconds=1)), LONG),
        (Trust(device_known_since=KNOWN_LONG, address_changed_at=START - LONG), SHORT),
        (Trust(guarded=True), LONG),
    ],
)
def test_the_wait(trust: Trust, wait: timedelta) -> None:
    assert wait_of(trust, WAITS, now=START) == wait


def test_a_known_device_never_waits_longer() -> None:
    assert wait_of(Trust(device_known_since=START - timedelta(days=30)), Waits(SHORT, LONG), now=START) == SHORT


def pending(*, due_in: timedelta = LONG, code_flow_id: str | None = None) -> Pending:
    return Pending("rcv_1", "customer", START, START + due_in, START + due_in + timedelta(days=7), code_flow_id)


@pytest.mark.parametrize(
    ("kinds", "has_role", "open_one", "expected"),
    [
        ({PASSKEY}, False, None, Standing.CHOICE),
        ({PASSWORD, TOTP}, False, None, Standing.CHOICE),
        ({PASSWORD, CODES}, False, None, Standing.CHOICE),
        ({PASSWORD}, False, None, Standing.NOTHING_LOST),
        (set(), False, None, Standing.NOTHING_LOST),
        ({PASSKEY}, True, None, Standing.NEEDS_STAFF),
        ({PASSWORD}, True, None, Standing.NOTHING_LOST),
        ({PASSKEY}, False, pending(), Standing.WAITING),
        ({PASSKEY}, True, pending(), Standing.WAITING),
        ({PASSKEY}, False, pending(due_in=timedelta(0)), Standing.OPEN),
        ({PASSKEY}, False, pending(due_in=timedelta(microseconds=1)), Standing.WAITING),
        ({PASSKEY}, False, pending(code_flow_id="flow_mine"), Standing.OPEN),
        ({PASSKEY}, False, pending(code_flow_id="flow_other"), Standing.WAITING),
        ({PASSWORD}, False, pending(code_flow_id="flow_mine"), Standing.OPEN),  # it was the last code
    ],
)
def test_where_somebody_stands(
    kinds: set[ProofKind], has_role: bool, open_one: Pending | None, expected: Standing
) -> None:
    stands = standing(kinds, has_role=has_role, pending=open_one, flow_id="flow_mine", now=START)
    assert stands is expected


@pytest.mark.parametrize(
    ("kinds", "has_role", "may"),
    [({PASSWORD, TOTP}, False, True), ({PASSKEY}, False, False), ({PASSWORD, PASSKEY}, True, False)],
)
def test_a_password_only_where_there_was_one(kinds: set[ProofKind], has_role: bool, may: bool) -> None:
    assert may_set_password(kinds, has_role=has_role) is may


@pytest.mark.parametrize("wait", [LONG, SHORT])
def test_the_second_warning_comes_while_there_is_time_to_stop_it(wait: timedelta) -> None:
    assert reminder_at(START, START + wait) == START + wait * 2 / 3
