"""SQL for what is asked at the end of a sign-in."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from authsvc.core.database import insert_into
from authsvc.login.offer.rule import OfferState
from authsvc.login.offer.tables import face_offers, passkey_offers
from authsvc.login.tables import flows
from authsvc.login.transitions import State

_ANSWERS = {OfferState.PASSKEY: passkey_offers, OfferState.FACE: face_offers}
_FIND_ANSWER = {
    offer: select(answers.c.answered_at).where(answers.c.account_id == bindparam("account_id"))
    for offer, answers in _ANSWERS.items()
}


def find_answered_at(connection: Connection, offer: OfferState, account_id: str) -> datetime | None:
    """Return when the account last answered an offer of this kind."""
    return connection.execute(_FIND_ANSWER[offer], {"account_id": account_id}).scalar_one_or_none()


def note_answer(connection: Connection, offer: OfferState, account_id: str, now: datetime) -> None:
    connection.execute(
        insert_into(connection, _ANSWERS[offer])
        .values(account_id=account_id, answered_at=now)
        .on_conflict_do_update(index_elements=["account_id"], set_={"answered_at": now})
    )


def consume_offer(
    connection: Connection, flow_id: str, offer: OfferState, *, becomes: OfferState, now: datetime
) -> bool:
    """Answer a flow's offer in one statement; False when it was answered before, or the flow has gone on."""
    statement = (
        update(flows)
        .where(
            flows.c.id == flow_id,
            flows.c.state == State.READY.value,
            flows.c.offer == offer.value,
            flows.c.expires_at > now,
        )
        .values(offer=becomes.value)
    )
    return connection.execute(statement).rowcount == 1
