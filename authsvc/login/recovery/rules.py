"""What a recovery takes, and what it gives. Pure (security.md, "Addresses and mail").

The mailbox is always proven first. Then either a recovery code is shown, or a wait is kept during which every address
and device is told, and any of them stops it:

    wait   72 h; 24 h from a device that the account has known for longer than the long wait
           always the long one for an account whose owner pressed "this wasn't me" or stopped a recovery lately,
           or whose address was changed within the long wait

1. An account without a stronger factor has lost nothing: its password can be reset.
2. Who works for the shop (has a role) is let in again by the operator, who starts the recovery; the wait is the same.
3. Whoever recovers says that nothing stronger is left: at the end every factor is removed, and one new one is made.
   A password only where there was one: an account that had passkeys alone does not get weaker.
4. The account stays open for seven days after the wait, then everything begins anew.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from authsvc.accounts.levels import ProofKind

# Whatever is more than the mailbox, a password or a face: also a kind that this file has never heard of.
STRONGER = frozenset(ProofKind) - {ProofKind.PASSWORD, ProofKind.EMAIL_CODE, ProofKind.FACE}
OPEN_FOR = timedelta(days=7)
WARY_FOR = timedelta(days=30)


class Standing(StrEnum):
    """Where somebody who has proven the mailbox stands."""

    NOTHING_LOST = "nothing_lost"
    NEEDS_STAFF = "needs_staff"
    CHOICE = "choice"  # a recovery code, or the wait
    WAITING = "waiting"
    OPEN = "open"  # a new factor may be made now


@dataclass(frozen=True)
class Waits:
    """How long a recovery waits (settings)."""

    usual: timedelta
    known_device: timedelta


@dataclass(frozen=True)
class Trust:
    """What is known of whoever starts a recovery, and of the account."""

    device_known_since: datetime | None = None
    guarded: bool = False
    stopped_at: datetime | None = None
    address_changed_at: datetime | None = None


@dataclass(frozen=True)
class Pending:
    """An open recovery, as pages show it."""

    id: str
    started_by: str
    started_at: datetime
    due_at: datetime
    expires_at: datetime
    code_flow_id: str | None = None


def wait_of(trust: Trust, waits: Waits, *, now: datetime) -> timedelta:
    """Return how long a recovery that starts now has to wait."""
    known_long = trust.device_known_since is not None and now - trust.device_known_since > waits.usual
    stopped_lately = trust.stopped_at is not None and now - trust.stopped_at < WARY_FOR
    new_address = trust.address_changed_at is not None and now - trust.address_changed_at < waits.usual
    if known_long and not (trust.guarded or stopped_lately or new_address):
        return min(waits.known_device, waits.usual)
    return waits.usual


def standing(
    kinds: Collection[ProofKind], *, has_role: bool, pending: Pending | None, flow_id: str, now: datetime
) -> Standing:
    """Return where the flow stands. Args: kinds are those of the account's factors."""
    if pending is not None:
        is_open = pending.due_at <= now or pending.code_flow_id == flow_id  # the code may have been the last one
        return Standing.OPEN if is_open else Standing.WAITING
    if not STRONGER & set(kinds):
        return Standing.NOTHING_LOST  # 1
    return Standing.NEEDS_STAFF if has_role else Standing.CHOICE  # 2


def may_set_password(kinds: Collection[ProofKind], *, has_role: bool) -> bool:
    """Return whether a password may be the new factor (3)."""
    return ProofKind.PASSWORD in kinds and not has_role


def reminder_at(started_at: datetime, due_at: datetime) -> datetime:
    """Return when the second warning goes out: a third of the wait before its end."""
    return due_at - (due_at - started_at) / 3
