"""SQL for changes of address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from authsvc.accounts.store import Address, insert_address
from authsvc.accounts.tables import accounts, addresses
from authsvc.login.address.tables import address_changes

KEPT_AFTER_EXPIRY = timedelta(days=90)


@dataclass(frozen=True)
class Asked:
    """A change that waits for the new address to be proven."""

    id: str
    account_id: str
    new_email: str


@dataclass(frozen=True)
class Changed:
    """A change that can be put back."""

    id: str
    account_id: str
    old_email: str
    new_email: str
    changed_at: datetime
    revert_until: datetime


_OPEN = (address_changes.c.changed_at.is_(None), address_changes.c.dropped_at.is_(None))
_CHANGED = (
    address_changes.c.id,
    address_changes.c.account_id,
    address_changes.c.old_email,
    address_changes.c.new_email,
    address_changes.c.changed_at,
    address_changes.c.revert_until,
)


def insert_change(
    connection: Connection, asked: Asked, *, session_id: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a change that was asked for; earlier ones of the account are dropped."""
    drop_changes(connection, asked.account_id, now)
    connection.execute(
        insert(address_changes).values(
            id=asked.id,
            account_id=asked.account_id,
            session_id=session_id,
            new_email=asked.new_email,
            asked_at=now,
            expires_at=expires_at,
        )
    )


def drop_changes(connection: Connection, account_id: str, now: datetime) -> int:
    """Drop what was asked for and not proven yet; return how many."""
    return connection.execute(
        update(address_changes).where(address_changes.c.account_id == account_id, *_OPEN).values(dropped_at=now)
    ).rowcount


def find_asked(connection: Connection, session_id: str, now: datetime) -> Asked | None:
    """Return the change that this session may go on with."""
    query = select(address_changes.c.id, address_changes.c.account_id, address_changes.c.new_email).where(
        address_changes.c.session_id == session_id, address_changes.c.expires_at > now, *_OPEN
    )
    row = connection.execute(query).one_or_none()
    return Asked(*row) if row else None


def consume_asked(
    connection: Connection, asked: Asked, *, old_email: str, token_hash: bytes, now: datetime, revert_until: datetime
) -> bool:
    """Make the change, in one statement; False when it was dropped, made or expired meanwhile."""
    statement = (
        update(address_changes)
        .where(address_changes.c.id == asked.id, address_changes.c.expires_at > now, *_OPEN)
        .values(old_email=old_email, changed_at=now, token_hash=token_hash, revert_until=revert_until)
    )
    return connection.execute(statement).rowcount == 1


def find_revertible(connection: Connection, token_hash: bytes, now: datetime) -> Changed | None:
    """Return the change behind a link; looking changes nothing."""
    query = select(*_CHANGED).where(
        address_changes.c.token_hash == token_hash,
        address_changes.c.reverted_at.is_(None),
        address_changes.c.revert_until > now,
    )
    row = connection.execute(query).one_or_none()
    return Changed(*row) if row else None


def consume_revert(connection: Connection, token_hash: bytes, now: datetime) -> Changed | None:
    """Spend the link in one statement."""
    statement = (
        update(address_changes)
        .where(
            address_changes.c.token_hash == token_hash,
            address_changes.c.reverted_at.is_(None),
            address_changes.c.revert_until > now,
        )
        .values(reverted_at=now)
        .returning(*_CHANGED)
    )
    row = connection.execute(statement).one_or_none()
    return Changed(*row) if row else None


def find_left_at(connection: Connection, account_id: str, email: str, now: datetime) -> datetime | None:
    """Return when the account was first taken away from an address that may still put itself back."""
    query = select(func.min(address_changes.c.changed_at)).where(
        address_changes.c.account_id == account_id,
        address_changes.c.old_email == email,
        address_changes.c.reverted_at.is_(None),
        address_changes.c.revert_until > now,
    )
    left_at: datetime | None = connection.execute(query).scalar_one()
    return left_at


def spend_later_reverts(connection: Connection, account_id: str, since: datetime, now: datetime) -> None:
    """The changes made after one that was put back have nothing left to put back."""
    connection.execute(
        update(address_changes)
        .where(
            address_changes.c.account_id == account_id,
            address_changes.c.changed_at > since,
            address_changes.c.reverted_at.is_(None),
        )
        .values(reverted_at=now)
    )


def is_free(connection: Connection, email: str, account_id: str, since: datetime) -> bool:
    """Return whether the account may take the address: nobody's, or one that it had itself.

    Args: since is the time from which a replaced address is still kept from others.
    """
    query = select(addresses.c.account_id, addresses.c.retired_at).where(addresses.c.email == email)
    row = connection.execute(query).one_or_none()
    if row is None:
        return True
    if row.account_id == account_id:
        return row.retired_at is not None
    return row.retired_at is not None and row.retired_at <= since


def replace_addresses(connection: Connection, address: Address) -> bool:
    """Make an address the account's only one; the ones before are told of everything for a while.

    False when somebody else has it by now; nothing is written then.
    """
    own = (addresses.c.account_id == address.account_id, addresses.c.email == address.email)
    connection.execute(delete(addresses).where(*own, addresses.c.retired_at.is_not(None)))
    if not insert_address(connection, address):
        return False
    connection.execute(
        update(addresses)
        .where(
            addresses.c.account_id == address.account_id,
            addresses.c.email != address.email,
            addresses.c.retired_at.is_(None),
        )
        .values(retired_at=address.verified_at)
    )
    note_change(connection, address.account_id, address.verified_at)
    return True


def restore_address(connection: Connection, account_id: str, email: str, since: datetime, now: datetime) -> bool:
    """Make an address that was replaced the account's own again, and drop those that came after it.

    False when the row is gone: nothing is written then.
    """
    restored = connection.execute(
        update(addresses)
        .where(addresses.c.account_id == account_id, addresses.c.email == email)
        .values(retired_at=None)
    ).rowcount
    if not restored:
        return False
    drop_later_addresses(connection, account_id, email, since)
    note_change(connection, account_id, now)
    return True


def drop_later_addresses(connection: Connection, account_id: str, email: str, since: datetime) -> None:
    """Let the addresses that came after `email` hear no more of the account."""
    connection.execute(
        delete(addresses).where(
            addresses.c.account_id == account_id, addresses.c.email != email, addresses.c.verified_at >= since
        )
    )


def note_change(connection: Connection, account_id: str, now: datetime) -> None:
    """The mailbox alone is not to be trusted for a day: a fact for the ladder."""
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(address_changed_at=now))


def sweep_changes(connection: Connection, now: datetime) -> None:
    """Drop changes that can neither go on nor be put back."""
    over = now - KEPT_AFTER_EXPIRY
    connection.execute(
        delete(address_changes).where(
            address_changes.c.expires_at < over, func.coalesce(address_changes.c.revert_until, over) <= over
        )
    )
