"""The database's two doors, its times, and a schema that the migrations build."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database, insert_into, noted, write_at_end
from authsvc.core.migrations import is_behind
from authsvc.core.sealing.tables import personal_keys
from authsvc.risk.history.behaviour.tables import population_news
from authsvc.tables import TABLE_MODULES, metadata
from tests.support.programs import ROOT


@pytest.fixture
def put(clock):
    def put(connection, account_id: str = "acc_1", at: datetime | None = None) -> None:
        values = {"account_id": account_id, "sealed_key": b"\x00\xff", "created_at": at or clock.now()}
        connection.execute(insert(personal_keys).values(**values))

    return put


def count(database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(personal_keys)).all())


def test_a_write_commits_when_its_block_ends(database, put):
    with database.write() as connection:
        put(connection)
    assert count(database) == 1


def test_a_write_rolls_back_when_its_block_raises(database, put):
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        put(connection)
        _ = 1 / 0
    assert count(database) == 0


@pytest.mark.postgresql
def test_a_connection_that_breaks_in_a_write_is_named_as_that(postgresql_only_database):
    """503, which clients try again, and not the 500 of a defect: OperationalError is what web/problems.py looks for."""
    database = postgresql_only_database
    with pytest.raises(OperationalError), database.write() as connection:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
        connection.execute(text("SELECT 1"))
    assert count(database) == 0  # the next one works


@pytest.mark.postgresql
@pytest.mark.parametrize("others", [0, 1])
def test_a_connection_that_breaks_before_the_end_of_a_write_is_named_as_that(postgresql_only_database, clock, others):
    database = postgresql_only_database
    row = {"account_id": "acc_1", "sealed_key": b"", "created_at": clock.now()}
    with pytest.raises(OperationalError), database.write() as connection:
        write_at_end(connection, insert(personal_keys), row)
        for _ in range(others):
            write_at_end(connection, insert(population_news), {"id": "pop_1", "cells": []})
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
    assert count(database) == 0


@pytest.mark.postgresql
def test_a_connection_that_breaks_when_its_commit_is_answered_has_written(postgresql_only_database, monkeypatch, clock):
    """A pipeline's end is one more answer: who is told that it failed would try again what has happened."""
    database, end = postgresql_only_database, psycopg.Pipeline._exit_gen

    def break_first(pipeline):
        own = pipeline.pgconn.backend_pid
        with database.read() as other:
            other.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
        return end(pipeline)

    monkeypatch.setattr(psycopg.Pipeline, "_exit_gen", break_first)
    with database.write() as connection:
        write_at_end(
            connection, insert(personal_keys), {"account_id": "a", "sealed_key": b"", "created_at": clock.now()}
        )
        write_at_end(connection, insert(population_news), {"id": "pop_1", "cells": []})
    assert count(database) == 1  # and the next one works


@pytest.mark.postgresql
def test_a_connection_that_broke_while_it_lay_idle_is_replaced(postgresql_only_database, monkeypatch):
    monkeypatch.setattr("authsvc.core.database.IDLE_S", 0.0)
    database = postgresql_only_database
    with database.read() as connection:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    elsewhere = Database(database.url.render_as_string(hide_password=False))
    with elsewhere.read() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})
    elsewhere.dispose()
    with database.read() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != own


@pytest.mark.parametrize("others", [0, 1])
def test_rows_left_for_the_end_come_together_or_not_at_all(database, put, clock, others):
    statement, other = insert(personal_keys), insert(population_news)
    rows = [{"account_id": f"acc_{each}", "sealed_key": b"", "created_at": clock.now()} for each in (2, 1, 3)]

    def write(connection, rows, name):
        for number in range(others):
            write_at_end(connection, other, {"id": f"{name}_{number}", "cells": []})
        for row in rows:
            write_at_end(connection, statement, row)

    def news():
        with database.read() as connection:
            return connection.execute(select(population_news.c.id)).scalars().all()

    with database.write() as connection:
        write(connection, rows, "first")
        assert connection.execute(select(personal_keys)).all() == []
    assert (count(database), len(news())) == (3, others)
    with pytest.raises(IntegrityError), database.write() as connection:
        put(connection, account_id="acc_4")
        write(connection, rows[:1], "second")
    assert (count(database), len(news())) == (3, others)
    with database.write() as connection:  # and the connection still works
        put(connection, account_id="acc_4")
    assert count(database) == 4


def test_what_a_transaction_noted_goes_with_it(database):
    for door in (database.read, database.snapshot, database.write):
        with door() as connection:
            assert noted(connection) == {}
            noted(connection)["read"] = 1
            assert noted(connection) == {"read": 1}
    with database.engine.connect() as connection:
        noted(connection)["read"] = 1
        assert noted(connection) == {}


def test_what_is_written_through_the_read_door_does_not_stay(database, put):
    with database.read() as connection:
        put(connection)
    assert count(database) == 0


def test_a_snapshot_sees_one_moment(database, put):
    with database.snapshot() as connection:
        assert connection.execute(select(personal_keys)).all() == []
        with database.write() as other:
            put(other)
        assert connection.execute(select(personal_keys)).all() == []
    assert count(database) == 1


def test_times_are_stored_in_utc_and_read_back_aware(database, put):
    at = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with database.write() as connection:
        put(connection, at=at)
    with database.read() as connection:
        read = connection.execute(select(personal_keys.c.created_at)).scalar_one()
        same = connection.execute(select(personal_keys).where(personal_keys.c.created_at == at)).all()
    assert read == at
    assert read.tzinfo is UTC
    assert len(same) == 1


def test_a_time_without_a_zone_is_refused(database, put):
    with pytest.raises(StatementError, match="without a zone"), database.write() as connection:
        put(connection, at=datetime(2026, 3, 2))  # noqa: DTZ001  # that is what is tried


def test_bytes_and_json_come_back_as_they_were(database, put, audit, clock):
    facts = {"text": "é\u0000", "number": 0.1, "nothing": None, "list": [1, True]}
    with database.write() as connection:
        put(connection)
        audit.record(connection, "test:event:written", now=clock.now(), facts=facts)
    with database.read() as connection:
        assert connection.execute(select(personal_keys.c.sealed_key)).scalar_one() == b"\x00\xff"
        assert connection.execute(select(audit_events.c.facts)).scalar_one() == facts


def test_an_insert_may_step_aside(database, put, clock):
    with database.write() as connection:
        put(connection)
        again = insert_into(connection, personal_keys).values(
            account_id="acc_1", sealed_key=b"other", created_at=clock.now()
        )
        connection.execute(again.on_conflict_do_nothing())
        with pytest.raises(IntegrityError):
            connection.execute(again)


def test_writers_wait_for_one_another(database, put):
    """A write that has read before it writes would fail on SQLite if it began without BEGIN IMMEDIATE."""
    problems: list[Exception] = []
    ready = threading.Barrier(16)

    def write(number: int) -> None:
        ready.wait()
        try:
            with database.write() as connection:
                connection.execute(select(personal_keys)).all()
                put(connection, f"acc_{number}")
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert count(database) == 16


def test_sqlite_holds_the_write_lock_from_the_start_of_a_write(sqlite_only_database):
    other = sqlite3.connect(str(sqlite_only_database.url.database), timeout=0, isolation_level=None)
    with sqlite_only_database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with sqlite_only_database.read():
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_sqlite_reads_do_not_wait_for_a_writer(sqlite_only_database, put):
    with sqlite_only_database.write() as connection:
        put(connection)
        assert count(sqlite_only_database) == 0


@pytest.mark.parametrize(
    ("pragma", "value"), [("busy_timeout", 5000), ("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1)]
)
def test_sqlite_is_set_up_on_every_connection(sqlite_only_database, pragma, value):
    with sqlite_only_database.read() as one, sqlite_only_database.read() as two:
        for connection in (one, two):
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_a_full_pool_says_so_instead_of_waiting_for_ever(sqlite_only_database):
    assert sqlite_only_database.engine.pool.timeout() == 10


def test_the_schema_in_the_database_is_the_one_in_the_code(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = [each for each in compare_metadata(context, metadata) if not _is_ours_alone(each)]
    assert differences == []


def test_every_room_with_tables_is_found():
    assert {"authsvc.accounts.tables", "authsvc.core.audit.tables"} <= set(TABLE_MODULES)


def test_a_database_is_behind_until_it_has_every_migration(database, tmp_path):
    url = database.url.render_as_string(hide_password=False)
    assert not is_behind(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of_a_newer_release'"))
    assert not is_behind(url), "during a roll-out the older release must run on the newer schema"
    assert is_behind(f"sqlite:///{tmp_path / 'empty.sqlite3'}")


def test_migrations_may_run_again_and_at_once(database):
    command = "import sys; from authsvc.core.migrations import upgrade; upgrade(sys.argv[1])"
    url = database.url.render_as_string(hide_password=False)
    started = [
        subprocess.Popen([sys.executable, "-c", command, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 3
    assert [process.returncode for process in started] == [0] * 3


def _is_ours_alone(difference: object) -> bool:
    return "alembic_version" in str(difference)
