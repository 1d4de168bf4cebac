"""SQL for the cohort and the operating points.

On PostgreSQL whoever changes the cohort takes one advisory lock till their transaction ends: a prototype that is being
made while one of its members leaves would otherwise outlive them. SQLite has one writer anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from authsvc.core.database import insert_into
from authsvc.factors.face.matching.operating_point import OperatingPoint
from authsvc.factors.face.matching.tables import face_cohort_members, face_operating_points, face_prototypes

COHORT_LOCK = 7_306_084_163_201_004  # any number that no other advisory lock of authsvc uses


@dataclass(frozen=True)
class Member:
    """A person's part: they wait with a sealed vector, or are in a prototype."""

    account_id: str
    embedder: str
    waiting: bytes | None
    prototype_id: str | None


def hold_cohort(connection: Connection) -> None:
    """Be the only one who changes the cohort till the transaction ends."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(COHORT_LOCK)))


def find_member(connection: Connection, account_id: str) -> Member | None:
    columns = face_cohort_members.c
    row = connection.execute(
        select(columns.account_id, columns.embedder, columns.waiting, columns.prototype_id).where(
            columns.account_id == account_id
        )
    ).one_or_none()
    return Member(**row._mapping) if row else None


def insert_waiting(connection: Connection, account_id: str, embedder: str, sealed: bytes, now: datetime) -> None:
    connection.execute(
        insert(face_cohort_members).values(account_id=account_id, embedder=embedder, waiting=sealed, created_at=now)
    )


def list_waiting(connection: Connection, embedder: str) -> list[Member]:
    """Return who waits, longest first."""
    columns = face_cohort_members.c
    rows = connection.execute(
        select(columns.account_id, columns.embedder, columns.waiting, columns.prototype_id)
        .where(columns.embedder == embedder, columns.prototype_id.is_(None))
        .order_by(columns.created_at, columns.account_id)
    )
    return [Member(**row._mapping) for row in rows]


def insert_prototype(
    connection: Connection, prototype_id: str, embedder: str, sealed: bytes, members: Sequence[str], now: datetime
) -> None:
    """Keep a prototype, and that these people are in it; their own vectors are dropped."""
    connection.execute(
        insert(face_prototypes).values(id=prototype_id, embedder=embedder, sealed=sealed, created_at=now)
    )
    connection.execute(
        update(face_cohort_members)
        .where(face_cohort_members.c.account_id.in_(members))
        .values(prototype_id=prototype_id, waiting=None)
    )


def count_prototypes(connection: Connection, embedder: str) -> int:
    query = select(func.count()).select_from(face_prototypes).where(face_prototypes.c.embedder == embedder)
    return connection.execute(query).scalar_one()


def list_prototype_ids(connection: Connection, embedder: str) -> list[str]:
    query = select(face_prototypes.c.id).where(face_prototypes.c.embedder == embedder).order_by(face_prototypes.c.id)
    return list(connection.execute(query).scalars())


def list_sealed_prototypes(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    query = select(face_prototypes.c.id, face_prototypes.c.sealed).where(face_prototypes.c.id.in_(ids))
    return {row.id: row.sealed for row in connection.execute(query)}


def list_memberships(connection: Connection, embedder: str) -> dict[str, str]:
    """Return the prototype of everybody who is in one, by account."""
    columns = face_cohort_members.c
    rows = connection.execute(
        select(columns.account_id, columns.prototype_id).where(
            columns.embedder == embedder, columns.prototype_id.is_not(None)
        )
    )
    return {row.account_id: row.prototype_id for row in rows}


def delete_member(connection: Connection, account_id: str) -> None:
    """Delete a person's part, and the prototype that they are in with everybody's part in it."""
    if find_member(connection, account_id) is None:
        return
    hold_cohort(connection)
    gone = connection.execute(
        delete(face_cohort_members)
        .where(face_cohort_members.c.account_id == account_id)
        .returning(face_cohort_members.c.prototype_id)
    ).scalar_one_or_none()
    if gone is not None:
        connection.execute(delete(face_prototypes).where(face_prototypes.c.id == gone))  # the others' parts with it


def put_operating_point(connection: Connection, point: OperatingPoint, now: datetime) -> None:
    """Keep a point in place of the former one of its kind."""
    values = {
        "embedder": point.embedder,
        "kind": _kind(relative=point.relative),
        "prototypes": point.prototypes,
        "threshold": point.threshold,
        "fmr": point.fmr,
        "pairs": point.pairs,
        "people": point.people,
        "created_at": now,
    }
    statement = insert_into(connection, face_operating_points).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["embedder", "kind"], set_=values))


def find_operating_point(connection: Connection, embedder: str, *, relative: bool) -> OperatingPoint | None:
    columns = face_operating_points.c
    row = connection.execute(
        select(face_operating_points).where(columns.embedder == embedder, columns.kind == _kind(relative=relative))
    ).one_or_none()
    if row is None:
        return None
    source = f"this deployment, {row.created_at:%Y-%m-%d}"
    return OperatingPoint(row.embedder, row.threshold, row.fmr, row.pairs, row.people, source, row.prototypes)


def delete_operating_points(connection: Connection) -> int:
    return connection.execute(delete(face_operating_points)).rowcount


def _kind(*, relative: bool) -> str:
    return "relative" if relative else "plain"
