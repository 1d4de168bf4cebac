"""What every factor has in common, so that pages, the step-up ladder, recovery and erasure need to know none of them.

A factor is one folder here, and one entry of the tuple `factors` in app.py. Its place in that tuple is its place on the
step-up ladder, strongest and easiest first. What a proof is worth is not the factor's to say: accounts/levels.py does.

A *typed* factor is one that somebody types in as a second proof (a one-time password, a recovery code). All of them
share one page, whose words come from the factor's prompt.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin

Exported = list[dict[str, Any]]  # what an account's owner may read of a factor, as JSON; never a secret


@dataclass(frozen=True)
class Way:
    """One thing that an account can prove itself with, as its owner sees it."""

    id: str
    kind: ProofKind
    name: str
    detail: str
    created_at: datetime
    last_used_at: datetime | None = None
    # False: its owner sees it, but nothing has shown yet that it can prove them (a passkey that the browser made by
    # itself). It may be offered; what an account can reach, and what a mailbox must not replace, goes without it.
    counts: bool = True


class Factor(Protocol):
    """One kind of proof."""

    @property
    def kind(self) -> ProofKind: ...

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        """Return what the account has of this kind, the oldest first; empty when it has none."""
        ...

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        """Take all of it away, for recovery and erasure; return how many there were, and leave an event if any."""
        ...

    def export(self, connection: Connection, account_id: str) -> Exported:
        """Return what is kept about the person; never a secret."""
        ...


@dataclass(frozen=True)
class TypedPrompt:
    """The words and the field of the page on which a factor is typed in."""

    offer: str  # on the button that leads there
    title: str
    hint: str
    label: str
    inputmode: str
    autocomplete: str
    max_length: int


@dataclass(frozen=True)
class TypedCheck:
    """Whether what was typed was right. If not: a stable code, the sentence for the page, and how many tries are left.

    No tries left means that the owner should hear of it.
    """

    right: bool
    code: str | None = None
    error: str = ""
    tries_left: int = 0
    retry_after_s: int | None = None


@runtime_checkable
class TypedFactor(Factor, Protocol):
    """A factor that is typed in as a second proof."""

    @property
    def prompt(self) -> TypedPrompt: ...

    def check(
        self,
        connection: Connection,
        account_id: str,
        typed: str,
        *,
        origin: Origin,
        now: datetime,
        letterhead: Letterhead | None = None,
    ) -> TypedCheck:
        """Try what was typed; counted before it is compared, and spent in one statement when it is right.

        The outcome and its evidence are written through `connection`: commit it whatever the outcome is.

        Args: letterhead is in whose name a mail about it is written; the service's own where none is given.
        """
        ...
