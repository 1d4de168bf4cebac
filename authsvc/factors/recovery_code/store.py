"""SQL for recovery codes. Whoever locks rows of both tables begins with the set's: no two wait for each other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from authsvc.core.database import insert_into
from authsvc.factors.recovery_code.tables import recovery_code_sets, recovery_codes


@dataclass(frozen=True)
class CodeSet:
    """An account's codes: when they were made, and how many are unused."""

    id: str
    created_at: datetime
    last_used_at: datetime | None
    left: int


def find_set(connection: Connection, account_id: str) -> CodeSet | None:
    row = connection.execute(
        select(recovery_code_sets).where(recovery_code_sets.c.account_id == account_id)
    ).one_or_none()
    if row is None:
        return None
    query = select(
        func.count().label("made"),
        func.count(recovery_codes.c.used_at).label("used"),
        func.max(recovery_codes.c.used_at).label("last_used_at"),
    ).where(recovery_codes.c.account_id == account_id, recovery_codes.c.set_id == row.id)
    codes = connection.execute(query).one()
    return CodeSet(row.id, row.created_at, codes.last_used_at, codes.made - codes.used)


def replace_set(
    connection: Connection, account_id: str, *, set_id: str, code_hashes: Collection[bytes], now: datetime
) -> None:
    """Keep a new set of codes; those of the one before are gone. Of two at once the later one stays, whole."""
    values = {"account_id": account_id, "id": set_id, "created_at": now}
    statement = insert_into(connection, recovery_code_sets).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))  # locks the row
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    connection.execute(
        insert(recovery_codes),
        [{"account_id": account_id, "set_id": set_id, "code_hash": code_hash} for code_hash in code_hashes],
    )


def consume_code(
    connection: Connection, account_id: str, *, set_id: str, code_hashes: Collection[bytes], now: datetime
) -> bool:
    """Spend a code in one statement; False when the set has no such code, or it was used.

    Args: code_hashes are those of one code, under each key of the ring.
    """
    statement = (
        update(recovery_codes)
        .where(
            recovery_codes.c.account_id == account_id,
            recovery_codes.c.set_id == set_id,
            recovery_codes.c.code_hash.in_(code_hashes),
            recovery_codes.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return connection.execute(statement).rowcount == 1


def exists_code(connection: Connection, account_id: str, *, set_id: str, code_hashes: Collection[bytes]) -> bool:
    """Return whether the set has such a code, used or not."""
    query = select(recovery_codes.c.set_id).where(
        recovery_codes.c.account_id == account_id,
        recovery_codes.c.set_id == set_id,
        recovery_codes.c.code_hash.in_(code_hashes),
    )
    return connection.execute(query.limit(1)).first() is not None


def delete_set(connection: Connection, account_id: str) -> str | None:
    """Delete an account's codes; return the id of their set, or None when there was none."""
    statement = (
        delete(recovery_code_sets)
        .where(recovery_code_sets.c.account_id == account_id)
        .returning(recovery_code_sets.c.id)
    )
    set_id: str | None = connection.execute(statement).scalar_one_or_none()
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    return set_id
