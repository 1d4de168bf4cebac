"""SQL of an account's recent activity. Every statement names the account: an event's id alone finds nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from authsvc.core.audit.tables import audit_events
from authsvc.login.tables import cases

_COLUMNS = (
    audit_events.c.id,
    audit_events.c.event_id,
    audit_events.c.at,
    audit_events.c.tag,
    audit_events.c.facts,
    audit_events.c.sealed,
)


@dataclass(frozen=True)
class Event:
    """One event of the account, its personal part still sealed."""

    row: int
    id: str
    at: datetime
    tag: str
    facts: Mapping[str, Any]
    sealed: bytes | None


def list_activity(
    connection: Connection,
    account_id: str,
    tags: Collection[str],
    *,
    since: datetime,
    before: Event | None,
    limit: int,
) -> list[Event]:
    """Return at most `limit` events with one of the tags, the newest first, from right before `before`."""
    query = select(*_COLUMNS).where(
        audit_events.c.account_id == account_id, audit_events.c.tag.in_(tags), audit_events.c.at >= since
    )
    if before is not None:
        query = query.where(audit_events.c.id < before.row)
    return [_event(row) for row in connection.execute(query.order_by(audit_events.c.id.desc()).limit(limit))]


def find_event(connection: Connection, account_id: str, event_id: str) -> Event | None:
    if "\x00" in event_id:
        return None
    query = select(*_COLUMNS).where(audit_events.c.event_id == event_id, audit_events.c.account_id == account_id)
    row = connection.execute(query).one_or_none()
    return _event(row) if row else None


def case_exists(connection: Connection, account_id: str, event_id: str) -> bool:
    """Return whether the event was disowned before."""
    query = select(cases.c.id).where(cases.c.account_id == account_id, cases.c.event_id == event_id)
    return connection.execute(query.limit(1)).first() is not None


def _event(row: Any) -> Event:
    return Event(row.id, row.event_id, row.at, row.tag, row.facts, row.sealed)
