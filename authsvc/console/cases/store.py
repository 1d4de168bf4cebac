"""SQL of cases: those that wait, those that were handled lately, and handling one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from authsvc.login.tables import cases


@dataclass(frozen=True)
class Case:
    """One "this wasn't me"."""

    id: str
    account_id: str
    kind: str
    alert_id: str | None
    event_id: str | None
    opened_at: datetime
    handled_at: datetime | None
    handled_by: str | None
    note: str | None


def list_open_cases(connection: Connection, *, limit: int) -> list[Case]:
    """Return the cases that wait, the oldest first: nobody's is left lying."""
    query = select(cases).where(cases.c.handled_at.is_(None)).order_by(cases.c.opened_at, cases.c.id).limit(limit)
    return [Case(**row._mapping) for row in connection.execute(query)]


def count_open_cases(connection: Connection) -> int:
    query = select(func.count()).select_from(cases).where(cases.c.handled_at.is_(None))
    return int(connection.execute(query).scalar_one())


def list_handled_cases(connection: Connection, *, limit: int) -> list[Case]:
    """Return what was handled, the newest first."""
    query = select(cases).where(cases.c.handled_at.is_not(None))
    query = query.order_by(cases.c.handled_at.desc(), cases.c.id).limit(limit)
    return [Case(**row._mapping) for row in connection.execute(query)]


def handle_case(connection: Connection, case_id: str, *, by: str, note: str, now: datetime) -> bool:
    """Mark a case as handled in one statement; False when somebody else did, or there is none."""
    statement = (
        update(cases)
        .where(cases.c.id == case_id, cases.c.handled_at.is_(None))
        .values(handled_at=now, handled_by=by, note=note)
    )
    return connection.execute(statement).rowcount == 1


def case_exists(connection: Connection, case_id: str) -> bool:
    return connection.execute(select(cases.c.id).where(cases.c.id == case_id)).first() is not None
