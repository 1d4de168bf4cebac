"""Who is offered what when more proof is asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authsvc.accounts.levels import Level
from authsvc.login.ladder import Owned, Rung, rungs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAIN = Owned(
    passkeys=0, face_template=False, address_verified_at=NOW - 30 * 24 * HOUR, address_verified_at_sign_up=True
)


@pytest.mark.parametrize(
    ("owned", "required", "offered"),
    [
        (PLAIN, Level.PWD_EMAIL, (Rung.EMAIL_CODE,)),
        (replace(PLAIN, passkeys=1), Level.PWD_EMAIL, (Rung.PASSKEY,)),  # never down to the mailbox
        (PLAIN, Level.MFA, ()),
        (PLAIN, Level.PHR, ()),
        (replace(PLAIN, passkeys=2), Level.PHR, (Rung.PASSKEY,)),
        (
            replace(PLAIN, address_verified_at_sign_up=True, address_verified_at=NOW),
            Level.PWD_EMAIL,
            (Rung.EMAIL_CODE,),
        ),
        (replace(PLAIN, address_verified_at_sign_up=False, address_verified_at=NOW - 24 * HOUR), Level.PWD_EMAIL, ()),
        (
            replace(PLAIN, address_verified_at_sign_up=False, address_verified_at=NOW - 25 * HOUR),
            Level.PWD_EMAIL,
            (Rung.EMAIL_CODE,),
        ),
        (replace(PLAIN, password_reset_at=NOW - 23 * HOUR), Level.PWD_EMAIL, ()),
        (replace(PLAIN, password_reset_at=NOW - 25 * HOUR), Level.PWD_EMAIL, (Rung.EMAIL_CODE,)),
        (replace(PLAIN, address_changed_at=NOW - 23 * HOUR), Level.PWD_EMAIL, ()),
        (replace(PLAIN, face_template=True), Level.PWD_EMAIL, (Rung.EMAIL_CODE, Rung.FACE)),
        (replace(PLAIN, face_template=True), Level.MFA, ()),  # a face never stands alone
        (replace(PLAIN, face_template=True, passkeys=1), Level.PHR, (Rung.PASSKEY, Rung.FACE)),
    ],
)
def test_rungs(owned: Owned, required: Level, offered: tuple[Rung, ...]) -> None:
    assert rungs(owned, required=required, now=NOW) == offered
