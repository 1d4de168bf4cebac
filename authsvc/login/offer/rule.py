"""Whom a passkey is offered to at the end of a sign-in, and whom not. Pure.

It is offered where all of this holds:
1. the sign-in took a password, and its page's script said that this browser can make passkeys here;
2. it reached the highest level that the account's factors reach: who adds a factor has shown all there is to show;
3. the account has no passkey, not even one that does not count yet: who has one adds more on the account page, not in
   the middle of an errand;
4. a password alone is not enough from a browser that the account has not signed in from before: somebody who only
   knows the password is not invited to stay;
5. nothing says that the account's owner may be somebody else: no "this wasn't me" waits for a stronger proof, and
   password or address were not changed by mail within a day;
6. its last answer, yes or no, is more than 30 days old.

A flow's row says how far its offer is: possible (1 holds) -> due -> answered, the last step once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account

QUIET = timedelta(days=30)
SETTLED = timedelta(hours=24)  # security.md, "Addresses and mail": sensitive actions are closed for so long


class OfferState(StrEnum):
    """How far a flow's offer is; a flow without one has none of these."""

    POSSIBLE = "possible"
    DUE = "due"
    ANSWERED = "answered"


@dataclass(frozen=True)
class EndOfSignIn:
    """What the rule looks at."""

    possible: bool
    took_password: bool
    level: Level
    highest: Level
    has_passkey: bool
    known_device: bool
    account: Account
    answered_at: datetime | None


def is_due(end: EndOfSignIn, *, now: datetime) -> bool:
    """Return whether a passkey is offered: see the module's list."""
    if not end.possible or not end.took_password:  # 1
        return False
    if end.level < end.highest or end.has_passkey:  # 2, 3
        return False
    if end.level <= Level.PWD and not end.known_device:  # 4
        return False
    account = end.account
    changes = (account.password_reset_at, account.address_changed_at, account.recovered_at)
    if account.guarded_at is not None or any(change is not None and now - change < SETTLED for change in changes):  # 5
        return False
    return not is_quiet(end.answered_at, now=now)  # 6


def is_quiet(answered_at: datetime | None, *, now: datetime) -> bool:
    """Return whether the last answer is too young to ask again."""
    return answered_at is not None and now - answered_at < QUIET
