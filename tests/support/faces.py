"""A face factor for tests: drawn captures, an account with consent, and a lane in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Event
from typing import Any

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.lanes import ThreadLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.service import FaceService, IssuedTicket
from authsvc.factors.face.store import delete_face_data
from authsvc.settings import FaceSettings
from tests.support.clocks import SettableClock
from tests.support.pictures import capture

ORIGIN = Origin("req_face_test", "203.0.113.7", "an app")
ACCOUNT = "acc_face"
FLOW = "flow_face"


class InlineLane(ThreadLane):
    """Measures in this process, the same frames only once; `before` runs first: what happens meanwhile."""

    def __init__(self) -> None:
        super().__init__("face", workers=1, queue=4)
        self.before: Callable[[], None] = lambda: None
        self.runs = 0

    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        self.before()
        return _once(work, *args, **kwargs)


@cache
def _once(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return work(*args, **kwargs)


@dataclass
class Faces:
    """The service, and the account and clock around it."""

    face: FaceService
    clock: SettableClock
    lane: Any

    def consent(self, *, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            self.face.consents.give(connection, account_id, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def withdraw(self) -> None:
        with self.face.database.write() as connection:
            self.face.consents.withdraw(connection, ACCOUNT, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def ticket(self, purpose: Any = "enrol", *, account_id: str = ACCOUNT, flow_id: str = FLOW) -> IssuedTicket:
        with self.face.database.write() as connection:
            return self.face.issue_ticket(
                connection,
                flow_id=flow_id,
                account_id=account_id,
                purpose=purpose,
                origin=ORIGIN,
                now=self.clock.now(),
            )

    def submit(self, ticket: IssuedTicket, frames: list[bytes], **changes: Any) -> Any:
        sent = {"secret": ticket.secret, "nonce": ticket.nonce, "frames": frames, "origin": ORIGIN} | changes
        return self.face.submit(**sent)

    def enrol(self, person: str = "anna", *, account_id: str = ACCOUNT) -> None:
        verdict = self.submit(self.ticket(account_id=account_id), capture(person))
        assert verdict.outcome == "enrolled", verdict

    def add_account(self, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            insert_account(connection, Account(account_id, account_id.encode(), "Someone", "active", self.clock.now()))


def build_faces(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock, *, lane: Any = None, **settings: Any
) -> Faces:
    """Return a face factor with one account, which has not consented yet."""
    lane = lane or InlineLane()
    rules = {"face_per_account": "30 per 1 hour", "face_per_address": "120 per 10 minutes"}
    face = FaceService(
        database=database,
        vault=vault,
        audit=audit,
        alerts=Alerts(Outbox(vault, Event()), audit, "https://id.shop.example", "authsvc"),
        consents=Consents(audit, {Purpose.FACE: delete_face_data}),
        limits=Limits(rules, redis_url=None, clock=clock),
        lane=lane,
        settings=FaceSettings(**settings),
        clock=clock,
    )
    faces = Faces(face, clock, lane)
    faces.add_account()
    return faces
