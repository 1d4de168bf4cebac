"""An audit trail for tests, and somebody who tampers with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, delete, pool, select, text

from authsvc.core.audit.tables import audit_checkpoints, audit_events, audit_links
from authsvc.core.database import Database

AUDIT_KEY = bytes(range(100, 132))


@contextmanager
def as_attacker(database: Database) -> Iterator[Connection]:
    """Change what triggers and foreign keys protect, as somebody can who administers the database."""
    if not database.is_sqlite:
        with database.write() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
            yield connection
        return
    engine = create_engine(database.url, poolclass=pool.NullPool)  # foreign keys are off unless they are asked for
    with engine.begin() as connection:
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        for _, ddl in triggers:
            connection.exec_driver_sql(ddl)


def cut_after(connection: Connection, count: int, *, checkpoints: bool) -> None:
    """Remove every event after number `count` and its link; the checkpoints over them too, or not."""
    rows = select(audit_links.c.event_row).where(audit_links.c.seq > count)
    events = list(connection.execute(rows).scalars())
    connection.execute(delete(audit_links).where(audit_links.c.seq > count))
    connection.execute(delete(audit_events).where(audit_events.c.id.in_(events)))
    if checkpoints:
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.count > count))
