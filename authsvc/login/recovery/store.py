"""SQL for recoveries."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from authsvc.core.database import insert_into
from authsvc.login.recovery.rules import Pending
from authsvc.login.recovery.tables import recoveries

KEPT_AFTER_EXPIRY = timedelta(days=90)  # longer than a stopped one makes the next one wait

_IS_OPEN = (recoveries.c.stopped_at.is_(None), recoveries.c.finished_at.is_(None))
_SHOWN = (
    recoveries.c.id,
    recoveries.c.started_by,
    recoveries.c.started_at,
    recoveries.c.due_at,
    recoveries.c.expires_at,
    recoveries.c.code_flow_id,
)
# Built once: each strong sign-in asks it.
_FIND_OPEN = select(*_SHOWN).where(
    recoveries.c.account_id == bindparam("account_id"), recoveries.c.expires_at > bindparam("now"), *_IS_OPEN
)


def find_open(connection: Connection, account_id: str, now: datetime) -> Pending | None:
    """Return the account's open recovery, waiting or due."""
    row = connection.execute(_FIND_OPEN, {"account_id": account_id, "now": now}).one_or_none()
    return _pending(row) if row else None


def insert_recovery(connection: Connection, account_id: str, pending: Pending) -> bool:
    """Open a recovery; False when the account has an open one, whose clock runs on."""
    expire_recovery(connection, account_id, pending.started_at)
    statement = (
        insert_into(connection, recoveries)
        .values(account_id=account_id, **pending.__dict__)
        .on_conflict_do_nothing()
        .returning(recoveries.c.id)
    )
    return connection.execute(statement).first() is not None


def expire_recovery(connection: Connection, account_id: str, now: datetime) -> None:
    """Close a recovery that nobody came back for."""
    connection.execute(
        update(recoveries)
        .where(recoveries.c.account_id == account_id, recoveries.c.expires_at <= now, *_IS_OPEN)
        .values(stopped_at=now, stop_reason="expired")
    )


def note_code(connection: Connection, account_id: str, flow_id: str, now: datetime) -> None:
    """A recovery code was shown in this flow: it need not wait."""
    connection.execute(
        update(recoveries)
        .where(recoveries.c.account_id == account_id, recoveries.c.expires_at > now, *_IS_OPEN)
        .values(code_flow_id=flow_id)
    )


def consume_reminder(connection: Connection, recovery_id: str, now: datetime) -> tuple[str, Pending] | None:
    """Return (account id, recovery) the first time, while it is open: its second warning goes out once."""
    statement = (
        update(recoveries)
        .where(
            recoveries.c.id == recovery_id,
            recoveries.c.reminded_at.is_(None),
            recoveries.c.expires_at > now,
            *_IS_OPEN,
        )
        .values(reminded_at=now)
        .returning(recoveries.c.account_id, *_SHOWN)
    )
    row = connection.execute(statement).one_or_none()
    return (row.account_id, _pending(row)) if row else None


def consume_recovery(connection: Connection, account_id: str, *, flow_id: str, now: datetime) -> Pending | None:
    """Finish the recovery in one statement; None when it was stopped, is not due, or somebody else finished it."""
    statement = (
        update(recoveries)
        .where(
            recoveries.c.account_id == account_id,
            or_(recoveries.c.due_at <= now, recoveries.c.code_flow_id == flow_id),
            recoveries.c.expires_at > now,
            *_IS_OPEN,
        )
        .values(finished_at=now)
        .returning(*_SHOWN)
    )
    row = connection.execute(statement).one_or_none()
    return _pending(row) if row else None


def stop_recovery(connection: Connection, account_id: str, *, reason: str, now: datetime) -> str | None:
    """Stop the open recovery in one statement; return its id, or None when there is none."""
    statement = (
        update(recoveries)
        .where(recoveries.c.account_id == account_id, *_IS_OPEN)
        .values(stopped_at=now, stop_reason=reason)
        .returning(recoveries.c.id)
    )
    stopped: str | None = connection.execute(statement).scalar_one_or_none()
    return stopped


def find_last_stop(connection: Connection, account_id: str) -> datetime | None:
    """Return when the account's owner last stopped a recovery."""
    query = (
        select(recoveries.c.stopped_at)
        .where(recoveries.c.account_id == account_id, recoveries.c.stop_reason != "expired")
        .order_by(recoveries.c.stopped_at.desc())
        .limit(1)
    )
    stopped_at: datetime | None = connection.execute(query).scalar_one_or_none()
    return stopped_at


def sweep_recoveries(connection: Connection, now: datetime) -> None:
    """Drop recoveries that can neither be finished nor say how long the next one has to wait."""
    connection.execute(delete(recoveries).where(recoveries.c.expires_at < now - KEPT_AFTER_EXPIRY))


def _pending(row: Any) -> Pending:
    return Pending(row.id, row.started_by, row.started_at, row.due_at, row.expires_at, row.code_flow_id)
