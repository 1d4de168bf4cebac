"""SQL for shared secrets and their enrolments."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from authsvc.core.database import insert_into
from authsvc.factors.totp.tables import totp_enrolments, totp_secrets

MAX_TRIES = 5


@dataclass(frozen=True)
class SharedSecret:
    """A confirmed secret, sealed."""

    account_id: str
    id: str
    sealed: bytes
    created_at: datetime
    last_used_step: int
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class PendingSecret:
    """A secret that was shown, sealed; it counts for nothing until a first code confirms it."""

    account_id: str
    id: str
    session_id: str
    sealed: bytes
    created_at: datetime
    expires_at: datetime


def find_secret(connection: Connection, account_id: str) -> SharedSecret | None:
    row = connection.execute(select(totp_secrets).where(totp_secrets.c.account_id == account_id)).one_or_none()
    return SharedSecret(**row._mapping) if row else None


def put_secret(connection: Connection, secret: SharedSecret) -> None:
    """Keep a secret in place of the account's former one, if it had one."""
    values = asdict(secret)
    statement = insert_into(connection, totp_secrets).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def consume_step(connection: Connection, secret: SharedSecret, step: int, now: datetime) -> bool:
    """Spend a time step, and with it all before it, in one statement; False when it is spent already."""
    statement = (
        update(totp_secrets)
        .where(
            totp_secrets.c.account_id == secret.account_id,
            totp_secrets.c.id == secret.id,
            totp_secrets.c.last_used_step < step,
        )
        .values(last_used_step=step, last_used_at=now)
    )
    return connection.execute(statement).rowcount == 1


def delete_secret(connection: Connection, account_id: str) -> str | None:
    """Delete the account's secret; return its id, or None when there was none."""
    statement = delete(totp_secrets).where(totp_secrets.c.account_id == account_id).returning(totp_secrets.c.id)
    return connection.execute(statement).scalar_one_or_none()


def put_pending(connection: Connection, pending: PendingSecret) -> None:
    """Keep a secret that is being set up, in place of an earlier one."""
    values = asdict(pending) | {"tries": 0}
    statement = insert_into(connection, totp_enrolments).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def find_pending(connection: Connection, account_id: str, *, session_id: str, now: datetime) -> PendingSecret | None:
    row = connection.execute(
        select(totp_enrolments).where(
            totp_enrolments.c.account_id == account_id,
            totp_enrolments.c.session_id == session_id,
            totp_enrolments.c.expires_at > now,
            totp_enrolments.c.tries < MAX_TRIES,
        )
    ).one_or_none()
    if row is None:
        return None
    return PendingSecret(row.account_id, row.id, row.session_id, row.sealed, row.created_at, row.expires_at)


def claim_pending_try(connection: Connection, pending: PendingSecret, now: datetime) -> int | None:
    """Count a try before the code is compared; return how many are left, None when there was none."""
    statement = (
        update(totp_enrolments)
        .where(
            totp_enrolments.c.account_id == pending.account_id,
            totp_enrolments.c.id == pending.id,
            totp_enrolments.c.expires_at > now,
            totp_enrolments.c.tries < MAX_TRIES,
        )
        .values(tries=totp_enrolments.c.tries + 1)
        .returning(totp_enrolments.c.tries)
    )
    tries: int | None = connection.execute(statement).scalar_one_or_none()
    return None if tries is None else MAX_TRIES - tries


def consume_pending(connection: Connection, pending: PendingSecret) -> bool:
    """Take a secret that was confirmed, in one statement; False when somebody else did."""
    statement = delete(totp_enrolments).where(
        totp_enrolments.c.account_id == pending.account_id, totp_enrolments.c.id == pending.id
    )
    return connection.execute(statement).rowcount == 1


def sweep_enrolments(connection: Connection, now: datetime) -> None:
    """Drop secrets that nobody confirmed in time."""
    connection.execute(delete(totp_enrolments).where(totp_enrolments.c.expires_at <= now))


def delete_pending(connection: Connection, account_id: str) -> bool:
    """Return False when nothing was being set up."""
    return connection.execute(delete(totp_enrolments).where(totp_enrolments.c.account_id == account_id)).rowcount == 1
