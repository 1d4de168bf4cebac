"""What is asked at the end of a sign-in: each case in which something is due, with one thing changed at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account
from authsvc.login.offer.rule import EndOfSignIn, OfferState, offer_due

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
YOUNG, OLD = NOW - timedelta(days=30) + timedelta(seconds=1), NOW - timedelta(days=30)
ACCOUNT = Account("acc_1", b"handle", "Ada", "active", NOW - timedelta(days=400))
PASSKEY_DUE = EndOfSignIn(
    level=Level.PWD,
    highest=Level.PWD,
    known_device=True,
    account=ACCOUNT,
    makes_passkeys=True,
    took_password=True,
    has_passkey=False,
    passkey_answered_at=None,
    face_outdated=False,
    face_answered_at=None,
)
FACE_DUE = replace(PASSKEY_DUE, makes_passkeys=False, face_outdated=True)
EITHER = pytest.mark.parametrize("due", [PASSKEY_DUE, FACE_DUE], ids=["passkey", "face"])


def test_an_ordinary_sign_in_ends_with_what_is_due() -> None:
    assert offer_due(PASSKEY_DUE, now=NOW) is OfferState.PASSKEY
    assert offer_due(FACE_DUE, now=NOW) is OfferState.FACE


@EITHER
@pytest.mark.parametrize(
    "change",
    [
        {"highest": Level.MFA},
        {"known_device": False},
        {"passkey_answered_at": YOUNG, "face_answered_at": YOUNG},
        {"passkey_answered_at": NOW, "face_answered_at": NOW},
        {"account": replace(ACCOUNT, guarded_at=NOW - timedelta(days=300))},
    ],
)
def test_one_thing_missing_and_nothing_is_asked(due: EndOfSignIn, change: dict[str, Any]) -> None:
    assert offer_due(replace(due, **change), now=NOW) is None


@pytest.mark.parametrize(
    ("due", "change"),
    [
        (PASSKEY_DUE, {"makes_passkeys": False}),
        (PASSKEY_DUE, {"took_password": False}),
        (PASSKEY_DUE, {"has_passkey": True}),
        (FACE_DUE, {"face_outdated": False}),
    ],
)
def test_what_only_one_of_them_takes(due: EndOfSignIn, change: dict[str, Any]) -> None:
    assert offer_due(replace(due, **change), now=NOW) is None


@EITHER
@pytest.mark.parametrize(
    "change",
    [
        {"known_device": False, "level": Level.PWD_EMAIL},  # more than the password was proven
        {"level": Level.MFA, "highest": Level.MFA},
        {"passkey_answered_at": OLD, "face_answered_at": OLD},
    ],
)
def test_it_is_asked_again_or_elsewhere(due: EndOfSignIn, change: dict[str, Any]) -> None:
    assert offer_due(replace(due, **change), now=NOW) is offer_due(due, now=NOW) is not None


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({}, OfferState.PASSKEY),  # one question a sign-in
        ({"passkey_answered_at": YOUNG}, OfferState.FACE),  # and the other at the next
        ({"face_answered_at": YOUNG}, OfferState.PASSKEY),
        ({"has_passkey": True}, OfferState.FACE),
        ({"has_passkey": True, "took_password": False, "level": Level.PHR, "highest": Level.PHR}, OfferState.FACE),
    ],
)
def test_of_two_that_are_due_one_is_asked(change: dict[str, Any], asked: OfferState) -> None:
    both = replace(PASSKEY_DUE, face_outdated=True)
    assert offer_due(replace(both, **change), now=NOW) is asked


@EITHER
@pytest.mark.parametrize("changed", ["password_reset_at", "address_changed_at", "recovered_at"])
def test_nothing_is_asked_within_a_day_of_what_a_mailbox_can_do(due: EndOfSignIn, changed: str) -> None:
    for ago, asked in ((timedelta(hours=24) - timedelta(seconds=1), False), (timedelta(hours=24), True)):
        account = replace(ACCOUNT, **{changed: NOW - ago})
        assert (offer_due(replace(due, account=account), now=NOW) is not None) is asked
