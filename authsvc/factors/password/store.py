"""SQL for password hashes and failure buckets."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from authsvc.core.database import insert_into, written_once
from authsvc.factors.password.lockout import FORGET_BUCKET_AFTER, OTHER_BROWSERS, blocked_until, needs_owner
from authsvc.factors.password.tables import password_failures, passwords


@dataclass(frozen=True)
class Password:
    """What is stored of an account's password."""

    account_id: str
    hash: str
    version: int
    changed_at: datetime
    must_change_since: datetime | None = None  # its owner disowned something that may have been done with it
    chosen_beside: bool = False  # a second factor, so that less was asked of it; never of one that was imported


@dataclass(frozen=True)
class Chosen:
    """A password that somebody chose and that was accepted, to be kept."""

    hash: str
    beside: bool  # a second factor


@dataclass(frozen=True)
class Claim:
    """A claimed attempt: taken, or told to wait, or refused until the owner shows up."""

    failures: int
    wait_until: datetime | None = None
    needs_owner: bool = False

    @property
    def taken(self) -> bool:
        return self.wait_until is None and not self.needs_owner


# Built once: every sign-in by password asks these.
_LOCK_BUCKET = written_once(
    password_failures,
    lambda made: made.on_conflict_do_update(
        index_elements=["address_index", "bucket"], set_={"bucket": made.excluded.bucket}
    ).returning(password_failures.c.failures, password_failures.c.last_failed_at),
)
_COUNT_FAILURE = (
    update(password_failures)
    .where(
        password_failures.c.address_index == bindparam("address"), password_failures.c.bucket == bindparam("in_bucket")
    )
    .values(failures=bindparam("count"), last_failed_at=bindparam("now"))
)
_CLEAR = delete(password_failures).where(
    password_failures.c.address_index == bindparam("address"),
    or_(password_failures.c.bucket == bindparam("in_bucket"), password_failures.c.bucket == OTHER_BROWSERS),
)
_FIND_PASSWORD = select(passwords).where(passwords.c.account_id == bindparam("account_id"))


def find_password(connection: Connection, account_id: str) -> Password | None:
    row = connection.execute(_FIND_PASSWORD, {"account_id": account_id}).one_or_none()
    return Password(**row._mapping) if row else None


def insert_password(connection: Connection, password: Password) -> None:
    connection.execute(insert(passwords).values(**password.__dict__))


def put_password(connection: Connection, password: Password) -> bool:
    """Keep the password of an account that has none; False when it has one, and nothing is written then."""
    statement = (
        insert_into(connection, passwords)
        .values(**password.__dict__)
        .on_conflict_do_nothing(index_elements=["account_id"])
        .returning(passwords.c.account_id)
    )
    return connection.execute(statement).first() is not None


def replace_password(connection: Connection, account_id: str, chosen: Chosen, now: datetime) -> Password | None:
    """Put another password in the place of the one there is; None when there is none."""
    statement = (
        update(passwords)
        .where(passwords.c.account_id == account_id)
        .values(
            hash=chosen.hash,
            version=passwords.c.version + 1,
            changed_at=now,
            must_change_since=None,
            chosen_beside=chosen.beside,
        )
        .returning(passwords)
    )
    row = connection.execute(statement).one_or_none()
    return Password(**row._mapping) if row else None


def demand_change(connection: Connection, account_id: str, now: datetime) -> bool:
    """Let the password sign nobody in until it is replaced; False when there is none, or it is so already."""
    statement = (
        update(passwords)
        .where(passwords.c.account_id == account_id, passwords.c.must_change_since.is_(None))
        .values(must_change_since=now)
    )
    return connection.execute(statement).rowcount == 1


def delete_password(connection: Connection, account_id: str) -> bool:
    """Return False when the account had none."""
    return connection.execute(delete(passwords).where(passwords.c.account_id == account_id)).rowcount == 1


def rehash(connection: Connection, account_id: str, old_hash: str, new_hash: str) -> None:
    """Replace a hash of the same password by one with today's parameters, unless it changed meanwhile."""
    connection.execute(
        update(passwords)
        .where(passwords.c.account_id == account_id, passwords.c.hash == old_hash)
        .values(hash=new_hash)
    )


def claim_attempt(connection: Connection, address_index: bytes, bucket: str, now: datetime) -> Claim:
    """Count one attempt before it is made, unless it comes too early.

    The bucket's row is made or locked by one upsert, so parallel attempts pass one after the other, and a success
    that clears the bucket comes before or after. An attempt that is told to wait does not count: an impatient owner
    would never get in.
    """
    empty = {"address_index": address_index, "bucket": bucket, "failures": 0, "last_failed_at": now}
    row = connection.execute(_LOCK_BUCKET[connection.dialect.name], empty).one()
    if needs_owner(row.failures, bucket):
        return Claim(row.failures, needs_owner=True)
    until = blocked_until(row.failures, row.last_failed_at)
    if row.failures and now < until:
        return Claim(row.failures, wait_until=until)
    counted = {"address": address_index, "in_bucket": bucket, "count": row.failures + 1, "now": now}
    connection.execute(_COUNT_FAILURE, counted)
    return Claim(row.failures + 1)


def clear_failures(connection: Connection, address_index: bytes, bucket: str) -> None:
    """Forget the failures of this bucket, and of all other browsers, after a success."""
    connection.execute(_CLEAR, {"address": address_index, "in_bucket": bucket})


def sweep_failures(connection: Connection, now: datetime) -> None:
    """Drop the buckets that nobody has tried for long: anybody can make one, for any address."""
    connection.execute(delete(password_failures).where(password_failures.c.last_failed_at < now - FORGET_BUCKET_AFTER))
