"""The step-up ladder: what somebody is offered when more proof is asked for, strongest and easiest first. Pure.

Rules of security.md, "Addresses and mail". An emailed code is a step-up only
1. for an account with no stronger second factor (who lost one goes to recovery, never down to the mailbox);
2. to an address verified at sign-up, or more than 24 hours ago;
3. not within 24 hours of a password reset by mail or a change of address: the mailbox would prove both.
A face capture is offered where one is enrolled, but counts for nothing until captures are bound to a device key
(`face.satisfies = never`), so it never stands alone on the ladder.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from authsvc.accounts.levels import Level

MAILBOX_WAIT = timedelta(hours=24)


class Rung(StrEnum):
    PASSKEY = "passkey"
    EMAIL_CODE = "email_code"
    FACE = "face"


@dataclass(frozen=True)
class Owned:
    """What an account has to prove itself with."""

    passkeys: int
    face_template: bool
    address_verified_at: datetime
    address_verified_at_sign_up: bool
    password_reset_at: datetime | None = None
    address_changed_at: datetime | None = None


def rungs(owned: Owned, *, required: Level, now: datetime) -> tuple[Rung, ...]:
    """Return the rungs that reach `required`; face is added beside them, never alone."""
    satisfying: list[Rung] = []
    if owned.passkeys:
        satisfying.append(Rung.PASSKEY)
    elif required <= Level.PWD_EMAIL and mailbox_counts(owned, now=now):  # 1
        satisfying.append(Rung.EMAIL_CODE)
    if satisfying and owned.face_template:
        satisfying.append(Rung.FACE)
    return tuple(satisfying)


def mailbox_counts(owned: Owned, *, now: datetime) -> bool:
    """Return whether an emailed code is worth anything for this account now."""
    settled = owned.address_verified_at_sign_up or now - owned.address_verified_at > MAILBOX_WAIT  # 2
    changes = (owned.password_reset_at, owned.address_changed_at)
    return settled and all(change is None or now - change > MAILBOX_WAIT for change in changes)  # 3
