"""SQL for device keys and the tickets on which they are registered."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from authsvc.core.database import insert_into
from authsvc.factors.face.devices.tables import face_device_tickets, face_devices

KEPT_AFTER_EXPIRY = timedelta(days=1)


@dataclass(frozen=True)
class DeviceKey:
    """A registered public key. `point`: 0x04 || x || y."""

    id: str
    account_id: str
    kind: str
    name: str
    point: bytes
    browser_device_id: str | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class DeviceTicket:
    """Permission to register one key."""

    id: str
    secret_hash: bytes
    nonce: str
    account_id: str
    session_id: str
    kind: str
    browser_device_id: str | None
    expires_at: datetime
    consumed_at: datetime | None = None
    device_id: str | None = None


def insert_ticket(connection: Connection, ticket: DeviceTicket) -> None:
    connection.execute(insert(face_device_tickets).values(**asdict(ticket)))


def find_ticket_by_secret(connection: Connection, secret_hash: bytes) -> DeviceTicket | None:
    query = select(face_device_tickets).where(face_device_tickets.c.secret_hash == secret_hash)
    row = connection.execute(query).one_or_none()
    return DeviceTicket(**row._mapping) if row else None


def find_newest_ticket(connection: Connection, session_id: str) -> DeviceTicket | None:
    """Return the ticket that a session asked for last."""
    query = select(face_device_tickets).where(face_device_tickets.c.session_id == session_id)
    row = connection.execute(query.order_by(face_device_tickets.c.expires_at.desc()).limit(1)).one_or_none()
    return DeviceTicket(**row._mapping) if row else None


def consume_ticket(connection: Connection, ticket_id: str, *, device_id: str, now: datetime) -> bool:
    """Use a ticket up in one statement; False when it is gone, expired or used."""
    statement = (
        update(face_device_tickets)
        .where(
            face_device_tickets.c.id == ticket_id,
            face_device_tickets.c.consumed_at.is_(None),
            face_device_tickets.c.expires_at > now,
        )
        .values(consumed_at=now, device_id=device_id)
        .returning(face_device_tickets.c.id)
    )
    return connection.execute(statement).one_or_none() is not None


def sweep_device_tickets(connection: Connection, now: datetime) -> None:
    """Drop tickets that are long over."""
    connection.execute(delete(face_device_tickets).where(face_device_tickets.c.expires_at < now - KEPT_AFTER_EXPIRY))


def insert_device(connection: Connection, device: DeviceKey) -> bool:
    """Keep a key; False when it is registered already, for whichever account."""
    statement = insert_into(connection, face_devices).values(asdict(device)).on_conflict_do_nothing()
    return connection.execute(statement.returning(face_devices.c.id)).one_or_none() is not None


def find_device(connection: Connection, account_id: str, device_id: str) -> DeviceKey | None:
    """Return the account's own device with this id."""
    if "\x00" in device_id:  # PostgreSQL refuses it in a text
        return None
    query = select(face_devices).where(face_devices.c.id == device_id, face_devices.c.account_id == account_id)
    row = connection.execute(query).one_or_none()
    return DeviceKey(**row._mapping) if row else None


def list_devices(connection: Connection, account_id: str) -> list[DeviceKey]:
    query = select(face_devices).where(face_devices.c.account_id == account_id)
    rows = connection.execute(query.order_by(face_devices.c.created_at, face_devices.c.id))
    return [DeviceKey(**row._mapping) for row in rows]


def note_use(connection: Connection, device_id: str, now: datetime) -> None:
    connection.execute(update(face_devices).where(face_devices.c.id == device_id).values(last_used_at=now))


def delete_device(connection: Connection, account_id: str, device_id: str) -> bool:
    """Remove one key; False when the account has no such device."""
    statement = delete(face_devices).where(face_devices.c.id == device_id, face_devices.c.account_id == account_id)
    return connection.execute(statement.returning(face_devices.c.id)).one_or_none() is not None


def delete_devices(connection: Connection, account_id: str) -> list[str]:
    """Remove every key of an account, and what would register another; return the keys' ids."""
    connection.execute(delete(face_device_tickets).where(face_device_tickets.c.account_id == account_id))
    statement = delete(face_devices).where(face_devices.c.account_id == account_id).returning(face_devices.c.id)
    return list(connection.execute(statement).scalars())
