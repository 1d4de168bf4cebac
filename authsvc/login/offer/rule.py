"""What is asked at the end of a sign-in, and whom: to make a passkey, or to enrol one's face again. Pure.

Nothing is asked but where all of this holds:
1. the sign-in reached the highest level that the account's factors reach: who adds a factor has shown all there is to
   show;
2. a password alone is not enough from a browser that the account has not signed in from before: somebody who only
   knows the password is not invited to stay;
3. nothing says that the account's owner may be somebody else: no "this wasn't me" waits for a stronger proof, and
   password or address were not changed by mail within a day;
4. the last answer to the same question, yes or no, is more than 30 days old.

A passkey is offered where, besides,
5. the sign-in took a password, and its page's script said that this browser can make passkeys here;
6. the account has no passkey, not even one that does not count yet: who has one adds more on the account page, not in
   the middle of an errand.

A face is enrolled again where, besides,
7. the account's template was measured by a network that is no longer used, and its owner's consent stands.
One question a sign-in: where a passkey is offered the face waits for the next one.

A flow's row says how far its offer is, and each step is taken once:
    possible (5 holds) -> passkey -> answered          face -> face_taken (yes), or answered (no)
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
    PASSKEY = "passkey"
    FACE = "face"
    FACE_TAKEN = "face_taken"
    ANSWERED = "answered"


@dataclass(frozen=True)
class EndOfSignIn:
    """What the rule looks at."""

    level: Level
    highest: Level
    known_device: bool
    account: Account
    makes_passkeys: bool
    took_password: bool
    has_passkey: bool
    passkey_answered_at: datetime | None
    face_outdated: bool
    face_answered_at: datetime | None


def offer_due(end: EndOfSignIn, *, now: datetime) -> OfferState | None:
    """Return what is asked, `passkey` or `face`: see the module's list."""
    if end.level < end.highest or (end.level <= Level.PWD and not end.known_device):  # 1, 2
        return None
    account = end.account
    changes = (account.password_reset_at, account.address_changed_at, account.recovered_at)
    if account.guarded_at is not None or any(change is not None and now - change < SETTLED for change in changes):  # 3
        return None
    makes_one = end.makes_passkeys and end.took_password and not end.has_passkey  # 5, 6
    if makes_one and not is_quiet(end.passkey_answered_at, now=now):
        return OfferState.PASSKEY
    if end.face_outdated and not is_quiet(end.face_answered_at, now=now):  # 7
        return OfferState.FACE
    return None


def is_quiet(answered_at: datetime | None, *, now: datetime) -> bool:
    """Return whether the last answer is too young to ask again (4)."""
    return answered_at is not None and now - answered_at < QUIET
