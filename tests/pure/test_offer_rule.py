"""Whom a passkey is offered to at the end of a sign-in: the due case, with one thing changed at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account
from authsvc.login.offer.rule import EndOfSignIn, is_due

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ACCOUNT = Account("acc_1", b"handle", "Ada", "active", NOW - timedelta(days=400))
DUE = EndOfSignIn(
    possible=True,
    took_password=True,
    level=Level.PWD,
    highest=Level.PWD,
    has_passkey=False,
    known_device=True,
    account=ACCOUNT,
    answered_at=None,
)


def test_an_ordinary_password_sign_in_ends_with_an_offer() -> None:
    assert is_due(DUE, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"possible": False},
        {"took_password": False},
        {"highest": Level.MFA},
        {"has_passkey": True},
        {"known_device": False},
        {"answered_at": NOW - timedelta(days=30) + timedelta(seconds=1)},
        {"answered_at": NOW},
    ],
)
def test_one_thing_missing_and_nothing_is_offered(change: dict[str, Any]) -> None:
    assert not is_due(replace(DUE, **change), now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"known_device": False, "level": Level.PWD_EMAIL},  # more than the password was proven
        {"level": Level.MFA, "highest": Level.MFA},
        {"answered_at": NOW - timedelta(days=30)},
    ],
)
def test_it_is_offered_again_or_elsewhere(change: dict[str, Any]) -> None:
    assert is_due(replace(DUE, **change), now=NOW)


@pytest.mark.parametrize("changed", ["password_reset_at", "address_changed_at", "recovered_at"])
def test_nothing_is_offered_within_a_day_of_what_a_mailbox_can_do(changed: str) -> None:
    for ago, due in ((timedelta(hours=24) - timedelta(seconds=1), False), (timedelta(hours=24), True)):
        account = replace(ACCOUNT, **{changed: NOW - ago})
        assert is_due(replace(DUE, account=account), now=NOW) is due


def test_nothing_is_offered_while_a_stronger_proof_is_awaited() -> None:
    account = replace(ACCOUNT, guarded_at=NOW - timedelta(days=300))
    assert not is_due(replace(DUE, account=account), now=NOW)
