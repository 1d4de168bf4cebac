"""What a ticket's row says at a given time: whether a capture may be sent on it, and how far it is. Pure.

Only store.consume_ticket decides who gets a ticket; this is for saying what is wrong, and for the page that waits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from authsvc.factors.face.store import Ticket

State = Literal["open", "measuring", "expired", "done"]


@dataclass(frozen=True)
class TicketStatus:
    """What the page that waits for a capture may know. `reason` is of the last capture that was refused."""

    state: State
    outcome: str | None
    reason: str | None
    expires_at: datetime
    satisfies: bool = False  # the flow can go on with it


def fault_of(ticket: Ticket | None, nonce: str | None, now: datetime) -> str | None:
    """Return why no capture can be sent on this ticket, or None. Without a nonce it is not compared."""
    if ticket is None:
        return "face.ticket_unknown"
    if nonce is not None and nonce != ticket.nonce:
        return "face.foreign_nonce"
    if ticket.consumed_at is not None:
        return "face.ticket_spent"
    return "face.ticket_expired" if ticket.expires_at <= now else None


def status_of(ticket: Ticket, now: datetime) -> TicketStatus:
    """Return how far the ticket's capture is."""
    return TicketStatus(_state(ticket, now), ticket.verdict, ticket.reason, ticket.expires_at, ticket.satisfies)


def _state(ticket: Ticket, now: datetime) -> State:
    if ticket.verdict is not None:
        return "done"
    if ticket.expires_at <= now:
        return "expired"
    return "open" if ticket.consumed_at is None else "measuring"
