"""SQL for failed sign-ins: counted per account and per source address, kept for a day.

A count stops at a bound: more would weigh no more, and an attack must not make each decision slower than the last.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from authsvc.core.ids import new_id
from authsvc.risk.context import FailureCounts
from authsvc.risk.history.indexes import Indexes
from authsvc.risk.tables import sign_in_failures

ACCOUNT_WINDOW = timedelta(hours=24)
SOURCE_WINDOW = timedelta(hours=1)
MOST_COUNTED = 128  # above the last step of signals/failures.py


_failed = sign_in_failures.c
_on_account = (
    select(_failed.id)
    .where(_failed.account_index.in_(bindparam("account", expanding=True)), _failed.at > bindparam("account_since"))
    .limit(MOST_COUNTED)
    .subquery()
)
_from_source = (
    select(_failed.account_index)
    .where(_failed.source_index.in_(bindparam("source", expanding=True)), _failed.at > bindparam("source_since"))
    .order_by(_failed.at.desc())
    .limit(MOST_COUNTED)
    .subquery()
)
# Built once: writing a statement down costs more than running it.
_COUNTS = select(
    select(func.count()).select_from(_on_account).scalar_subquery(),
    select(func.count()).select_from(_from_source).scalar_subquery(),
    select(func.count(func.distinct(_from_source.c.account_index))).scalar_subquery(),
)


def count_failures(connection: Connection, *, account: Indexes, source: Indexes, now: datetime) -> FailureCounts:
    """Return the failures on the account in 24 hours, and from the source in 1 hour with the accounts it tried."""
    values = {
        "account": account,
        "account_since": now - ACCOUNT_WINDOW,
        "source": source,
        "source_since": now - SOURCE_WINDOW,
    }
    row = connection.execute(_COUNTS, values).one()
    return FailureCounts(account=row[0], address=row[1], address_accounts=row[2])


def insert_failure(connection: Connection, *, account: Indexes, source: Indexes, now: datetime) -> None:
    connection.execute(
        insert(sign_in_failures).values(id=new_id("sif"), at=now, account_index=account[0], source_index=source[0])
    )


def sweep_failures(connection: Connection, now: datetime) -> None:
    """Drop failures that count no more."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.at <= now - ACCOUNT_WINDOW))


def forget_failures(connection: Connection, account: Indexes) -> None:
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.account_index.in_(account)))
