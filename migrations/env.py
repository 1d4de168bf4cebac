"""What Alembic runs for every command; authsvc.core.migrations passes the database.

All pending migrations run in one transaction on both databases, behind a lock: PostgreSQL's advisory lock, or SQLite's
write lock taken by BEGIN IMMEDIATE. Foreign keys are off on SQLite meanwhile (its default): Alembic changes a table by
copying it, and dropping the old one would cascade.
"""

from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, pool, text
from sqlalchemy.engine import make_url

from authsvc.core.database import UtcDateTime
from authsvc.core.migrations import URL_ATTRIBUTE
from authsvc.tables import metadata

MIGRATION_LOCK = 7_306_084_163_201_001  # any number that no other advisory lock of authsvc uses


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Write our own column type as what it is in the database, so that old migrations don't depend on it."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    engine = build_engine(context.config.attributes[URL_ATTRIBUTE])
    with engine.connect() as connection:
        migrate(connection)
    engine.dispose()


def build_engine(url: str) -> Engine:
    engine = create_engine(url, poolclass=pool.NullPool)
    if make_url(url).get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(dbapi_connection: Any, _record: Any) -> None:
            dbapi_connection.isolation_level = None
            dbapi_connection.execute("PRAGMA busy_timeout = 30000")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=True,
        transactional_ddl=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.run_migrations()


run()
