"""What proofs are worth, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from authsvc.accounts.levels import (
    Level,
    ProofKind,
    amr_now,
    auth_time,
    level_now,
    parse_acr,
    proven_within,
    reachable,
    requested_level,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAISED = timedelta(minutes=15)
FRESH, AGED = NOW - timedelta(minutes=1), NOW - timedelta(minutes=16)
PASSWORD, PASSKEY, CODE = ProofKind.PASSWORD, ProofKind.PASSKEY, ProofKind.EMAIL_CODE


@pytest.mark.parametrize(
    ("proofs", "level"),
    [
        ({}, Level.NONE),
        ({CODE: FRESH}, Level.EMAIL),
        ({CODE: AGED}, Level.EMAIL),
        ({PASSWORD: FRESH}, Level.PWD),
        ({PASSWORD: AGED}, Level.PWD),
        ({PASSWORD: FRESH, CODE: FRESH}, Level.PWD_EMAIL),
        ({PASSWORD: FRESH, CODE: AGED}, Level.PWD),
        ({PASSWORD: FRESH, ProofKind.TOTP: FRESH}, Level.MFA),
        ({PASSWORD: FRESH, ProofKind.RECOVERY_CODE: FRESH}, Level.MFA),
        ({PASSWORD: FRESH, ProofKind.FACE: FRESH}, Level.MFA),
        ({PASSWORD: AGED, ProofKind.TOTP: AGED}, Level.PWD),
        ({PASSKEY: FRESH}, Level.PHR),
        ({PASSKEY: AGED}, Level.PWD),
        ({PASSKEY: NOW + timedelta(minutes=1)}, Level.PWD),  # a proof from the future is not fresh
        ({ProofKind.FACE: FRESH}, Level.NONE),
    ],
)
def test_level(proofs: dict[ProofKind, datetime], level: Level) -> None:
    assert level_now(proofs, now=NOW, raised=RAISED) is level


def test_levels_are_ordered_as_written() -> None:
    assert Level.EMAIL < Level.PWD < Level.PWD_EMAIL < Level.MFA < Level.PHR


@pytest.mark.parametrize(
    ("proofs", "methods"),
    [
        ({PASSWORD: AGED}, ("pwd",)),
        ({PASSWORD: FRESH, CODE: FRESH}, ("otp", "pwd")),
        ({PASSKEY: FRESH}, ("mfa", "pop", "user")),
        ({PASSKEY: AGED}, ("pop", "user")),
        ({PASSWORD: FRESH, ProofKind.TOTP: FRESH}, ("mfa", "otp", "pwd")),
    ],
)
def test_amr(proofs: dict[ProofKind, datetime], methods: tuple[str, ...]) -> None:
    assert amr_now(proofs, now=NOW, raised=RAISED) == methods


def test_auth_time_is_the_last_proof() -> None:
    assert auth_time({PASSWORD: AGED, CODE: FRESH}) == FRESH
    assert auth_time({}) is None


def test_acr_values_name_levels() -> None:
    assert parse_acr(Level.PHR.acr) is Level.PHR
    assert Level.PWD_EMAIL.acr == "urn:authsvc:acr:pwd_email"
    for foreign in ("", "phr", "urn:authsvc:acr:none", "urn:authsvc:acr:", "urn:mace:incommon:iap:silver"):
        assert parse_acr(foreign) is None
    assert requested_level("urn:authsvc:acr:phr urn:authsvc:acr:mfa") is Level.MFA
    assert requested_level("unknown") is Level.NONE
    assert requested_level(None) is Level.NONE


@pytest.mark.parametrize(
    ("kinds", "level"),
    [
        ([], Level.NONE),
        ([CODE], Level.EMAIL),
        ([PASSWORD], Level.PWD),
        ([PASSWORD, CODE], Level.PWD_EMAIL),
        ([PASSWORD, ProofKind.TOTP], Level.MFA),
        ([PASSWORD, PASSKEY], Level.PHR),
    ],
)
def test_reachable(kinds: list[ProofKind], level: Level) -> None:
    assert reachable(kinds) is level


def test_an_old_password_counts_for_nothing_where_a_recent_proof_is_asked_for() -> None:
    window = timedelta(minutes=10)
    assert proven_within({PASSWORD: NOW - timedelta(minutes=11)}, now=NOW, window=window) is Level.NONE
    assert proven_within({PASSWORD: NOW - timedelta(minutes=10)}, now=NOW, window=window) is Level.PWD
    assert proven_within({PASSKEY: FRESH, PASSWORD: AGED}, now=NOW, window=window) is Level.PHR
