"""SQL of the audit chain: what is not sealed yet, what is, and the checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)

from authsvc.core.audit.chain import Checkpoint, Event
from authsvc.core.audit.tables import audit_checkpoints, audit_events, audit_links
from authsvc.core.database import insert_into

SEALER_LOCK = 7_306_084_163_201_002  # any number that no other advisory lock of authsvc uses


@dataclass(frozen=True)
class Link:
    """One link and the event that it sealed; None when that row is gone."""

    seq: int
    mac: bytes
    event_row: int
    event: Event | None


@dataclass(frozen=True)
class Sealable:
    """An event that may be sealed now, and its place: where list_sealable finds it from."""

    place: int
    event: Event


@dataclass(frozen=True)
class Unsealed:
    """The events that the chain does not hold yet."""

    count: int
    oldest_at: datetime | None


_event_columns = [
    audit_events.c.id,
    audit_events.c.event_id,
    audit_events.c.at,
    audit_events.c.tag,
    audit_events.c.account_id,
    audit_events.c.request_id,
    audit_events.c.facts,
    audit_events.c.sealed,
]
_is_unsealed = ~exists().where(audit_links.c.event_row == audit_events.c.id)


def take_sealer_lock(connection: Connection) -> bool:
    """Become the only sealer until this write transaction ends; False when another one is at work."""
    if connection.dialect.name == "sqlite":
        return True  # BEGIN IMMEDIATE already holds the only write lock
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(SEALER_LOCK))).scalar_one())


def find_horizon(connection: Connection) -> int:
    """Return the place that list_sealable may start from later, once everything before it is sealed.

    PostgreSQL: the oldest transaction that is still open; whatever an older one wrote is visible or was rolled back.
    SQLite has one writer at a time, so ids commit in order: the highest id.
    """
    if connection.dialect.name == "sqlite":
        highest: int | None = connection.execute(select(func.max(audit_events.c.id))).scalar_one()
        return (highest or 0) + 1
    return connection.execute(select(_snapshot(func.pg_snapshot_xmin))).scalar_one()


def list_sealable(connection: Connection, *, start: int, limit: int) -> list[Sealable]:
    """Return committed events without a link, by place, from the place `start` on (0: from the beginning).

    On PostgreSQL ids don't commit in order. There the place is the writing transaction, and an event is only taken when
    that transaction is older than every open one, so that nothing can still appear before it. A number that this
    server has not handed out yet belongs to another server, whose dump was restored here: such a transaction is over.
    """
    place = _place(connection)
    query = (
        select(place.label("place"), *_event_columns)
        .where(_is_unsealed, place >= start, _is_settled(connection))
        .order_by(place, audit_events.c.id)
        .limit(limit)
    )
    return [Sealable(row.place, _event(row)) for row in connection.execute(query)]


def insert_links(connection: Connection, links: Sequence[Mapping[str, Any]]) -> None:
    """Append links: mappings of seq, event_row and mac."""
    connection.execute(insert(audit_links), list(links))


def insert_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint. A row with its count can only be a forgery, which is left for verify to find."""
    values = {
        "count": checkpoint.count,
        "head": checkpoint.head,
        "at": checkpoint.at,
        "signature": checkpoint.signature,
    }
    connection.execute(insert_into(connection, audit_checkpoints).values(**values).on_conflict_do_nothing())


def find_last_link(connection: Connection) -> tuple[int, bytes] | None:
    """Return seq and mac of the newest link."""
    query = select(audit_links.c.seq, audit_links.c.mac).order_by(audit_links.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.seq, row.mac)


def find_last_checkpoint(connection: Connection) -> Checkpoint | None:
    """Return the checkpoint with the highest count."""
    row = connection.execute(_checkpoints().order_by(audit_checkpoints.c.count.desc()).limit(1)).one_or_none()
    return None if row is None else _checkpoint(row)


def find_checkpoint(connection: Connection, count: int) -> Checkpoint | None:
    """Return the checkpoint after `count` events."""
    row = connection.execute(_checkpoints().where(audit_checkpoints.c.count == count)).one_or_none()
    return None if row is None else _checkpoint(row)


def list_checkpoints(
    connection: Connection, *, after: int, up_to: int | None = None, limit: int | None = None
) -> list[Checkpoint]:
    """Return checkpoints with after < count <= up_to, in order."""
    within = true() if up_to is None else audit_checkpoints.c.count <= up_to
    query = _checkpoints().where(audit_checkpoints.c.count > after, within).order_by(audit_checkpoints.c.count)
    return [_checkpoint(row) for row in connection.execute(query.limit(limit))]


def list_links(connection: Connection, *, after: int, limit: int) -> list[Link]:
    """Return links with seq > after, in order, with their events."""
    query = (
        select(audit_links.c.seq, audit_links.c.mac, audit_links.c.event_row, *_event_columns)
        .select_from(audit_links.outerjoin(audit_events, audit_links.c.event_row == audit_events.c.id))
        .where(audit_links.c.seq > after)
        .order_by(audit_links.c.seq)
        .limit(limit)
    )
    return [
        Link(row.seq, row.mac, row.event_row, None if row.id is None else _event(row))
        for row in connection.execute(query)
    ]


def count_unsealed(connection: Connection) -> Unsealed:
    """Count the committed events without a link."""
    query = select(func.count(), func.min(audit_events.c.at)).select_from(audit_events).where(_is_unsealed)
    count, oldest_at = connection.execute(query).one()
    return Unsealed(count, oldest_at)


def list_events(connection: Connection, *, tag: str | None, limit: int) -> list[Event]:
    """Return the newest events first; only those of a tag, or of a family of tags such as `login:`."""
    query = select(*_event_columns).order_by(audit_events.c.id.desc()).limit(limit)
    if tag is not None:
        matches = (
            audit_events.c.tag.startswith(tag, autoescape=True) if tag.endswith(":") else audit_events.c.tag == tag
        )
        query = query.where(matches)
    return [_event(row) for row in connection.execute(query)]


def _place(connection: Connection) -> ColumnElement[int]:
    return audit_events.c.id if connection.dialect.name == "sqlite" else audit_events.c.xid


def _is_settled(connection: Connection) -> ColumnElement[bool]:
    if connection.dialect.name == "sqlite":
        return literal(True)
    oldest_open, next_unused = _snapshot(func.pg_snapshot_xmin), _snapshot(func.pg_snapshot_xmax)
    return or_(audit_events.c.xid < oldest_open, audit_events.c.xid >= next_unused)


def _snapshot(bound: Any) -> ColumnElement[int]:
    # xid8 has no cast to bigint; its text is decimal.
    return cast(cast(bound(func.pg_current_snapshot()), Text), BigInteger)


def _checkpoints() -> Select[Any]:
    return select(
        audit_checkpoints.c.count.label("events"),  # a row's `count` is a tuple's method
        audit_checkpoints.c.head,
        audit_checkpoints.c.at,
        audit_checkpoints.c.signature,
    )


def _checkpoint(row: Row[Any]) -> Checkpoint:
    return Checkpoint(row.events, row.head, row.at, row.signature)


def _event(row: Row[Any]) -> Event:
    return Event(
        row=row.id,
        event_id=row.event_id,
        at=row.at,
        tag=row.tag,
        account_id=row.account_id,
        request_id=row.request_id,
        facts=row.facts,
        sealed=row.sealed,
    )
