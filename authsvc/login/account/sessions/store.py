"""SQL of an account's own sessions and devices. Every statement names the account: an id alone finds nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from authsvc.accounts.levels import ProofKind
from authsvc.accounts.tables import account_devices, session_proofs, sessions
from authsvc.core.audit.tables import audit_events
from authsvc.settings import SessionSettings

MOST_SESSIONS = 50
MOST_OPENINGS = 400
OPENED = "accounts:session:opened"


@dataclass(frozen=True)
class LiveSession:
    """A session that would be let in now."""

    id: str
    device_id: str | None
    kind: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class KnownDevice:
    """A browser that the account has completed a sign-in from."""

    id: str
    label: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class Opening:
    """The event of a session's beginning, its personal part still sealed."""

    event_id: str
    sealed: bytes | None


def list_live(
    connection: Connection, account_id: str, settings: SessionSettings, *, now: datetime, limit: int = MOST_SESSIONS
) -> list[LiveSession]:
    """Return the account's live sessions, the most recently used first."""
    columns = (
        sessions.c.id,
        sessions.c.device_id,
        sessions.c.kind,
        sessions.c.created_at,
        sessions.c.last_seen_at,
    )
    query = select(*columns).where(_live(account_id, settings, now))
    query = query.order_by(sessions.c.last_seen_at.desc(), sessions.c.id).limit(limit)
    return [LiveSession(**row._mapping) for row in connection.execute(query)]


def count_live(connection: Connection, account_id: str, settings: SessionSettings, *, now: datetime) -> int:
    query = select(func.count()).select_from(sessions).where(_live(account_id, settings, now))
    return int(connection.execute(query).scalar_one())


def list_open_ids(
    connection: Connection, account_id: str, *, device_id: str | None = None, proven: ProofKind | None = None
) -> list[str]:
    """Return the ids of sessions that were not ended, live or idle; only of a device, or that rest on a proof."""
    query = select(sessions.c.id).where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))
    if device_id is not None:
        query = query.where(sessions.c.device_id == device_id)
    if proven is not None:
        rests = exists().where(session_proofs.c.session_id == sessions.c.id, session_proofs.c.kind == proven.value)
        query = query.where(rests)
    return list(connection.execute(query).scalars())


def session_exists(connection: Connection, account_id: str, session_id: str) -> bool:
    """Return whether this is a session of the account, ended or not."""
    query = select(sessions.c.id).where(sessions.c.id == session_id, sessions.c.account_id == account_id)
    return connection.execute(query).first() is not None


def list_devices(connection: Connection, account_id: str) -> list[KnownDevice]:
    """Return the devices known to the account, the most recently used first."""
    columns = account_devices.c
    query = select(
        columns.device_id.label("id"), columns.label.label("name"), columns.first_seen_at, columns.last_seen_at
    ).where(columns.account_id == account_id)
    rows = connection.execute(query.order_by(columns.last_seen_at.desc(), columns.device_id))
    return [KnownDevice(row.id, row.name, row.first_seen_at, row.last_seen_at) for row in rows]


def device_exists(connection: Connection, account_id: str, device_id: str) -> bool:
    """Return whether the account knows this device, or was ever signed in on it: forgetting twice is no mistake."""
    known = select(account_devices.c.device_id).where(
        account_devices.c.account_id == account_id, account_devices.c.device_id == device_id
    )
    used = select(sessions.c.id).where(sessions.c.account_id == account_id, sessions.c.device_id == device_id)
    return any(connection.execute(query.limit(1)).first() is not None for query in (known, used))


def find_openings(
    connection: Connection, account_id: str, session_ids: Collection[str], *, since: datetime
) -> Mapping[str, Opening]:
    """Return, by session, the events in which these sessions began."""
    query = (
        select(audit_events.c.event_id, audit_events.c.facts, audit_events.c.sealed)
        .where(audit_events.c.account_id == account_id, audit_events.c.tag == OPENED, audit_events.c.at >= since)
        .order_by(audit_events.c.id.desc())
        .limit(MOST_OPENINGS)
    )
    found = {row.facts.get("session"): Opening(row.event_id, row.sealed) for row in connection.execute(query)}
    return {session_id: found[session_id] for session_id in session_ids if session_id in found}


def _live(account_id: str, settings: SessionSettings, now: datetime) -> ColumnElement[bool]:
    idle = {
        "customer": timedelta(days=settings.idle_days),
        "staff": timedelta(minutes=settings.staff_idle_minutes),
    }
    return and_(
        sessions.c.account_id == account_id,
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > now,
        or_(*(and_(sessions.c.kind == kind, sessions.c.last_seen_at > now - length) for kind, length in idle.items())),
    )
