"""Consents: what a person allowed, in which version of the words, and when they took it back.

Typing samples and faces are kept only with a consent on record (GDPR, Article 9 for faces). Withdrawing deletes
what was kept under it at once, in the same transaction: app.py names what has to go for each purpose.

A consent is to the words that were read. When their sense changes, so does their version: what was agreed to before
counts for nothing from then on, the page asks again, and taking it back deletes what is still kept from before. Whoever
had an old page open agrees to nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, select, update

from authsvc.accounts.store import lock_account
from authsvc.accounts.tables import consents
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_id
from authsvc.core.origin import Origin


class Purpose(StrEnum):
    """What is kept of a person only where they agreed."""

    TYPING = "typing"
    FACE = "face"


@dataclass(frozen=True)
class Wording:
    """What a person reads before they agree; a change of its sense is a new version."""

    version: int
    title: str
    text: str


WORDINGS: Mapping[Purpose, Wording] = {
    Purpose.TYPING: Wording(
        1,
        "Recognise how I type",
        "Keep the rhythm of my typing (when keys go down and up, never which keys) to notice when somebody else "
        "uses my password. It is stored encrypted, only used for this, and deleted when I take this back.",
    ),
    Purpose.FACE: Wording(
        2,
        "Recognise my face",
        "Keep numbers computed from pictures of my face to compare later captures with them. An average of mine and "
        "four other people's helps to tell faces apart. The pictures are dropped at once, the numbers are stored "
        "encrypted, only used for this, and deleted, with every average that mine are in, when I take this back.",
    ),
}

# Built once: risk asks at every sign-in.
_FIND_CURRENT = (
    select(consents.c.given_at)
    .where(
        consents.c.account_id == bindparam("account_id"),
        consents.c.purpose == bindparam("purpose"),
        consents.c.version == bindparam("version"),
        consents.c.withdrawn_at.is_(None),
    )
    .limit(1)
)

Withdrawal = Callable[[Connection, str], None]


@dataclass(frozen=True)
class Consents:
    """Records consents, inside the caller's transaction.

    `withdrawals` says what to delete when a purpose's consent is taken back: (connection, account_id) -> None.
    """

    audit: Audit
    withdrawals: Mapping[Purpose, Withdrawal] = field(default_factory=dict)

    def given(self, connection: Connection, account_id: str, purpose: Purpose) -> bool:
        """Return whether the current wording was agreed to and not taken back."""
        return self.given_at(connection, account_id, purpose) is not None

    def given_at(self, connection: Connection, account_id: str, purpose: Purpose) -> datetime | None:
        """Return when today's words were agreed to; None when they were not, or no longer are."""
        current = {"account_id": account_id, "purpose": purpose.value, "version": WORDINGS[purpose].version}
        given_at: datetime | None = connection.execute(_FIND_CURRENT, current).scalar_one_or_none()
        return given_at

    def outdated(self, connection: Connection, account_id: str, purpose: Purpose) -> bool:
        """Return whether older words were agreed to, and today's were not: then the page asks again."""
        query = select(consents.c.id).where(
            consents.c.account_id == account_id,
            consents.c.purpose == purpose.value,
            consents.c.withdrawn_at.is_(None),
        )
        kept = connection.execute(query.limit(1)).first() is not None
        return kept and not self.given(connection, account_id, purpose)

    def give(
        self,
        connection: Connection,
        account_id: str,
        purpose: Purpose,
        *,
        read: int | None = None,
        origin: Origin,
        now: datetime,
    ) -> bool:
        """Record a consent to the current wording; a second one changes nothing.

        Args: read is the version that the person had before their eyes. False when that is not today's.
        """
        version = WORDINGS[purpose].version
        if read is not None and read != version:
            return False
        lock_account(connection, account_id)  # of two presses one is recorded
        if self.given(connection, account_id, purpose):
            return True
        connection.execute(
            insert(consents).values(
                id=new_id("con"), account_id=account_id, purpose=purpose.value, version=version, given_at=now
            )
        )
        self._record(connection, "accounts:consent:given", account_id, purpose, version, origin, now)
        return True

    def withdraw(
        self, connection: Connection, account_id: str, purpose: Purpose, *, origin: Origin, now: datetime
    ) -> bool:
        """Take a consent back and delete what was kept under it; False when there was none.

        The account is locked: a sign-in or capture that saw the consent, and holds the lock, is over before we delete.
        """
        lock_account(connection, account_id)
        withdrawn = connection.execute(
            update(consents)
            .where(
                consents.c.account_id == account_id,
                consents.c.purpose == purpose.value,
                consents.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=now)
            .returning(consents.c.version)
        ).scalars()
        versions = sorted(withdrawn)
        if purpose in self.withdrawals:
            self.withdrawals[purpose](connection, account_id)
        for version in versions:
            self._record(connection, "accounts:consent:withdrawn", account_id, purpose, version, origin, now)
        return bool(versions)

    def _record(
        self,
        connection: Connection,
        tag: str,
        account_id: str,
        purpose: Purpose,
        version: int,
        origin: Origin,
        now: datetime,
    ) -> None:
        facts = {"purpose": purpose.value, "version": version}
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)
