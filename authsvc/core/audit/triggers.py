"""Triggers that keep `audit_events` append-only: UPDATE and DELETE are refused by the database itself.

They stop a slip and a careless script. Whoever may drop a trigger can still edit; that is what the chain is for.
The statements are also copied into the migration that makes the table.
"""

from typing import Any

from sqlalchemy import Connection, Table, event

REFUSAL = "audit_events is append-only"


def statements(dialect_name: str) -> list[str]:
    """Return the DDL, one statement each, for `sqlite` or `postgresql`."""
    if dialect_name == "sqlite":
        return [_sqlite_trigger("UPDATE"), _sqlite_trigger("DELETE")]
    return [
        f"""CREATE OR REPLACE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$""",
        """CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()""",
        """CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()""",
    ]


def install_with(table: Table) -> None:
    """Install the triggers whenever `table` is made from the metadata."""
    event.listen(table, "after_create", _install)


def _install(_table: Table, connection: Connection, **_options: Any) -> None:
    for statement in statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _sqlite_trigger(verb: str) -> str:
    return f"""CREATE TRIGGER audit_events_no_{verb.lower()} BEFORE {verb} ON audit_events
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
