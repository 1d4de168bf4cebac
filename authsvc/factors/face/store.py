"""SQL for face templates, capture tickets, looks of past frames, and failures in a row.

A ticket is claimed by one statement, so that two captures never run on it at once. Whoever claimed it either *releases*
it (nothing came of the capture) or *finishes* it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from authsvc.core.database import insert_into
from authsvc.factors.face.attempts import Failures, switched_off, wait_until
from authsvc.factors.face.devices.store import delete_devices
from authsvc.factors.face.matching.store import delete_member
from authsvc.factors.face.tables import face_failures, face_looks, face_templates, face_tickets

KEPT_AFTER_EXPIRY = timedelta(days=1)  # long enough for a slow reader to learn "expired" rather than "unknown"
REDEEMED_WITHIN = timedelta(minutes=5)  # from the capture to the browser that goes on
KEPT_LOOKS = 2_000  # frames of an account: some 400 captures; each costs 64 bytes


@dataclass(frozen=True)
class Template:
    """A sealed template as it lies in the database."""

    account_id: str
    sealed: bytes
    projection: bytes
    embedder: str
    frames: int
    created_at: datetime
    renewed_at: datetime | None = None


@dataclass(frozen=True)
class Ticket:
    """Permission for one capture."""

    id: str
    secret_hash: bytes
    nonce: str
    prompts: str
    purpose: str
    flow_id: str
    account_id: str
    browser_hash: bytes | None
    browser_known: bool
    created_at: datetime
    expires_at: datetime
    session_id: str | None = None
    asked: Mapping[str, str] | None = None
    device_id: str | None = None
    begun_at: datetime | None = None
    consumed_at: datetime | None = None
    verdict: str | None = None
    reason: str | None = None
    satisfies: bool = False
    finished_at: datetime | None = None
    redeemed_at: datetime | None = None


# -- tickets


def insert_ticket(connection: Connection, ticket: Ticket) -> None:
    connection.execute(insert(face_tickets).values(**asdict(ticket)))


def sweep_tickets(connection: Connection, now: datetime) -> None:
    """Drop tickets that are long over."""
    connection.execute(delete(face_tickets).where(face_tickets.c.expires_at < now - KEPT_AFTER_EXPIRY))


def find_ticket(connection: Connection, ticket_id: str) -> Ticket | None:
    if "\x00" in ticket_id:  # PostgreSQL refuses it in a text
        return None
    row = connection.execute(select(face_tickets).where(face_tickets.c.id == ticket_id)).one_or_none()
    return Ticket(**row._mapping) if row else None


def find_ticket_by_secret(connection: Connection, secret_hash: bytes) -> Ticket | None:
    row = connection.execute(select(face_tickets).where(face_tickets.c.secret_hash == secret_hash)).one_or_none()
    return Ticket(**row._mapping) if row else None


def begin_ticket(connection: Connection, ticket_id: str, *, device_id: str | None, now: datetime) -> Ticket | None:
    """Bind a ticket to the device that begins its capture, in one statement; None when another one has it."""
    same = or_(face_tickets.c.device_id.is_(None), face_tickets.c.device_id == device_id)
    statement = (
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id, face_tickets.c.consumed_at.is_(None), face_tickets.c.expires_at > now)
        .where(same)
        .values(device_id=device_id, begun_at=now)
        .returning(face_tickets)
    )
    row = connection.execute(statement).one_or_none()
    return Ticket(**row._mapping) if row else None


def consume_ticket(
    connection: Connection, ticket_id: str, *, nonce: str, device_id: str | None = None, now: datetime
) -> bool:
    """Claim a ticket in one statement; False when it is gone, expired, claimed, of another nonce or device."""
    statement = (
        update(face_tickets)
        .where(
            face_tickets.c.id == ticket_id,
            face_tickets.c.nonce == nonce,
            face_tickets.c.device_id.is_not_distinct_from(device_id),
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


def finish_ticket(
    connection: Connection, ticket_id: str, *, verdict: str, reason: str | None, satisfies: bool, now: datetime
) -> None:
    connection.execute(
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id)
        .values(verdict=verdict, reason=reason, satisfies=satisfies, finished_at=now)
    )


def release_ticket(
    connection: Connection, ticket_id: str, *, reason: str | None, fresh: tuple[str, str] | None = None
) -> None:
    """Open a claimed ticket again, for the rest of its life.

    Args:
        fresh: a new nonce and new prompts, where the old ones were answered.
    """
    values: dict[str, str | None] = {"reason": reason}
    if fresh is not None:
        values |= {"nonce": fresh[0], "prompts": fresh[1], "begun_at": None}
    connection.execute(
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id, face_tickets.c.verdict.is_(None))
        .values(consumed_at=None, **values)
    )


def note_refusal(connection: Connection, ticket_id: str, *, reason: str) -> None:
    """Keep why the last capture was refused, for the page that waits for it; an open ticket stays open."""
    connection.execute(
        update(face_tickets)
        .where(face_tickets.c.id == ticket_id, face_tickets.c.consumed_at.is_(None))
        .values(reason=reason)
    )


def consume_match(connection: Connection, *, flow_id: str, account_id: str, now: datetime) -> str | None:
    """Use up a match that counts, in one statement; return the device whose key signed it."""
    statement = (
        update(face_tickets)
        .where(
            face_tickets.c.flow_id == flow_id,
            face_tickets.c.account_id == account_id,
            face_tickets.c.verdict == "match",
            face_tickets.c.satisfies.is_(True),
            face_tickets.c.redeemed_at.is_(None),
            face_tickets.c.finished_at > now - REDEEMED_WITHIN,
        )
        .values(redeemed_at=now)
        .returning(face_tickets.c.device_id)
    )
    return connection.execute(statement).scalars().first()


def delete_tickets(connection: Connection, account_id: str, *, device_id: str | None = None) -> None:
    """Delete an account's tickets, or those that one device began, with what came of them."""
    conditions = [face_tickets.c.account_id == account_id]
    if device_id is not None:
        conditions.append(face_tickets.c.device_id == device_id)
    connection.execute(delete(face_tickets).where(*conditions))


# -- templates


_FIND_TEMPLATE = select(face_templates).where(face_templates.c.account_id == bindparam("account_id"))


def find_template(connection: Connection, account_id: str) -> Template | None:
    row = connection.execute(_FIND_TEMPLATE, {"account_id": account_id}).one_or_none()  # at the end of every sign-in
    return Template(**row._mapping) if row else None


def list_template_owners(connection: Connection) -> list[str]:
    """Return the accounts that have a template."""
    return list(connection.execute(select(face_templates.c.account_id).order_by(face_templates.c.account_id)).scalars())


def put_template(connection: Connection, template: Template) -> None:
    """Keep a template in place of the account's former one, if it had one."""
    values = asdict(template)
    statement = insert_into(connection, face_templates).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def replace_template(connection: Connection, old: Template, new: Template) -> bool:
    """Put `new` in the place of `old`; False when that is not what is there any more."""
    statement = (
        update(face_templates)
        .where(face_templates.c.account_id == old.account_id, face_templates.c.sealed == old.sealed)
        .values(asdict(new))
        .returning(face_templates.c.account_id)
    )
    return connection.execute(statement).one_or_none() is not None


def delete_face_data(connection: Connection, account_id: str) -> None:
    """Delete all that the face factor keeps of an account: tickets first, see hold_claimed_ticket."""
    delete_tickets(connection, account_id)
    for table in (face_templates, face_looks, face_failures):
        connection.execute(delete(table).where(table.c.account_id == account_id))
    delete_devices(connection, account_id)
    delete_member(connection, account_id)  # and every prototype that they are part of


# -- looks of past frames


def list_looks(connection: Connection, account_id: str) -> list[bytes]:
    return list(connection.execute(select(face_looks.c.tokens).where(face_looks.c.account_id == account_id)).scalars())


def insert_looks(connection: Connection, account_id: str, tokens: Iterable[bytes]) -> None:
    """Keep the looks of a capture's frames, and of the older ones the newest KEPT_LOOKS."""
    rows = [{"account_id": account_id, "tokens": each} for each in tokens]
    connection.execute(insert(face_looks), rows)
    own = select(face_looks.c.id).where(face_looks.c.account_id == account_id)
    kept = own.order_by(face_looks.c.id.desc()).limit(KEPT_LOOKS).subquery()
    connection.execute(
        delete(face_looks).where(
            face_looks.c.account_id == account_id, face_looks.c.id.not_in(select(kept.c.id).scalar_subquery())
        )
    )


# -- failures in a row


def find_failures(connection: Connection, account_id: str) -> Failures | None:
    query = select(face_failures.c.live, face_failures.c.unproven, face_failures.c.last_at)
    row = connection.execute(query.where(face_failures.c.account_id == account_id)).one_or_none()
    return Failures(**row._mapping) if row else None


def claim_attempt(connection: Connection, account_id: str, now: datetime) -> Failures | datetime | None:
    """Count an attempt as an unproven failure before it is measured, unless it comes too early.

    The row is made or locked by one upsert, so N at once pass one after the other.

    Returns:
        the failures before it; or before when none is taken; or None where the face is switched off.
    """
    locked = (
        insert_into(connection, face_failures)
        .values(account_id=account_id, live=0, unproven=0, last_at=now)
        .on_conflict_do_update(index_elements=["account_id"], set_={"account_id": account_id})
        .returning(face_failures.c.live, face_failures.c.unproven, face_failures.c.last_at)
    )
    before = Failures(**connection.execute(locked).one()._mapping)
    if switched_off(before):
        return None
    until = wait_until(before)
    if until is not None and now < until:
        return until
    connection.execute(
        update(face_failures)
        .where(face_failures.c.account_id == account_id)
        .values(unproven=face_failures.c.unproven + 1, last_at=now)
    )
    return before


def return_attempt(connection: Connection, account_id: str, *, live: bool, failed: bool) -> None:
    """Say what became of a counted attempt.

    Args:
        live: it passed attack detection.
        failed: it was compared and did not match, or was an attack; otherwise it is as if it had not been.
    """
    if failed and not live:
        return  # as it was counted
    connection.execute(
        update(face_failures)
        .where(face_failures.c.account_id == account_id, face_failures.c.unproven > 0)
        .values(unproven=face_failures.c.unproven - 1, live=face_failures.c.live + int(failed))
    )


# Built once: it runs at every sign-in.
_CLEAR_FAILURES = (
    delete(face_failures)
    .where(face_failures.c.account_id == bindparam("account"))
    .returning(face_failures.c.live, face_failures.c.unproven, face_failures.c.last_at)
)


def clear_failures(connection: Connection, account_id: str) -> Failures | None:
    """Forget the failures; return them."""
    row = connection.execute(_CLEAR_FAILURES, {"account": account_id}).one_or_none()
    return Failures(**row._mapping) if row else None
