"""SQL for counting, baselines and incidents. What is counted is counted from rows that are there anyway."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from authsvc.accounts.tables import account_devices
from authsvc.core.database import insert_into
from authsvc.risk.forecast import Band, Baseline
from authsvc.risk.incidents.tables import risk_baselines, risk_incidents, risk_intervals
from authsvc.risk.tables import risk_decisions, sign_in_failures

KEPT_INTERVALS = timedelta(days=15)


class Measure(StrEnum):
    """What is watched. The names are stored."""

    FAILURES = "failures"
    CHALLENGES = "challenges"
    NEW_DEVICES = "new_devices"


# Open, these raise everyone's scrutiny. Challenges do not: scrutiny makes challenges, so an incident of them would keep
# itself open for as long as people sign in.
SCRUTINISED = (Measure.FAILURES, Measure.NEW_DEVICES)


@dataclass(frozen=True)
class Incident:
    id: str
    measure: str
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    expected: float
    high: float
    peak: int
    calm: int


@dataclass(frozen=True)
class Interval:
    measure: str
    at: datetime
    seen: int
    expected: float
    low: float
    high: float


def _between(column: ColumnElement[datetime], begin: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return column >= begin, column < end


_COUNTS: Mapping[Measure, Callable[[datetime, datetime], Select[Any]]] = {
    Measure.FAILURES: lambda begin, end: (
        select(func.count()).select_from(sign_in_failures).where(*_between(sign_in_failures.c.at, begin, end))
    ),
    Measure.CHALLENGES: lambda begin, end: (
        select(func.count())
        .select_from(risk_decisions)
        .where(*_between(risk_decisions.c.at, begin, end), risk_decisions.c.decision == "step_up")
    ),
    Measure.NEW_DEVICES: lambda begin, end: (
        select(func.count()).select_from(account_devices).where(*_between(account_devices.c.first_seen_at, begin, end))
    ),
}


def count(connection: Connection, measure: Measure, begin: datetime, end: datetime) -> int:
    return int(connection.execute(_COUNTS[measure](begin, end)).scalar_one())


def find_baseline(connection: Connection, measure: Measure) -> tuple[datetime, Mapping[str, Any]] | None:
    """Return how far was looked, and the stored baseline."""
    query = select(risk_baselines.c.through, risk_baselines.c.state).where(risk_baselines.c.measure == measure)
    row = connection.execute(query).one_or_none()
    return (row.through, row.state) if row else None


def begin_baseline(connection: Connection, measure: Measure, through: datetime) -> None:
    values = {"measure": measure.value, "through": through, "state": Baseline().to_json()}
    connection.execute(insert_into(connection, risk_baselines).values(**values).on_conflict_do_nothing())


def claim_interval(
    connection: Connection, measure: Measure, *, was: datetime, through: datetime, baseline: Baseline
) -> bool:
    """Move on by one interval, in one statement; False when another process did."""
    statement = (
        update(risk_baselines)
        .where(risk_baselines.c.measure == measure, risk_baselines.c.through == was)
        .values(through=through, state=baseline.to_json())
    )
    return connection.execute(statement).rowcount == 1


def insert_interval(connection: Connection, measure: Measure, at: datetime, seen: int, band: Band) -> None:
    values = {"measure": measure.value, "at": at, "seen": seen, **band.__dict__}
    connection.execute(insert_into(connection, risk_intervals).values(**values).on_conflict_do_nothing())


def list_intervals(connection: Connection, measure: str, begin: datetime, end: datetime) -> list[Interval]:
    query = (
        select(risk_intervals)
        .where(risk_intervals.c.measure == measure, *_between(risk_intervals.c.at, begin, end))
        .order_by(risk_intervals.c.at)
    )
    return [Interval(**row._mapping) for row in connection.execute(query)]


def sweep_intervals(connection: Connection, now: datetime) -> None:
    connection.execute(delete(risk_intervals).where(risk_intervals.c.at <= now - KEPT_INTERVALS))


def find_open_incident(connection: Connection, measure: str) -> Incident | None:
    query = select(risk_incidents).where(risk_incidents.c.measure == measure, risk_incidents.c.closed_at.is_(None))
    row = connection.execute(query).one_or_none()
    return _incident(row) if row else None


def insert_incident(connection: Connection, incident: Incident) -> None:
    connection.execute(insert(risk_incidents).values(**incident.__dict__))


def update_incident(connection: Connection, incident: Incident) -> None:
    connection.execute(update(risk_incidents).where(risk_incidents.c.id == incident.id).values(**incident.__dict__))


def list_incidents(connection: Connection, *, limit: int) -> list[Incident]:
    """Return the open ones, then the newest of the others."""
    query = select(risk_incidents).order_by(risk_incidents.c.closed_at.is_not(None), risk_incidents.c.opened_at.desc())
    return [_incident(row) for row in connection.execute(query.limit(limit))]


def _incident(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)
