"""SQL for profiles and for everybody's counts. Statements of a sign-in are built once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    ScalarSelect,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from authsvc.core.database import write_at_end, written_once
from authsvc.core.ids import new_id
from authsvc.core.sealing.cipher import mark_of
from authsvc.risk.history.behaviour.population import added
from authsvc.risk.history.behaviour.tables import behaviour_profiles, population_counts, population_news

ADDED_AT_ONCE = 5_000

_of_account = behaviour_profiles.c.account_id == bindparam("account_id")
_LOCK = select(behaviour_profiles.c.profile_sealed).where(_of_account).with_for_update()
_profile = behaviour_profiles.c.profile_sealed
_REPLACE = (
    update(behaviour_profiles)
    .where(
        behaviour_profiles.c.account_id == bindparam("account"),
        func.substr(_profile, 1, bindparam("mark_bytes")) == bindparam("mark", type_=LargeBinary),
    )
    .values(profile_sealed=bindparam("sealed"), updated_at=bindparam("now"))
)
_WRITE = written_once(
    behaviour_profiles,
    lambda made: made.on_conflict_do_update(
        index_elements=["account_id"],
        set_={"profile_sealed": made.excluded.profile_sealed, "updated_at": made.excluded.updated_at},
    ),
)
_NEWS = insert(population_news)
_ADD = written_once(
    population_counts,
    lambda made: made.on_conflict_do_update(
        index_elements=["cell"], set_={"weight": population_counts.c.weight + made.excluded.weight}
    ),
)


def sealed_profile_of(account_id: ColumnElement[str]) -> ScalarSelect[bytes]:
    """Return the sealed profile as a column of a statement that reads more of the account (history/look_up.py)."""
    return select(_profile).where(behaviour_profiles.c.account_id == account_id).scalar_subquery()


def lock_profile(connection: Connection, account_id: str) -> bytes | None:
    """Return the sealed profile, and keep others from changing it until this transaction ends."""
    found = connection.execute(_LOCK, {"account_id": account_id}).scalar_one_or_none()
    return None if found is None else bytes(found)


def replace_profile(connection: Connection, account_id: str, sealed: bytes, *, before: bytes, now: datetime) -> bool:
    """Write a profile over the one that it was made from; False, and nothing is written, if that is gone meanwhile."""
    mark = mark_of(before)
    values = {"account": account_id, "sealed": sealed, "now": now, "mark": mark, "mark_bytes": len(mark)}
    return connection.execute(_REPLACE, values).rowcount == 1


def write_profile(connection: Connection, account_id: str, sealed: bytes, *, now: datetime) -> None:
    values = {"account_id": account_id, "profile_sealed": sealed, "updated_at": now}
    connection.execute(_WRITE[connection.dialect.name], values)


def forget_profile(connection: Connection, account_id: str) -> None:
    connection.execute(delete(behaviour_profiles).where(_of_account), {"account_id": account_id})


@cache
def _cells(count: int) -> Select[Any]:
    # An ordinary parameter for each: an IN of any length is written out anew at every execution.
    which = (population_counts.c.cell == bindparam(f"cell_{number}") for number in range(count))
    return select(population_counts.c.cell, population_counts.c.weight).where(or_(*which))


def find_cells(connection: Connection, cells: Sequence[int]) -> dict[int, float]:
    """Return the weights of those cells that have one."""
    values = {f"cell_{number}": cell for number, cell in enumerate(cells)}
    found: Sequence[Any] = connection.execute(_cells(len(cells)), values).all()
    return dict(found)


def insert_news(connection: Connection, cells: Sequence[int]) -> None:
    """Leave a completed sign-in for the sweeper to count."""
    write_at_end(connection, _NEWS, {"id": new_id("pop"), "cells": list(cells)})


def sweep_population(connection: Connection, now: datetime) -> None:
    """Add what sign-ins left to everybody's counts; of two processes that do, each takes other rows."""
    waiting = select(population_news.c.id).limit(ADDED_AT_ONCE)
    if connection.dialect.name == "postgresql":
        waiting = waiting.with_for_update(skip_locked=True)
    taken = delete(population_news).where(population_news.c.id.in_(waiting.scalar_subquery()))
    news = connection.execute(taken.returning(population_news.c.cells)).scalars().all()
    sums: Mapping[int, float] = added(news, now.timestamp())
    if sums:
        rows = [{"cell": cell, "weight": weight} for cell, weight in sums.items()]
        connection.execute(_ADD[connection.dialect.name], rows)
