"""SQL for webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from authsvc.accounts.events.tables import webhooks
from authsvc.core.database import insert_into


@dataclass(frozen=True)
class Webhook:
    """One client's address for events, and what signs them."""

    id: str
    client_id: str
    url: str
    secret_sealed: bytes
    created_at: datetime
    previous_sealed: bytes | None = None
    previous_until: datetime | None = None
    disabled_at: datetime | None = None
    disable_reason: str | None = None


def insert_webhook(connection: Connection, webhook: Webhook) -> bool:
    """Return False when the client has one already; nothing is written then."""
    statement = (
        insert_into(connection, webhooks)
        .values(webhook.__dict__)
        .on_conflict_do_nothing(index_elements=["client_id"])
        .returning(webhooks.c.id)
    )
    return connection.execute(statement).first() is not None


def find_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
    return _webhook(row) if row else None


def find_webhook_of(connection: Connection, client_id: str) -> Webhook | None:
    row = connection.execute(select(webhooks).where(webhooks.c.client_id == client_id)).one_or_none()
    return _webhook(row) if row else None


def list_active_webhooks(connection: Connection) -> list[str]:
    """Return the ids of those that want events."""
    return list(connection.execute(select(webhooks.c.id).where(webhooks.c.disabled_at.is_(None))).scalars())


def readdress_webhook(connection: Connection, client_id: str, url: str) -> None:
    """Send to another address from now on, rows that wait too; one that was switched off is on again."""
    connection.execute(
        update(webhooks).where(webhooks.c.client_id == client_id).values(url=url, disabled_at=None, disable_reason=None)
    )


def rotate_webhook_secret(connection: Connection, before: Webhook, sealed: bytes, *, previous_until: datetime) -> bool:
    """Replace the secret in one statement; False when another rotation was first."""
    statement = (
        update(webhooks)
        .where(webhooks.c.id == before.id, webhooks.c.secret_sealed == before.secret_sealed)
        .values(secret_sealed=sealed, previous_sealed=before.secret_sealed, previous_until=previous_until)
    )
    return connection.execute(statement).rowcount == 1


def disable_webhook(connection: Connection, client_id: str, *, reason: str, now: datetime) -> bool:
    """Return True the first time."""
    statement = (
        update(webhooks)
        .where(webhooks.c.client_id == client_id, webhooks.c.disabled_at.is_(None))
        .values(disabled_at=now, disable_reason=reason)
    )
    return connection.execute(statement).rowcount == 1


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**row._mapping)
