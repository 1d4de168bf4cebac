"""SQL for the offers of a passkey."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from authsvc.core.database import insert_into
from authsvc.login.offer.rule import OfferState
from authsvc.login.offer.tables import passkey_offers
from authsvc.login.tables import flows
from authsvc.login.transitions import State

_FIND_ANSWER = select(passkey_offers.c.answered_at).where(passkey_offers.c.account_id == bindparam("account_id"))


def find_answered_at(connection: Connection, account_id: str) -> datetime | None:
    return connection.execute(_FIND_ANSWER, {"account_id": account_id}).scalar_one_or_none()


def note_answer(connection: Connection, account_id: str, now: datetime) -> None:
    connection.execute(
        insert_into(connection, passkey_offers)
        .values(account_id=account_id, answered_at=now)
        .on_conflict_do_update(index_elements=["account_id"], set_={"answered_at": now})
    )


def consume_offer(connection: Connection, flow_id: str, now: datetime) -> bool:
    """Answer a flow's offer in one statement; False when it was answered before, or the flow has gone on."""
    statement = (
        update(flows)
        .where(
            flows.c.id == flow_id,
            flows.c.state == State.READY.value,
            flows.c.passkey_offer == OfferState.DUE.value,
            flows.c.expires_at > now,
        )
        .values(passkey_offer=OfferState.ANSWERED.value)
    )
    return connection.execute(statement).rowcount == 1
