"""SQL for imports: where one stands, and many accounts at once."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from authsvc.accounts.importing.tables import imported_accounts, imports
from authsvc.accounts.store import RETIRED_FOR, Account, Address
from authsvc.accounts.tables import accounts, addresses
from authsvc.core.database import insert_into


@dataclass(frozen=True)
class Import:
    """One file, and how far it was read."""

    id: str
    fingerprint: bytes
    map: str
    trusts_addresses: bool
    size: int
    begun_at: datetime
    place: int = 0
    line: int = 0
    created: int = 0
    existing: int = 0
    refused: int = 0
    finished_at: datetime | None = None


@dataclass(frozen=True)
class NewAccount:
    """One account to be, with its only address."""

    account: Account
    address: Address
    source_id: str | None


@dataclass(frozen=True)
class ImportedAccount:
    account_id: str
    import_id: str
    source_id: str | None


def find_import(connection: Connection, fingerprint: bytes) -> Import | None:
    row = connection.execute(select(imports).where(imports.c.fingerprint == fingerprint)).mappings().one_or_none()
    return Import(**row) if row else None


def insert_import(connection: Connection, begun: Import) -> bool:
    """Return False when somebody else began the same file meanwhile; nothing is written then."""
    statement = insert_into(connection, imports).values(**begun.__dict__).on_conflict_do_nothing()
    return connection.execute(statement.returning(imports.c.id)).first() is not None


def advance_import(connection: Connection, before: Import, after: Import) -> bool:
    """Move an import on; False when it does not stand where the caller left it, because another run moved it."""
    statement = (
        update(imports)
        .where(imports.c.id == before.id, imports.c.place == before.place, imports.c.begun_at == before.begun_at)
        .values(**after.__dict__)
        .returning(imports.c.id)
    )
    return connection.execute(statement).first() is not None


def sum_progress(connection: Connection) -> tuple[int, int]:
    """Return how many imports there are, and how many bytes they have done: unchanged while none is at work."""
    count, place = connection.execute(select(func.count(), func.coalesce(func.sum(imports.c.place), 0))).one()
    return count, int(place)


def forget_retired(connection: Connection, emails: Collection[str], now: datetime) -> None:
    """Free those of the addresses that were replaced more than 72 hours ago."""
    stale = addresses.c.email.in_(emails), addresses.c.retired_at <= now - RETIRED_FOR
    connection.execute(delete(addresses).where(*stale))


def list_taken(connection: Connection, emails: Collection[str]) -> frozenset[str]:
    """Return which of the addresses somebody has, or replaced lately."""
    query = select(addresses.c.email).where(addresses.c.email.in_(emails))
    return frozenset(connection.execute(query).scalars())


def insert_accounts(connection: Connection, new: Sequence[NewAccount], import_id: str) -> frozenset[str]:
    """Create accounts with their addresses; return the ids of those that were created.

    An address that somebody took since it was looked up is left to them, and its account is not made.
    """
    if not new:
        return frozenset()
    connection.execute(insert(accounts), [_account(each.account) for each in new])
    made = insert_into(connection, addresses).on_conflict_do_nothing().returning(addresses.c.account_id)
    created = frozenset(connection.execute(made, [_address(each.address) for each in new]).scalars())
    if len(created) < len(new):
        late = [each.account.id for each in new if each.account.id not in created]
        connection.execute(delete(accounts).where(accounts.c.id.in_(late)))
    origins = [
        {"account_id": each.account.id, "import_id": import_id, "source_id": each.source_id}
        for each in new
        if each.account.id in created
    ]
    if origins:
        connection.execute(insert(imported_accounts), origins)
    return created


def list_imported(connection: Connection) -> Iterator[ImportedAccount]:
    """Yield every account that was imported."""
    query = select(imported_accounts)
    for row in connection.execution_options(stream_results=True).execute(query):
        yield ImportedAccount(row.account_id, row.import_id, row.source_id)


def _account(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "user_handle": account.user_handle,
        "display_name": account.display_name,
        "status": account.status,
        "created_at": account.created_at,
    }


def _address(address: Address) -> dict[str, object]:
    return {
        "id": address.id,
        "account_id": address.account_id,
        "email": address.email,
        "verified_at": address.verified_at,
        "verified_at_sign_up": address.verified_at_sign_up,
    }
