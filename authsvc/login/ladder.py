"""The step-up ladder: what somebody is offered when more proof is asked for, strongest and easiest first. Pure.

A rung is a kind of proof that the account has and that, beside what was just proven, reaches the level asked for. The
order is that of the tuple `factors` in app.py, with these rules (security.md, "Addresses and mail"):

1. an emailed code only for an account with no stronger second factor (who lost one goes to recovery, never down to the
   mailbox): a passkey or one-time passwords, not the recovery codes that are to help when those are lost;
2. an emailed code only to an address verified at sign-up, or more than 24 hours ago;
3. and not within 24 hours of a password reset by mail or a change of address: the mailbox would prove both;
4. a face beside another rung, never alone: whoever can't or won't show it has one to take (SP 800-63B-4, 3.2.3);
5. recovery codes last: each is spent for good.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from authsvc.accounts.levels import Level, ProofKind, reachable

MAILBOX_WAIT = timedelta(hours=24)

FIRST_ONLY = frozenset({ProofKind.PASSWORD})  # proven before the ladder begins
NO_SECOND_FACTOR = FIRST_ONLY | {ProofKind.EMAIL_CODE, ProofKind.FACE, ProofKind.RECOVERY_CODE}
LAST = (ProofKind.FACE, ProofKind.RECOVERY_CODE)


@dataclass(frozen=True)
class Owned:
    """What an account has to prove itself with. `kinds` stand in the order of app.py's tuple."""

    kinds: tuple[ProofKind, ...]
    address_verified_at: datetime
    address_verified_at_sign_up: bool
    password_reset_at: datetime | None = None
    address_changed_at: datetime | None = None


def rungs(owned: Owned, *, proven: Collection[ProofKind], required: Level, now: datetime) -> tuple[ProofKind, ...]:
    """Return the rungs that reach `required`. Args: proven is what this sign-in has shown already."""
    stronger = any(kind not in NO_SECOND_FACTOR for kind in owned.kinds)
    mailbox = not stronger and mailbox_counts(owned, now=now)  # 1
    reaching: list[ProofKind] = [
        kind
        for kind in owned.kinds
        if kind not in FIRST_ONLY
        and (mailbox or kind is not ProofKind.EMAIL_CODE)
        and reachable({*proven, kind}) >= required
    ]
    if reaching == [ProofKind.FACE]:  # 4
        return ()
    return tuple(sorted(reaching, key=lambda kind: LAST.index(kind) + 1 if kind in LAST else 0))  # 5


def mailbox_counts(owned: Owned, *, now: datetime) -> bool:
    """Return whether an emailed code is worth anything for this account now."""
    settled = owned.address_verified_at_sign_up or now - owned.address_verified_at > MAILBOX_WAIT  # 2
    changes = (owned.password_reset_at, owned.address_changed_at)
    return settled and all(change is None or now - change > MAILBOX_WAIT for change in changes)  # 3
