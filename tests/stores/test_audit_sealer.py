"""The sealer on both databases: every event once, in an order that never passes an open transaction."""

import threading
import time
from contextlib import ExitStack
from functools import partial

import pytest
from sqlalchemy import insert, select, text
from structlog.testing import capture_logs

from authsvc.core.audit.chain import ChainKeys, sign_checkpoint
from authsvc.core.audit.sealer import Sealer, SealerThread
from authsvc.core.audit.store import list_links
from authsvc.core.audit.tables import audit_checkpoints, audit_events
from authsvc.core.audit.verify import Defect, verify
from tests.support.audit_trail import AUDIT_KEY, as_attacker, cut_after

WRITERS, EVENTS_EACH = 16, 12


@pytest.fixture
def write_to(audit, clock):
    """write_to(database, name) appends one event in a transaction of its own."""

    def write_to(database, name: str) -> None:
        with database.write() as connection:
            audit.record(connection, "test:event:written", now=clock.now(), facts={"name": name})

    return write_to


@pytest.fixture
def write(database, write_to):
    return partial(write_to, database)


def sealed_names(database) -> list[str]:
    with database.read() as connection:
        return [each.event.facts["name"] for each in list_links(connection, after=0, limit=10_000)]


def test_sixteen_writers_lose_no_event_and_none_is_sealed_twice(database, audit, clock):
    """Three sealers run meanwhile; transactions stay open for a while and some roll back."""
    done = threading.Event()
    problems: list[Exception] = []

    def writer(number: int) -> None:
        for turn in range(EVENTS_EACH):
            try:
                with database.write() as connection:
                    name = f"{number}:{turn}"
                    audit.record(connection, "test:event:written", now=clock.now(), facts={"name": name})
                    if not database.is_sqlite:  # SQLite's other writers would only wait for this one
                        time.sleep(0.001 * (number % 5))
                    if turn == 3:
                        raise _RolledBack
            except _RolledBack:
                continue
            except Exception as problem:
                problems.append(problem)

    def seal() -> None:
        sealer = Sealer(database, AUDIT_KEY, clock)
        while not done.is_set():
            try:
                sealer.run_once()
            except Exception as problem:
                problems.append(problem)
            time.sleep(0.002)

    writers = [threading.Thread(target=writer, args=(number,)) for number in range(WRITERS)]
    sealers = [threading.Thread(target=seal) for _ in range(3)]
    for thread in sealers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    Sealer(database, AUDIT_KEY, clock).run_once()

    assert problems == []
    names = sealed_names(database)
    expected = {f"{number}:{turn}" for number in range(WRITERS) for turn in range(EVENTS_EACH) if turn != 3}
    assert len(names) == len(set(names))
    assert set(names) == expected
    for number in range(WRITERS):  # each writer's own events stand in the order in which it wrote them
        own = [int(name.split(":")[1]) for name in names if name.startswith(f"{number}:")]
        assert own == sorted(own)
    report = verify(database, AUDIT_KEY)
    assert (report.holds, report.verified, report.unsealed) == (True, len(expected), 0)


@pytest.mark.postgresql
def test_the_order_never_passes_an_open_transaction(postgresql_only_database, audit, clock):
    """The open one holds a lower id than events that committed long before it does."""
    database = postgresql_only_database
    sealer = Sealer(database, AUDIT_KEY, clock)

    def record(connection, name):
        audit.record(connection, "test:event:written", now=clock.now(), facts={"name": name})

    with database.write() as connection:
        record(connection, "before")
    with ExitStack() as late:
        open_connection = late.enter_context(database.engine.begin())  # write() would insert at its end
        record(open_connection, "late")
        for name in ("after 1", "after 2"):
            with database.write() as connection:
                record(connection, name)
        with database.read() as connection:
            visible = connection.execute(select(audit_events.c.id).order_by(audit_events.c.id)).scalars().all()
        assert visible == [1, 3, 4]  # number 2 is there and can't be seen
        assert sealer.run_once() == 1
        assert sealer.run_once() == 0
        assert sealed_names(database) == ["before"]
        assert verify(database, AUDIT_KEY).unsealed == 2
    assert sealer.run_once() == 3
    assert sealed_names(database) == ["before", "late", "after 1", "after 2"]
    assert verify(database, AUDIT_KEY).verified == 4


@pytest.mark.postgresql
def test_a_transaction_that_rolls_back_holds_nothing_up(postgresql_only_database, audit, clock):
    database = postgresql_only_database
    sealer = Sealer(database, AUDIT_KEY, clock)
    with pytest.raises(_RolledBack), database.engine.begin() as connection:
        audit.record(connection, "test:event:written", now=clock.now(), facts={"name": "never"})
        with database.write() as other:
            audit.record(other, "test:event:written", now=clock.now(), facts={"name": "kept"})
        assert sealer.run_once() == 0
        raise _RolledBack
    assert sealer.run_once() == 1
    assert sealed_names(database) == ["kept"]


@pytest.mark.postgresql
def test_unsealed_events_of_a_restored_dump_are_sealed(postgresql_only_database, write_to, clock, monkeypatch):
    """They carry transaction numbers of the server that they come from, and new events have lower ones."""
    monkeypatch.setattr("authsvc.core.audit.sealer.BATCH", 1)
    database = postgresql_only_database
    write_to(database, "here")
    with database.write() as connection:
        values = {"event_id": "evt_elsewhere", "at": clock.now(), "tag": "test:event:written", "xid": 10**12}
        connection.execute(insert(audit_events).values(**values, facts={"name": "elsewhere"}))
    sealer = Sealer(database, AUDIT_KEY, clock)
    assert sealer.run_once() == 2
    write_to(database, "later")
    assert sealer.run_once() == 1
    assert sealed_names(database) == ["here", "elsewhere", "later"]


@pytest.mark.postgresql
def test_only_one_sealer_works_at_a_time(postgresql_only_database, write_to, clock):
    database = postgresql_only_database
    write_to(database, "one")
    with database.write() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(7306084163201002)"))
        assert Sealer(database, AUDIT_KEY, clock).run_once() == 0
    assert Sealer(database, AUDIT_KEY, clock).run_once() == 1


def test_each_batch_leaves_a_signed_checkpoint_in_database_and_log(database, write, clock, monkeypatch):
    monkeypatch.setattr("authsvc.core.audit.sealer.BATCH", 2)
    for name in "abc":
        write(name)
    with capture_logs() as entries:
        assert Sealer(database, AUDIT_KEY, clock).run_once() == 3
    with database.read() as connection:
        rows = connection.execute(select(audit_checkpoints).order_by(audit_checkpoints.c.count)).all()
    assert [entry["event"] for entry in entries] == ["audit.checkpoint"] * 2
    assert [entry["count"] for entry in entries] == [row[0] for row in rows] == [2, 3]
    assert [entry["head"] for entry in entries] == [row.head.hex() for row in rows]
    assert entries[-1]["at"] == clock.now().isoformat(timespec="microseconds")
    assert len(bytes.fromhex(entries[-1]["signature"])) == 64


def test_a_batch_that_does_not_commit_is_not_told_to_the_log(database, write, clock, monkeypatch):
    write("one")
    sealer = Sealer(database, AUDIT_KEY, clock)

    def fail(*_arguments: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch, capture_logs() as entries:
        patch.setattr("authsvc.core.audit.store.insert_checkpoint", fail)
        with pytest.raises(OSError):
            sealer.run_once()
    assert entries == []
    assert sealer.run_once() == 1
    assert verify(database, AUDIT_KEY).verified == 1


def test_a_running_sealer_notices_a_cut_and_keeps_the_hole_for_verify(database, write, clock):
    sealer = Sealer(database, AUDIT_KEY, clock)
    for name in "abcd":
        write(name)
    sealer.run_once()
    with as_attacker(database) as connection:
        cut_after(connection, 2, checkpoints=True)
    write("e")
    with capture_logs() as entries:
        assert sealer.run_once() == 1
    assert [entry["event"] for entry in entries] == ["audit.chain_cut", "audit.checkpoint"]
    problem = verify(database, AUDIT_KEY).problem
    assert problem is not None
    assert (problem.defect, problem.seq) == (Defect.LINK_MISSING, 3)


def test_a_sealer_that_starts_after_a_cut_goes_on_after_the_checkpoint(database, write, clock):
    for name in "abcd":
        write(name)
    Sealer(database, AUDIT_KEY, clock).run_once()
    with as_attacker(database) as connection:
        cut_after(connection, 2, checkpoints=False)
    write("e")
    assert Sealer(database, AUDIT_KEY, clock).run_once() == 1
    problem = verify(database, AUDIT_KEY).problem
    assert problem is not None
    assert (problem.defect, problem.seq) == (Defect.LINK_MISSING, 3)


def test_a_forged_checkpoint_does_not_stop_the_sealer(database, write, clock):
    write("a")
    Sealer(database, AUDIT_KEY, clock).run_once()
    forged = sign_checkpoint(ChainKeys.derive(bytes(32)), count=2, head=bytes(32), at=clock.now())
    with as_attacker(database) as connection:
        connection.execute(insert(audit_checkpoints).values(vars(forged)))
    write("b")
    assert Sealer(database, AUDIT_KEY, clock).run_once() == 1
    problem = verify(database, AUDIT_KEY).problem
    assert problem is not None
    assert (problem.defect, problem.seq) == (Defect.CHECKPOINT_FORGED, 2)


def test_the_thread_seals_within_two_seconds(database, write, clock):
    thread = SealerThread(Sealer(database, AUDIT_KEY, clock))
    thread.start()
    try:
        write("one")
        deadline = time.monotonic() + 2
        while verify(database, AUDIT_KEY).unsealed and time.monotonic() < deadline:
            time.sleep(0.02)
        assert verify(database, AUDIT_KEY).unsealed == 0
    finally:
        thread.stop()


def test_the_thread_seals_once_more_when_it_stops(database, write, clock, monkeypatch):
    monkeypatch.setattr("authsvc.core.audit.sealer.SEAL_EVERY_S", 600)
    thread = SealerThread(Sealer(database, AUDIT_KEY, clock))
    thread.start()
    write("one")
    thread.stop()
    assert sealed_names(database) == ["one"]


def test_the_thread_outlives_a_failure(database, write, clock, monkeypatch):
    monkeypatch.setattr("authsvc.core.audit.sealer.SEAL_EVERY_S", 0.01)
    sealer = Sealer(database, AUDIT_KEY, clock)
    failed = threading.Event()
    run_once = sealer.run_once

    def fail_first() -> int:
        if failed.is_set():
            return run_once()
        failed.set()
        raise OSError("the database is away")

    monkeypatch.setattr(sealer, "run_once", fail_first)
    write("one")
    with capture_logs():
        thread = SealerThread(sealer)
        thread.start()
        assert failed.wait(5)
        thread.stop()
    assert sealed_names(database) == ["one"]


class _RolledBack(Exception):
    pass
