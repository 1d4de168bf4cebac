"""SQL for face templates and capture tickets.

A ticket is claimed by one statement, so that two captures never run on it at once. Whoever claimed it either *releases*
it (nothing came of the capture) or *finishes* it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from authsvc.core.database import insert_into
from authsvc.factors.face.tables import face_templates, face_tickets

KEPT_AFTER_EXPIRY = timedelta(days=1)  # long enough for a slow reader to learn "expired" rather than "unknown"


@dataclass(frozen=True)
class Template:
    """A sealed template as it lies in the database."""

    account_id: str
    sealed: bytes
    embedder: str
    frames: int
    created_at: datetime


@dataclass(frozen=True)
class Ticket:
    """Permission for one capture."""

    id: str
    secret_hash: bytes
    nonce: str
    purpose: str
    flow_id: str
    account_id: str
    created_at: datetime
    expires_at: datetime
    consumed_at: datetime | None = None
    verdict: str | None = None
    reason: str | None = None


def insert_ticket(connection: Connection, ticket: Ticket) -> None:
    connection.execute(insert(face_tickets).values(**asdict(ticket)))


def sweep_tickets(connection: Connection, now: datetime) -> None:
    """Drop tickets that are long over."""
    connection.execute(delete(face_tickets).where(face_tickets.c.expires_at < now - KEPT_AFTER_EXPIRY))


def find_ticket(connection: Connection, ticket_id: str) -> Ticket | None:
    row = connection.execute(select(face_tickets).where(face_tickets.c.id == ticket_id)).one_or_none()
    return Ticket(**row._mapping) if row else None


def find_newest_ticket(connection: Connection, flow_id: str) -> Ticket | None:
    """Return the ticket that a flow asked for last."""
    query = select(face_tickets).where(face_tickets.c.flow_id == flow_id).order_by(face_tickets.c.created_at.desc())
    row = connection.execute(query.limit(1)).one_or_none()
    return Ticket(**row._mapping) if row else None


def find_ticket_by_secret(connection: Connection, secret_hash: bytes) -> Ticket | None:
    row = connection.execute(select(face_tickets).where(face_tickets.c.secret_hash == secret_hash)).one_or_none()
    return Ticket(**row._mapping) if row else None


def consume_ticket(connection: Connection, ticket_id: str, *, nonce: str, now: datetime) -> bool:
    """Claim a ticket in one statement; False when it is gone, expired, claimed or of another nonce."""
    statement = (
        update(face_tickets)
        .where(
            face_tickets.c.id == ticket_id,
            face_tickets.c.nonce == nonce,
            face_tickets.c.consumed_at.is_(None),
            face_tickets.c.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(face_tickets.c.id)
    )
    return connection.execute(statement).one_or_none() is not None


def hold_claimed_ticket(connection: Connection, ticket_id: str) -> bool:
    """Lock a claimed ticket till the transaction ends; False when it was deleted in the meantime.

    delete_face_data deletes tickets before the template: so it either waits for this transaction and then sees the
    template that it wrote, or this one waits for it and finds no ticket.
    """
    query = (
        select(face_tickets.c.id)
        .where(
            face_tickets.c.id == ticket_id, face_tickets.c.consumed_at.is_not(None), face_tickets.c.verdict.is_(None)
        )
        .with_for_update()
    )
    return connection.execute(query).one_or_none() is not None


def finish_ticket(connection: Connection, ticket_id: str, *, verdict: str, reason: str | None) -> None:
    connection.execute(
        update(face_tickets).where(face_tickets.c.id == ticket_id).values(verdict=verdict, reason=reason)
    )


def release_ticket(connection: Connection, ticket_id: str, *, reason: str | None) -> None:
    """Open a claimed ticket again, for the rest of its life."""
    connection.execute(
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id, face_tickets.c.verdict.is_(None))
        .values(consumed_at=None, reason=reason)
    )


def note_refusal(connection: Connection, ticket_id: str, *, reason: str) -> None:
    """Keep why the last capture was refused, for the page that waits for it; an open ticket stays open."""
    connection.execute(
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id, face_tickets.c.consumed_at.is_(None))
        .values(reason=reason)
    )


def find_template(connection: Connection, account_id: str) -> Template | None:
    row = connection.execute(select(face_templates).where(face_templates.c.account_id == account_id)).one_or_none()
    return Template(**row._mapping) if row else None


def put_template(connection: Connection, template: Template) -> None:
    """Keep a template in place of the account's former one, if it had one."""
    values = asdict(template)
    statement = insert_into(connection, face_templates).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def delete_face_data(connection: Connection, account_id: str) -> None:
    """Delete an account's tickets, then its template; the order matters, see hold_claimed_ticket."""
    connection.execute(delete(face_tickets).where(face_tickets.c.account_id == account_id))
    connection.execute(delete(face_templates).where(face_templates.c.account_id == account_id))
