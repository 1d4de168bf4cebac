"""One database, SQLite or PostgreSQL, behind the same two doors: `read()` and `write()`.

A write transaction on SQLite begins with BEGIN IMMEDIATE, so that it waits for the writer before it instead of
failing in the middle (busy_timeout 5 s); reads begin deferred and, in WAL mode, never wait. PostgreSQL runs
at READ COMMITTED: what must happen once is one statement (`UPDATE … WHERE … RETURNING`), not a lock held over Python.
Each of its answers is waited for, so the rows that a write leaves for its end travel together with the COMMIT.

Times are stored in UTC and read back aware. JSON is stored as JSON, bytes as bytes.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, Executable, MetaData, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


Statement = TypeVar("Statement")
_LATER = "authsvc_later"  # the rows that a write transaction writes at its end, by statement
_NOTED = "authsvc_noted"  # what the running transaction has read
_USED = "authsvc_used"  # when the connection was last given back
IDLE_S = 1.0  # after which a connection is asked whether its server still answers


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. A naive one is refused: it would be a guess."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can't be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine and its two doors."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        """Args: url as SQLAlchemy writes it, `sqlite:///file` or `postgresql+psycopg://…`."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, pool_size) if self.is_sqlite else _postgresql_engine(url, pool_size)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A short transaction that only reads; keep slow work out of it."""
        with self.engine.connect() as connection, _noting(connection):
            self._begin(connection, "BEGIN")
            yield connection  # closing it ends the transaction

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read that sees one moment throughout, however many statements it takes; for long checks and exports."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:  # a SQLite read sees one moment anyway
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with _noting(connection):
                self._begin(connection, "BEGIN")
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A short transaction that commits when the block ends and rolls back when it raises."""
        with self.engine.connect() as connection, connection.begin() as transaction, _noting(connection) as info:
            self._begin(connection, "BEGIN IMMEDIATE")
            later: dict[Executable, list[Mapping[str, Any]]] = {}
            info[_LATER] = later
            yield connection
            # A pipeline's end is waited for, too: one statement alone would gain nothing.
            with self._together(connection) if len(later) > 1 else nullcontext():
                for statement, rows in later.items():
                    connection.execute(statement, rows)
                transaction.commit()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _begin(self, connection: Connection, statement: str) -> None:
        # Not by SQLAlchemy's "begin" event: an engine with one listener calls four hooks around every statement.
        if self.is_sqlite:
            connection.exec_driver_sql(statement)

    @contextmanager
    def _together(self, connection: Connection) -> Iterator[None]:
        """Send statements and their COMMIT without waiting for the answer to each; the COMMIT reports what failed."""
        if self.is_sqlite:
            yield
            return
        driver: Any = connection.connection.driver_connection
        answered = False
        try:
            with driver.pipeline():
                yield
                answered = True
        except BaseException as problem:
            if answered and isinstance(problem, connection.dialect.loaded_dbapi.Error):
                connection.invalidate(problem)  # it broke when all was written: nobody is told that it failed
                return
            if not driver.closed:
                driver.rollback()  # a COMMIT behind a statement that failed is not looked at: it ended nothing
            raise


@contextmanager
def _noting(connection: Connection) -> Iterator[dict[Any, Any]]:
    info = connection.info  # asked for once: a connection that breaks has none, and would say so instead of why
    info[_NOTED] = {}
    try:
        yield info
    finally:
        info.pop(_NOTED, None)
        info.pop(_LATER, None)


def noted(connection: Connection) -> dict[Hashable, Any]:
    """Return what the running transaction has read and may need again, to be added to; it is forgotten with it.

    Outside of the doors nothing is kept: each call returns a dictionary of its own.
    """
    known: dict[Hashable, Any] | None = connection.info.get(_NOTED)
    return {} if known is None else known


def write_at_end(connection: Connection, statement: Executable, row: Mapping[str, Any]) -> None:
    """Write a row when the write transaction ends, together with all others of this statement and in their order.

    For rows that nothing reads before: what several use cases of one request leave costs one statement, and all of
    them one round trip. Outside of `Database.write` it is written at once.

    Args: statement returns nothing; where the table counts its ids itself, that takes `.inline()`.
    """
    later = connection.info.get(_LATER)
    if later is None:
        connection.execute(statement, row)
    else:
        later.setdefault(statement, []).append(row)


Upsert = postgresql.Insert | sqlite.Insert


def insert_into(connection: Connection, table: Table) -> Upsert:
    """Return an INSERT that knows ON CONFLICT (both databases spell it alike)."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def written_once(table: Table, write: Callable[[Upsert], Statement]) -> dict[str, Statement]:
    """Return a hot INSERT for each database by its dialect's name; building one costs more than running it."""
    return {"sqlite": write(sqlite.insert(table)), "postgresql": write(postgresql.insert(table))}


def _postgresql_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=0, pool_timeout=10, hide_parameters=True)

    @event.listens_for(engine, "checkin")
    def remember(_dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    # As SQLAlchemy's pool_pre_ping, but not for a connection that answered a moment ago: a sign-in is several short
    # transactions, and each would wait for an answer that says nothing.
    @event.listens_for(engine, "checkout")
    def ask_whether_alive(dbapi_connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(_USED, -IDLE_S) < IDLE_S:
            return
        dialect = engine.dialect
        try:
            dialect.do_ping(dbapi_connection)
        except dialect.loaded_dbapi.Error as problem:
            if dialect.is_disconnect(problem, dbapi_connection, None):
                raise InvalidatePoolError from problem
            raise

    return engine


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: Database does, of the right kind.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine
