"""Sixteen at once on PostgreSQL: however customers join and leave the cohort, no prototype outlives a member of it."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import func, select

from authsvc.accounts.store import Account, insert_account
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.matching.cohort import MEMBERS
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.matching.tables import face_cohort_members, face_prototypes
from authsvc.settings import FaceSettings
from tests.support.clocks import SettableClock
from tests.support.races import THREADS, at_once

pytestmark = pytest.mark.postgresql

NETWORK = "a network"


@pytest.fixture
def matching(postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Matching:
    with postgresql_only_database.write() as connection:
        for number in range(2 * THREADS):
            insert_account(connection, Account(f"acc_{number}", b"%d" % number, "Someone", "active", clock.now()))
    return Matching(vault, audit, FaceSettings())


def members_by_prototype(database: Database) -> list[int]:
    """Return how many members each prototype has; one without any would be in this list with 0."""
    query = (
        select(func.count(face_cohort_members.c.account_id))
        .select_from(face_prototypes)
        .outerjoin(face_cohort_members, face_cohort_members.c.prototype_id == face_prototypes.c.id)
        .group_by(face_prototypes.c.id)
    )
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def joining(matching: Matching, database: Database, clock: SettableClock) -> Callable[[int], None]:
    def join(number: int) -> None:
        with database.write() as connection:
            vector = np.full(128, float(number))
            matching.grow(connection, f"acc_{number}", vector, embedder=NETWORK, now=clock.now())

    return join


def test_sixteen_join_and_each_is_in_one_prototype(
    matching: Matching, postgresql_only_database: Database, clock: SettableClock
) -> None:
    at_once(joining(matching, postgresql_only_database, clock))
    assert members_by_prototype(postgresql_only_database) == [MEMBERS] * (THREADS // MEMBERS)
    with postgresql_only_database.read() as connection:
        waiting = select(func.count()).where(face_cohort_members.c.prototype_id.is_(None))
        assert connection.execute(waiting).scalar_one() == THREADS % MEMBERS


def test_some_leave_while_others_join_and_no_prototype_lacks_a_member(
    matching: Matching, postgresql_only_database: Database, clock: SettableClock
) -> None:
    join = joining(matching, postgresql_only_database, clock)
    for number in range(THREADS - 1):
        join(number)

    def come_or_go(number: int) -> None:
        if number % 2:
            join(THREADS + number)
            return
        with postgresql_only_database.write() as connection:
            matching.forget(connection, f"acc_{number}")

    at_once(come_or_go)
    assert set(members_by_prototype(postgresql_only_database)) <= {MEMBERS}
    with postgresql_only_database.read() as connection:
        left = set(connection.execute(select(face_cohort_members.c.account_id)).scalars())
    assert not left & {f"acc_{number}" for number in range(0, THREADS, 2)}
