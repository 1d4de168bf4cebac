"""Who is offered what when more proof is asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authsvc.accounts.levels import Level, ProofKind
from authsvc.login.ladder import Owned, rungs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

PASSWORD, PASSKEY, TOTP = ProofKind.PASSWORD, ProofKind.PASSKEY, ProofKind.TOTP
MAIL, FACE, RECOVERY = ProofKind.EMAIL_CODE, ProofKind.FACE, ProofKind.RECOVERY_CODE

# As app.py has them: each account has an address, so MAIL is in all of them.
PLAIN = Owned((MAIL, PASSWORD), address_verified_at=NOW - 30 * 24 * HOUR, address_verified_at_sign_up=True)
ADDED_LATER = replace(PLAIN, address_verified_at_sign_up=False)


def has(*kinds: ProofKind) -> Owned:
    return replace(PLAIN, kinds=kinds)


@pytest.mark.parametrize(
    ("owned", "required", "offered"),
    [
        (PLAIN, Level.PWD_EMAIL, (MAIL,)),
        (PLAIN, Level.MFA, ()),
        (PLAIN, Level.PHR, ()),
        # never down to the mailbox
        (has(PASSKEY, MAIL, PASSWORD), Level.PWD_EMAIL, (PASSKEY,)),
        (has(TOTP, MAIL, PASSWORD), Level.PWD_EMAIL, (TOTP,)),
        (has(PASSKEY, TOTP, MAIL, RECOVERY, PASSWORD), Level.PWD_EMAIL, (PASSKEY, TOTP, RECOVERY)),
        # what can't reach the level is no rung
        (has(PASSKEY, TOTP, MAIL, RECOVERY, PASSWORD), Level.MFA, (PASSKEY, TOTP, RECOVERY)),
        (has(PASSKEY, TOTP, MAIL, RECOVERY, PASSWORD), Level.PHR, (PASSKEY,)),
        (has(TOTP, MAIL, RECOVERY, PASSWORD), Level.PHR, ()),
        # recovery codes come last, wherever the factor stands, and don't close the mailbox
        (has(RECOVERY, TOTP, MAIL, PASSWORD), Level.MFA, (TOTP, RECOVERY)),
        (has(MAIL, RECOVERY, PASSWORD), Level.PWD_EMAIL, (MAIL, RECOVERY)),
        (has(MAIL, FACE, RECOVERY, PASSWORD), Level.PWD_EMAIL, (MAIL, FACE, RECOVERY)),
        # a mailbox that proves nothing yet, or any more
        (replace(ADDED_LATER, address_verified_at=NOW - 23 * HOUR), Level.PWD_EMAIL, ()),
        (replace(ADDED_LATER, address_verified_at=NOW - 25 * HOUR), Level.PWD_EMAIL, (MAIL,)),
        (replace(PLAIN, password_reset_at=NOW - 23 * HOUR), Level.PWD_EMAIL, ()),
        (replace(PLAIN, password_reset_at=NOW - 25 * HOUR), Level.PWD_EMAIL, (MAIL,)),
        (replace(PLAIN, address_changed_at=NOW - 23 * HOUR), Level.PWD_EMAIL, ()),
        # the same mailbox in another's company: the other factors stay
        (replace(has(TOTP, MAIL, PASSWORD), password_reset_at=NOW - HOUR), Level.PWD_EMAIL, (TOTP,)),
        # a face never stands alone
        (has(MAIL, FACE, PASSWORD), Level.PWD_EMAIL, (MAIL, FACE)),
        (has(MAIL, FACE, PASSWORD), Level.MFA, ()),
        (has(TOTP, MAIL, FACE, PASSWORD), Level.MFA, (TOTP, FACE)),
        (has(TOTP, MAIL, FACE, RECOVERY, PASSWORD), Level.MFA, (TOTP, FACE, RECOVERY)),
        # and never reaches what takes a passkey
        (has(PASSKEY, MAIL, FACE, PASSWORD), Level.PHR, (PASSKEY,)),
        (has(PASSKEY, FACE, PASSWORD), Level.MFA, (PASSKEY, FACE)),
    ],
)
def test_rungs_after_a_password(owned: Owned, required: Level, offered: tuple[ProofKind, ...]) -> None:
    assert rungs(owned, proven={PASSWORD}, required=required, now=NOW) == offered


def test_without_the_password_a_second_factor_reaches_nothing() -> None:
    owned = has(PASSKEY, TOTP, MAIL, RECOVERY, PASSWORD)
    assert rungs(owned, proven=set(), required=Level.PWD_EMAIL, now=NOW) == (PASSKEY,)


def test_the_password_is_no_rung() -> None:
    assert rungs(has(PASSWORD), proven=set(), required=Level.PWD, now=NOW) == ()
