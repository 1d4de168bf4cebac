"""SQL for failed sign-ins: counted per account and per source address, kept for a day.

A count stops at a bound: more would weigh no more, and an attack must not make each decision slower than the last.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from authsvc.core.ids import new_id
from authsvc.risk.context import FailureCounts
from authsvc.risk.history.indexes import Indexes
from authsvc.risk.tables import sign_in_failures

ACCOUNT_WINDOW = timedelta(hours=24)
SOURCE_WINDOW = timedelta(hours=1)
MOST_COUNTED = 128  # above the last step of signals/failures.py
PRUNED_AT_ONCE = 50


def count_failures(connection: Connection, *, account: Indexes, source: Indexes, now: datetime) -> FailureCounts:
    """Return the failures on the account in 24 hours, and from the source in 1 hour with the accounts it tried."""
    failed = sign_in_failures.c
    on_account = (
        select(failed.id)
        .where(failed.account_index.in_(account), failed.at > now - ACCOUNT_WINDOW)
        .limit(MOST_COUNTED)
        .subquery()
    )
    from_source = (
        select(failed.account_index)
        .where(failed.source_index.in_(source), failed.at > now - SOURCE_WINDOW)
        .order_by(failed.at.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    row = connection.execute(
        select(
            select(func.count()).select_from(on_account).scalar_subquery(),
            select(func.count()).select_from(from_source).scalar_subquery(),
            select(func.count(func.distinct(from_source.c.account_index))).scalar_subquery(),
        )
    ).one()
    return FailureCounts(account=row[0], address=row[1], address_accounts=row[2])


def insert_failure(connection: Connection, *, account: Indexes, source: Indexes, now: datetime) -> None:
    """Keep one failure, and drop some that are too old: a few at a time, passing over what another writer drops."""
    connection.execute(
        insert(sign_in_failures).values(id=new_id("sif"), at=now, account_index=account[0], source_index=source[0])
    )
    old = (
        select(sign_in_failures.c.id)
        .where(sign_in_failures.c.at <= now - ACCOUNT_WINDOW)
        .limit(PRUNED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(delete(sign_in_failures).where(sign_in_failures.c.id.in_(ids)))


def forget_failures(connection: Connection, account: Indexes) -> None:
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.account_index.in_(account)))
