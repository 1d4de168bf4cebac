"""SQL for exporting and erasing: over every table that names an account, found in the schema."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, exists, or_, select, update

from authsvc.accounts.invited.tables import invited_accounts
from authsvc.accounts.tables import account_devices, accounts, addresses, devices, sessions
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import metadata
from authsvc.factors.email_code.tables import email_codes
from authsvc.factors.password.tables import password_failures
from authsvc.login.leaving.inventory import KEPT
from authsvc.login.tables import cases, flows
from authsvc.risk.tables import risk_decisions


def personal_tables() -> list[Table]:
    """Return the tables that name an account, children before their parents."""
    return [table for table in reversed(metadata.sorted_tables) if "account_id" in table.c]


def list_rows(connection: Connection, table: str, columns: Sequence[str], account_id: str) -> list[dict[str, Any]]:
    """Return these columns of the account's rows, the oldest first where a column says so."""
    found = metadata.tables[table]
    query = select(*(found.c[name] for name in columns)).where(found.c.account_id == account_id)
    times = [name for name in columns if name.endswith("_at")]
    if times:
        query = query.order_by(found.c[times[0]])
    return [dict(row._mapping) for row in connection.execute(query)]


def list_account_events(connection: Connection, account_id: str) -> list[RowMapping]:
    query = (
        select(
            audit_events.c.event_id, audit_events.c.at, audit_events.c.tag, audit_events.c.facts, audit_events.c.sealed
        )
        .where(audit_events.c.account_id == account_id)
        .order_by(audit_events.c.id)
    )
    return [row._mapping for row in connection.execute(query)]


def list_decisions(connection: Connection, account_id: str) -> list[RowMapping]:
    query = select(risk_decisions).where(risk_decisions.c.account_id == account_id).order_by(risk_decisions.c.at)
    return [row._mapping for row in connection.execute(query)]


def list_every_address(connection: Connection, account_id: str) -> list[str]:
    """Return the account's addresses, those that were replaced too."""
    query = select(addresses.c.email).where(addresses.c.account_id == account_id).order_by(addresses.c.verified_at)
    return list(connection.execute(query).scalars())


def delete_person(connection: Connection, account_id: str, emails: Sequence[str]) -> int:
    """Delete every row that names the account or one of its addresses, but those in KEPT; return how many."""
    own = select(account_devices.c.device_id).where(account_devices.c.account_id == account_id)
    own_devices = list(connection.execute(own).scalars())
    deleted = connection.execute(delete(flows).where(flows.c.email.in_(emails))).rowcount
    deleted += connection.execute(delete(invited_accounts).where(invited_accounts.c.email.in_(emails))).rowcount
    for table in personal_tables():
        if table.name not in KEPT:
            deleted += connection.execute(delete(table).where(table.c.account_id == account_id)).rowcount
    connection.execute(update(cases).where(cases.c.account_id == account_id).values(note=None))
    # A browser that somebody else signs in with, too, stays known to them.
    elsewhere = or_(
        exists().where(account_devices.c.device_id == devices.c.id),
        exists().where(sessions.c.device_id == devices.c.id),
    )
    deleted += connection.execute(delete(devices).where(devices.c.id.in_(own_devices), ~elsewhere)).rowcount
    return deleted


def delete_address_indexes(connection: Connection, codes: Sequence[bytes], failures: Sequence[bytes]) -> None:
    """Delete what is kept under keyed hashes of the addresses: mailed codes, and counted failures."""
    connection.execute(delete(email_codes).where(email_codes.c.address_index.in_(codes)))
    connection.execute(delete(password_failures).where(password_failures.c.address_index.in_(failures)))


def bury_account(connection: Connection, account_id: str, user_handle: bytes) -> None:
    """Leave the id, so that it is never given to anybody else, and nothing that says whose it was."""
    connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(
            status="erased",
            display_name="",
            user_handle=user_handle,
            password_reset_at=None,
            address_changed_at=None,
            recovered_at=None,
            guarded_at=None,
            frozen_by_client=None,
        )
    )


def as_json(value: Any) -> Any:
    """Return a row's value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value
