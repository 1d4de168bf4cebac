"""SQL for accounts, addresses, roles and invitations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from authsvc.accounts.tables import accounts, addresses, invitations, roles
from authsvc.core.database import insert_into
from authsvc.core.errors import NotFound

RETIRED_FOR = timedelta(hours=72)  # security.md, "Addresses and mail"


@dataclass(frozen=True)
class Account:
    """One customer or analyst; `id` is the `sub` of their tokens."""

    id: str
    user_handle: bytes
    display_name: str
    status: str
    created_at: datetime
    password_reset_at: datetime | None = None
    address_changed_at: datetime | None = None
    recovered_at: datetime | None = None
    guarded_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True)
class Address:
    """A proven e-mail address of an account."""

    id: str
    account_id: str
    email: str
    verified_at: datetime
    verified_at_sign_up: bool


# Built once: these are asked several times in every sign-in, and writing a statement down costs more than running it.
_FIND_ACCOUNT = select(accounts).where(accounts.c.id == bindparam("account_id"))
_LOCK_ACCOUNT = _FIND_ACCOUNT.with_for_update(key_share=True)  # rows that point to the account may still be written
_FIND_BY_EMAIL = (
    select(accounts)
    .join(addresses, addresses.c.account_id == accounts.c.id)
    .where(addresses.c.email == bindparam("email"), addresses.c.retired_at.is_(None))
)
_LIST_ADDRESSES = (
    select(addresses)
    .where(addresses.c.account_id == bindparam("account_id"), addresses.c.retired_at.is_(None))
    .order_by(addresses.c.verified_at)
)


def find_account(connection: Connection, account_id: str) -> Account | None:
    row = connection.execute(_FIND_ACCOUNT, {"account_id": account_id}).one_or_none()
    return _account(row) if row else None


def get_account(connection: Connection, account_id: str) -> Account:
    """Raises NotFound: there is no such account, or it was erased."""
    account = find_account(connection, account_id)
    if account is None:
        raise NotFound("account.unknown", "There is no such account.")
    return account


def lock_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account and keep others from changing it until the transaction ends.

    Whoever adds, replaces or takes away a way in holds this lock first, so that two of them pass one after the other.
    """
    row = connection.execute(_LOCK_ACCOUNT, {"account_id": account_id}).one_or_none()
    return _account(row) if row else None


def freeze_account(connection: Connection, account_id: str, *, client: str | None) -> bool:
    """Lock an active account in one statement; False when there is nothing to change.

    Args: client is the one that asks. Without one the operator does, who also takes over what a client has locked.
    """
    lockable = accounts.c.status == "active"
    if client is None:
        lockable |= (accounts.c.status == "frozen") & accounts.c.frozen_by_client.is_not(None)
    statement = update(accounts).where(accounts.c.id == account_id, lockable)
    return connection.execute(statement.values(status="frozen", frozen_by_client=client)).rowcount == 1


def unfreeze_account(connection: Connection, account_id: str, *, client: str | None) -> bool:
    """Unlock a locked account in one statement; False when it is not locked, or a client did not lock it itself."""
    statement = update(accounts).where(accounts.c.id == account_id, accounts.c.status == "frozen")
    if client is not None:
        statement = statement.where(accounts.c.frozen_by_client == client)
    return connection.execute(statement.values(status="active", frozen_by_client=None)).rowcount == 1


def find_account_by_email(connection: Connection, email: str) -> Account | None:
    """Args: email as addresses.normalise spells it."""
    row = connection.execute(_FIND_BY_EMAIL, {"email": email}).one_or_none()
    return _account(row) if row else None


def insert_account(connection: Connection, account: Account) -> bool:
    """Return False when an account with this user handle is there already; nothing is written then."""
    statement = (
        insert_into(connection, accounts)
        .values(
            id=account.id,
            user_handle=account.user_handle,
            display_name=account.display_name,
            status=account.status,
            created_at=account.created_at,
        )
        .on_conflict_do_nothing(index_elements=["user_handle"])
        .returning(accounts.c.id)
    )
    return connection.execute(statement).first() is not None


def guard_account(connection: Connection, account_id: str, now: datetime) -> None:
    """From now on the strongest factor is asked for, until it was shown."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(guarded_at=now))


def lift_guard(connection: Connection, account_id: str) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(guarded_at=None))


def insert_address(connection: Connection, address: Address) -> bool:
    """Return False when the address belongs to somebody, or did within 72 hours; nothing is written then."""
    connection.execute(
        delete(addresses).where(
            addresses.c.email == address.email, addresses.c.retired_at <= address.verified_at - RETIRED_FOR
        )
    )
    statement = (
        insert_into(connection, addresses)
        .values(
            id=address.id,
            account_id=address.account_id,
            email=address.email,
            verified_at=address.verified_at,
            verified_at_sign_up=address.verified_at_sign_up,
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(addresses.c.id)
    )
    return connection.execute(statement).first() is not None


def list_addresses(connection: Connection, account_id: str) -> list[Address]:
    """Return the account's proven addresses, the oldest first: that one is its primary."""
    return [
        Address(row.id, row.account_id, row.email, row.verified_at, row.verified_at_sign_up)
        for row in connection.execute(_LIST_ADDRESSES, {"account_id": account_id})
    ]


def list_told(connection: Connection, account_id: str, now: datetime) -> list[str]:
    """Return the addresses that hear of what happens to the account: its own, and those replaced within 72 hours."""
    query = (
        select(addresses.c.email)
        .where(
            addresses.c.account_id == account_id,
            addresses.c.retired_at.is_(None) | (addresses.c.retired_at > now - RETIRED_FOR),
        )
        .order_by(addresses.c.verified_at)
    )
    return list(connection.execute(query).scalars())


def note_password_reset(connection: Connection, account_id: str, now: datetime, *, guard: bool) -> None:
    """The password was reset by mail. Args: guard asks for the strongest factor until it was shown."""
    values: dict[str, Any] = {"password_reset_at": now} | ({"guarded_at": now} if guard else {})
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(values))


def note_recovered(connection: Connection, account_id: str, now: datetime, *, by_password: bool) -> None:
    """The account was recovered; the guard ends with it. A password set so counts as one that was reset by mail."""
    reset = {"password_reset_at": now} if by_password else {}
    connection.execute(
        update(accounts).where(accounts.c.id == account_id).values(recovered_at=now, guarded_at=None, **reset)
    )


def list_roles(connection: Connection, account_id: str) -> frozenset[str]:
    return frozenset(connection.execute(select(roles.c.role).where(roles.c.account_id == account_id)).scalars())


def exists_with_role(connection: Connection, role: str) -> bool:
    """Return whether anybody has the role."""
    return connection.execute(select(roles.c.account_id).where(roles.c.role == role).limit(1)).first() is not None


def grant_role(connection: Connection, account_id: str, role: str, now: datetime) -> None:
    connection.execute(
        insert_into(connection, roles).values(account_id=account_id, role=role, granted_at=now).on_conflict_do_nothing()
    )


def insert_invitation(
    connection: Connection,
    *,
    invitation_id: str,
    token_hash: bytes,
    role: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    connection.execute(
        insert(invitations).values(
            id=invitation_id, token_hash=token_hash, role=role, created_at=now, expires_at=expires_at
        )
    )


def find_invitation_role(connection: Connection, token_hash: bytes, now: datetime) -> str | None:
    """Return the role an unspent invitation grants; looking changes nothing."""
    query = select(invitations.c.role).where(
        invitations.c.token_hash == token_hash,
        invitations.c.consumed_at.is_(None),
        invitations.c.expires_at > now,
    )
    return connection.execute(query).scalar_one_or_none()


def consume_invitation(connection: Connection, token_hash: bytes, now: datetime) -> tuple[str, str] | None:
    """Spend an invitation in one statement; return (id, role), or None when somebody else did or it expired."""
    statement = (
        update(invitations)
        .where(
            invitations.c.token_hash == token_hash,
            invitations.c.consumed_at.is_(None),
            invitations.c.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(invitations.c.id, invitations.c.role)
    )
    row = connection.execute(statement).one_or_none()
    return (row.id, row.role) if row else None


def _account(row: Row[Any]) -> Account:
    return Account(
        row.id,
        row.user_handle,
        row.display_name,
        row.status,
        row.created_at,
        row.password_reset_at,
        row.address_changed_at,
        row.recovered_at,
        row.guarded_at,
    )
