"""SQL for failed sign-ins: counted per account and per source address, kept for a day.

A count stops at a bound: more would weigh no more, and an attack must not make each decision slower than the last.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select

from authsvc.core.ids import new_id
from authsvc.risk.history.indexes import Indexes, named, one_of
from authsvc.risk.incidents.store import SCRUTINISED
from authsvc.risk.incidents.tables import STALE_AFTER, risk_incidents
from authsvc.risk.tables import sign_in_failures

ACCOUNT_WINDOW = timedelta(hours=24)
SOURCE_WINDOW = timedelta(hours=1)
MOST_COUNTED = 128  # above the last step of signals/failures.py


def columns(keys: int) -> tuple[ColumnElement[int], ...]:
    """Return the columns of FailureCounts, in its order: of the account in 24 hours with their sources, from the source
    in 1 hour with the accounts it tried, and how many incidents that raise scrutiny are open.

    Args: keys as the number of indexes of the account, and of the source.
    """
    failed = sign_in_failures.c
    on_account = (
        select(failed.id, failed.source_index)
        .where(one_of(failed.account_index, "account", keys), failed.at > bindparam("account_since"))
        .limit(MOST_COUNTED)
        .subquery()
    )
    from_source = (
        select(failed.account_index)
        .where(one_of(failed.source_index, "source", keys), failed.at > bindparam("source_since"))
        .order_by(failed.at.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    return (
        select(func.count()).select_from(on_account).scalar_subquery(),
        select(func.count()).select_from(from_source).scalar_subquery(),
        select(func.count(func.distinct(from_source.c.account_index))).scalar_subquery(),
        select(func.count(func.distinct(on_account.c.source_index))).scalar_subquery(),
        select(func.count())
        .select_from(risk_incidents)
        .where(
            risk_incidents.c.closed_at.is_(None),
            risk_incidents.c.last_seen_at > bindparam("incidents_since"),
            or_(*(risk_incidents.c.measure == measure.value for measure in SCRUTINISED)),
        )
        .scalar_subquery(),
    )


def values(*, account: Indexes, source: Indexes, now: datetime) -> dict[str, Any]:
    """Return the parameters of `columns`."""
    since = {
        "account_since": now - ACCOUNT_WINDOW,
        "source_since": now - SOURCE_WINDOW,
        "incidents_since": now - STALE_AFTER,
    }
    return {**named("account", account), **named("source", source), **since}


def insert_failure(connection: Connection, *, account: Indexes, source: Indexes, now: datetime) -> None:
    connection.execute(
        insert(sign_in_failures).values(id=new_id("sif"), at=now, account_index=account[0], source_index=source[0])
    )


def sweep_failures(connection: Connection, now: datetime) -> None:
    """Drop failures that count no more."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.at <= now - ACCOUNT_WINDOW))


def forget_failures(connection: Connection, account: Indexes) -> None:
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.account_index.in_(account)))
