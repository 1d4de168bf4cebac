"""SQL for mailed codes."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from authsvc.factors.email_code.tables import email_codes

MAX_TRIES = 5  # security.md, "Addresses and mail"


def insert_code(
    connection: Connection,
    *,
    code_id: str,
    flow_id: str,
    purpose: str,
    address_index: bytes,
    code_hash: bytes,
    link_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a new code; earlier ones of the same flow and purpose are worth nothing from now on."""
    connection.execute(
        update(email_codes)
        .where(
            email_codes.c.flow_id == flow_id,
            email_codes.c.purpose == purpose,
            email_codes.c.consumed_at.is_(None),
        )
        .values(consumed_at=now)
    )
    connection.execute(
        insert(email_codes).values(
            id=code_id,
            flow_id=flow_id,
            purpose=purpose,
            address_index=address_index,
            code_hash=code_hash,
            link_hash=link_hash,
            created_at=now,
            expires_at=expires_at,
            tries=0,
        )
    )


def find_open_code(
    connection: Connection, *, flow_id: str, purpose: str, address_index: bytes, now: datetime
) -> str | None:
    """Return the id of the code that this flow may still try for this address."""
    query = select(email_codes.c.id).where(
        email_codes.c.flow_id == flow_id,
        email_codes.c.purpose == purpose,
        email_codes.c.address_index == address_index,
        email_codes.c.consumed_at.is_(None),
        email_codes.c.expires_at > now,
        email_codes.c.tries < MAX_TRIES,
    )
    return connection.execute(query).scalar_one_or_none()


def claim_try(connection: Connection, code_id: str, now: datetime) -> int | None:
    """Count a try before the code is compared, so that N tries at once count as N; return how many are left.

    None when the code has none left, is spent or expired.
    """
    statement = (
        update(email_codes)
        .where(
            email_codes.c.id == code_id,
            email_codes.c.consumed_at.is_(None),
            email_codes.c.expires_at > now,
            email_codes.c.tries < MAX_TRIES,
        )
        .values(tries=email_codes.c.tries + 1)
        .returning(email_codes.c.tries)
    )
    tries: int | None = connection.execute(statement).scalar_one_or_none()
    return None if tries is None else MAX_TRIES - tries


def find_open_link(connection: Connection, link_hash: bytes, *, now: datetime) -> tuple[str, str] | None:
    """Return (flow id, purpose) of a mailed link that still opens something; looking changes nothing."""
    query = select(email_codes.c.flow_id, email_codes.c.purpose).where(
        email_codes.c.link_hash == link_hash,
        email_codes.c.consumed_at.is_(None),
        email_codes.c.expires_at > now,
        email_codes.c.tries < MAX_TRIES,
    )
    row = connection.execute(query).one_or_none()
    return (row.flow_id, row.purpose) if row else None


def consume_code(connection: Connection, code_id: str, *, code_hash: bytes, link_hash: bytes, now: datetime) -> bool:
    """Spend the code in one statement, if either spelling of it is the right one and it is still open."""
    statement = (
        update(email_codes)
        .where(
            email_codes.c.id == code_id,
            or_(email_codes.c.code_hash == code_hash, email_codes.c.link_hash == link_hash),
            email_codes.c.consumed_at.is_(None),
            email_codes.c.expires_at > now,
        )
        .values(consumed_at=now)
    )
    return connection.execute(statement).rowcount == 1


def sweep_codes(connection: Connection, now: datetime) -> None:
    """Drop codes that are worth nothing any more."""
    connection.execute(delete(email_codes).where(email_codes.c.expires_at < now))
