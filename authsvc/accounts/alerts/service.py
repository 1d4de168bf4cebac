"""Tell the owner what happened, and let them stop it (security.md, "Addresses and mail").

Every proven address gets the mail. Its link opens a page with one button; the button works once, for 7 days, without
signing in, and only protects: what it does is in login/alerts/service.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from authsvc.accounts.store import list_told
from authsvc.accounts.tables import alerts
from authsvc.core.audit.service import Audit
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox

LINK_TTL = timedelta(days=7)
QUIET = timedelta(hours=1)


class AlertKind(StrEnum):
    """What an owner is told of; WHAT_HAPPENED says it in a sentence."""

    NEW_DEVICE = "new_device"
    STEP_UP_FAILED = "step_up_failed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    ADDRESS_CHANGED = "address_changed"
    RECOVERY_STARTED = "recovery_started"
    RECOVERED = "recovered"
    RECOVERY_CODE_USED = "recovery_code_used"
    REFRESH_REUSED = "refresh_reused"


# As our pages say it; the mails' own words are in core/letters/texts.
WHAT_HAPPENED = {
    AlertKind.NEW_DEVICE: "Somebody signed in to your account from a device that we had not seen there before.",
    AlertKind.STEP_UP_FAILED: "Somebody gave the right password of your account, but could not prove more than that.",
    AlertKind.FACTOR_ADDED: "A new way to sign in was added to your account.",
    AlertKind.FACTOR_REMOVED: "A way to sign in was removed from your account.",
    AlertKind.PASSWORD_CHANGED: "The password of your account was changed.",
    AlertKind.PASSWORD_RESET: "The password of your account was reset with a mail to this address.",
    AlertKind.ADDRESS_CHANGED: "The e-mail address of your account was changed.",
    AlertKind.RECOVERY_STARTED: "Somebody asked to get back into your account without its passkey or app.",
    AlertKind.RECOVERED: "Your account was recovered: its old passkeys, passwords, apps and codes stopped working.",
    AlertKind.RECOVERY_CODE_USED: "Somebody used one of your recovery codes, beside the right password, to sign in.",
    AlertKind.REFRESH_REUSED: "A sign-in of yours in a shop or an app was used from two places. We have ended it.",
}


@dataclass(frozen=True)
class Alert:
    """An unspent warning."""

    id: str
    account_id: str
    kind: AlertKind
    created_at: datetime


@dataclass(frozen=True)
class Alerts:
    """Sends warnings and spends their links, inside the caller's transaction."""

    outbox: Outbox
    audit: Audit
    issuer: str
    service_name: str

    def send(
        self,
        connection: Connection,
        account_id: str,
        kind: AlertKind,
        *,
        origin: Origin | None,
        now: datetime,
        leave_out: str | None = None,
        letterhead: Letterhead | None = None,
        **said: str | datetime,
    ) -> None:
        """Mail every proven address of the account, and for 72 hours those that were replaced.

        Failed step-ups warn once an hour: somebody with the right password must not be able to flood the mailbox.

        Args:
            leave_out: an address that gets a mail of its own.
            letterhead: in whose name; the service's own where none is given.
            said: what the mail of this kind says beside when it was (core/letters/kinds.py).
        """
        if kind is AlertKind.STEP_UP_FAILED and self._warned_since(connection, account_id, kind, now - QUIET):
            return
        secret, alert_id, head = new_secret(), new_id("alt"), letterhead or Letterhead(self.service_name)
        connection.execute(
            insert(alerts).values(
                id=alert_id,
                token_hash=hash_secret(secret),
                account_id=account_id,
                kind=kind.value,
                created_at=now,
                expires_at=now + LINK_TTL,
            )
        )
        for email in list_told(connection, account_id, now):
            if email != leave_out:
                values = {"when": now, "not_me_link": f"{self.issuer}/not-me?token={secret}", **said}
                self.outbox.mail(connection, head.write(f"alert_{kind.value}", email, **values), now=now)
        self.audit.record(
            connection,
            "accounts:alert:sent",
            now=now,
            account_id=account_id,
            origin=origin,
            facts={"alert": alert_id, "kind": kind.value},
        )

    def find(self, connection: Connection, token: str, *, now: datetime) -> Alert | None:
        """Return the alert behind a link; looking changes nothing."""
        query = select(alerts).where(
            alerts.c.token_hash == hash_secret(token), alerts.c.consumed_at.is_(None), alerts.c.expires_at > now
        )
        row = connection.execute(query).one_or_none()
        return Alert(row.id, row.account_id, AlertKind(row.kind), row.created_at) if row else None

    def consume(self, connection: Connection, token: str, *, now: datetime) -> Alert | None:
        """Spend the link in one statement."""
        statement = (
            update(alerts)
            .where(alerts.c.token_hash == hash_secret(token), alerts.c.consumed_at.is_(None), alerts.c.expires_at > now)
            .values(consumed_at=now)
            .returning(alerts.c.id, alerts.c.account_id, alerts.c.kind, alerts.c.created_at)
        )
        row = connection.execute(statement).one_or_none()
        return Alert(row.id, row.account_id, AlertKind(row.kind), row.created_at) if row else None

    def _warned_since(self, connection: Connection, account_id: str, kind: AlertKind, since: datetime) -> bool:
        query = select(alerts.c.id).where(
            alerts.c.account_id == account_id, alerts.c.kind == kind.value, alerts.c.created_at > since
        )
        return connection.execute(query.limit(1)).first() is not None


def sweep_alerts(connection: Connection, now: datetime) -> None:
    """Drop warnings whose link works no more; that they were sent is among the evidence."""
    connection.execute(delete(alerts).where(alerts.c.expires_at < now))
