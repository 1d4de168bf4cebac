"""SQL for the account API. Accounts with a role are the operator's people, and not there for any client."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, select, tuple_

from authsvc.account_api.tables import api_requests
from authsvc.accounts.store import Account, find_account, find_account_by_email
from authsvc.accounts.tables import accounts, roles
from authsvc.core.database import insert_into

KEPT = timedelta(hours=24)


@dataclass(frozen=True)
class PastRequest:
    """A request with an Idempotency-Key."""

    client_id: str
    key_hash: bytes
    fingerprint: bytes
    account_id: str
    created_at: datetime


@dataclass(frozen=True)
class Line:
    """An account in a list: enough to find out what one has missed, nothing about a person."""

    id: str
    status: str
    created_at: datetime


def find_customer(connection: Connection, account_id: str) -> Account | None:
    """Return an account unless it has a role."""
    account = find_account(connection, account_id)
    return None if account is None or _has_role(connection, account.id) else account


def find_customer_by_email(connection: Connection, email: str) -> Account | None:
    account = find_account_by_email(connection, email)
    return None if account is None or _has_role(connection, account.id) else account


def list_customers(connection: Connection, *, status: str | None, after: Line | None, limit: int) -> list[Line]:
    """Return accounts in the order in which they were created, those after a place."""
    query: Select[Any] = select(accounts.c.id, accounts.c.status, accounts.c.created_at).where(_is_customer())
    if status is not None:
        query = query.where(accounts.c.status == status)
    if after is not None:
        query = query.where(tuple_(accounts.c.created_at, accounts.c.id) > (after.created_at, after.id))
    rows = connection.execute(query.order_by(accounts.c.created_at, accounts.c.id).limit(limit))
    return [Line(row.id, row.status, row.created_at) for row in rows]


def claim_request(connection: Connection, request: PastRequest) -> bool:
    """Keep a request in one statement; False when its key was used before. Two at once wait for one another."""
    statement = (
        insert_into(connection, api_requests)
        .values(request.__dict__)
        .on_conflict_do_nothing(index_elements=["client_id", "key_hash"])
        .returning(api_requests.c.account_id)
    )
    return connection.execute(statement).first() is not None


def find_request(connection: Connection, client_id: str, key_hash: bytes) -> PastRequest | None:
    query = select(api_requests).where(api_requests.c.client_id == client_id, api_requests.c.key_hash == key_hash)
    row = connection.execute(query).one_or_none()
    return PastRequest(**row._mapping) if row else None


def sweep_requests(connection: Connection, now: datetime) -> None:
    """Forget requests of more than a day ago."""
    connection.execute(delete(api_requests).where(api_requests.c.created_at < now - KEPT))


def _has_role(connection: Connection, account_id: str) -> bool:
    return connection.execute(select(roles.c.role).where(roles.c.account_id == account_id).limit(1)).first() is not None


def _is_customer() -> ColumnElement[bool]:
    return ~exists().where(roles.c.account_id == accounts.c.id)
