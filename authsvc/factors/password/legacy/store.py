"""SQL for imported hashes and the tariff that hides who has one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from authsvc.core.database import insert_into
from authsvc.factors.password.legacy.formats import Kind
from authsvc.factors.password.legacy.tables import legacy_tariff
from authsvc.factors.password.store import Password
from authsvc.factors.password.tables import passwords

Tariff = Mapping[Kind, int]


def insert_passwords(connection: Connection, imported: Sequence[Password]) -> None:
    """Keep many passwords at once."""
    connection.execute(insert(passwords), [password.__dict__ for password in imported])


def list_tariff(connection: Connection) -> dict[Kind, int]:
    """Return what everybody pays, by kind."""
    return {Kind(row.kind): row.units for row in connection.execute(select(legacy_tariff))}


def raise_tariff(connection: Connection, costs: Tariff, now: datetime) -> None:
    """Make the tariff at least as high as these costs."""
    for kind, units in sorted(costs.items()):
        made = insert_into(connection, legacy_tariff).values(kind=kind.value, units=units, since=now)
        connection.execute(
            made.on_conflict_do_update(
                index_elements=["kind"],
                set_={"units": made.excluded.units, "since": made.excluded.since},
                where=legacy_tariff.c.units < made.excluded.units,
            )
        )


def replace_tariff(connection: Connection, costs: Tariff, now: datetime) -> None:
    """Charge exactly these costs from now on."""
    connection.execute(delete(legacy_tariff))
    raise_tariff(connection, costs, now)


def list_hashes(connection: Connection) -> Iterator[str]:
    """Yield every stored hash."""
    yield from connection.execution_options(stream_results=True).execute(select(passwords.c.hash)).scalars()
