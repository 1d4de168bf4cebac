"""SQL for accounts to be.

An account is only made once its address is proven (security.md). Until then a shop that wants its id has this row: an
id, an address that nobody has proven, and no way to sign in. Whoever proves the address at sign-up gets the id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select

from authsvc.accounts.invited.tables import invited_accounts
from authsvc.core.database import insert_into

INVITED_TTL = timedelta(days=30)


@dataclass(frozen=True)
class InvitedAccount:
    """An account to be."""

    id: str
    email: str
    display_name: str
    client_id: str
    created_at: datetime
    expires_at: datetime


def insert_invited(connection: Connection, account: InvitedAccount, token_hash: bytes) -> bool:
    """Return False when somebody is invited under this address already; nothing is written then."""
    connection.execute(
        delete(invited_accounts).where(
            invited_accounts.c.email == account.email, invited_accounts.c.expires_at <= account.created_at
        )
    )
    statement = (
        insert_into(connection, invited_accounts)
        .values(**account.__dict__, token_hash=token_hash)
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(invited_accounts.c.id)
    )
    return connection.execute(statement).first() is not None


def find_invited(connection: Connection, account_id: str, *, now: datetime) -> InvitedAccount | None:
    return _find(connection, invited_accounts.c.id == account_id, now)


def find_invited_by_email(connection: Connection, email: str, *, now: datetime) -> InvitedAccount | None:
    return _find(connection, invited_accounts.c.email == email, now)


def find_invited_by_token(connection: Connection, token_hash: bytes, *, now: datetime) -> InvitedAccount | None:
    return _find(connection, invited_accounts.c.token_hash == token_hash, now)


def consume_invited(connection: Connection, email: str, *, now: datetime) -> str | None:
    """Take the id that waits for whoever has proven this address, in one statement; None where none waits."""
    statement = (
        delete(invited_accounts)
        .where(invited_accounts.c.email == email, invited_accounts.c.expires_at > now)
        .returning(invited_accounts.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


def delete_invited(connection: Connection, account_id: str) -> bool:
    """Return False when there was none."""
    return connection.execute(delete(invited_accounts).where(invited_accounts.c.id == account_id)).rowcount == 1


def sweep_invited(connection: Connection, now: datetime) -> None:
    """Forget the addresses of people who did not come."""
    connection.execute(delete(invited_accounts).where(invited_accounts.c.expires_at <= now))


def _find(connection: Connection, which: ColumnElement[bool], now: datetime) -> InvitedAccount | None:
    query = select(invited_accounts).where(which, invited_accounts.c.expires_at > now)
    row = connection.execute(query).one_or_none()
    return _invited(row) if row else None


def _invited(row: Row[Any]) -> InvitedAccount:
    return InvitedAccount(row.id, row.email, row.display_name, row.client_id, row.created_at, row.expires_at)
