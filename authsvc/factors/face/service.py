"""The face factor: what an account has of it, the tickets for its captures, and how all of it goes.

A capture is asked for in a flow that passed a first factor: the flow's page shows a ticket (ticket.py), an app or a
page sends a capture on it (captures/service.py). A match that counts is redeemed by its flow, once, within five
minutes.

A face stands beside others and is never needed (SP 800-63B-4, 3.2.3): another proof is always offered with it. It
counts once a device key stands beside the template, the template is of today's embedder, and failures have not closed
it; another factor that succeeds opens it again.

Everything of an account goes at once when consent is taken back (store.delete_face_data). "This wasn't me" ends the
devices and the tickets: whoever registered a key under somebody else's eyes has nothing left, and a template alone
proves nothing.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from authsvc.accounts.levels import Level, ProofKind
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.lanes import ProcessLane
from authsvc.core.origin import Origin
from authsvc.factors.face import store
from authsvc.factors.face.attempts import switched_off
from authsvc.factors.face.captures.service import Captures
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.refusals import error_of
from authsvc.factors.face.store import Ticket
from authsvc.factors.face.ticket import Asked
from authsvc.factors.face.ticket_state import TicketStatus, status_of
from authsvc.factors.factor import Exported, Way
from authsvc.settings import FaceSettings

TicketPurpose = Literal["enrol", "verify"]


@dataclass(frozen=True)
class TicketBrowser:
    """The browser whose page asked for a ticket. `known`: the account has signed in there before."""

    secret_hash: bytes
    known: bool
    asked: Asked | None = None


@dataclass(frozen=True)
class IssuedTicket:
    """What the app needs to begin; the secret is shown once."""

    ticket_id: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True)
class FaceService:
    """The factor. Args: embedder is the id of what measures now; None where nobody can say before it is loaded."""

    captures: Captures
    embedder: str | None = None

    kind = ProofKind.FACE

    @property
    def database(self) -> Database:
        return self.captures.database

    @property
    def audit(self) -> Audit:
        return self.captures.audit

    @property
    def keys(self) -> DeviceKeys:
        return self.captures.keys

    @property
    def lane(self) -> ProcessLane:
        return self.captures.lane

    @property
    def settings(self) -> FaceSettings:
        return self.captures.settings

    @property
    def enabled(self) -> bool:
        return self.settings.enabled

    # -- a factor among others

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        template = store.find_template(connection, account_id)
        if template is None:
            return ()
        devices = self.keys.list(connection, account_id)
        failures = store.find_failures(connection, account_id)
        used = max((each.last_used_at for each in devices if each.last_used_at), default=None)
        counts = (
            self.enabled
            and self.settings.satisfies != "never"
            and bool(devices)
            and self.is_current(template.embedder)
            and not (failures and switched_off(failures))
        )
        return (Way("face", self.kind, "Face", "", template.created_at, used, counts=counts),)

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        return int(self.forget(connection, account_id, origin=origin, now=now))

    def export(self, connection: Connection, account_id: str) -> Exported:
        """Return when it was enrolled, and the devices; a template tells a person nothing, and is worth stealing."""
        template = store.find_template(connection, account_id)
        told: Exported = []
        if template is not None:
            told.append({"enrolled_at": template.created_at.isoformat(), "frames": template.frames})
        for each in self.keys.list(connection, account_id):
            used = each.last_used_at.isoformat() if each.last_used_at else None
            registered = each.created_at.isoformat()
            told.append({"device": each.name, "kind": each.kind, "registered_at": registered, "last_used_at": used})
        return told

    def is_current(self, embedder: str) -> bool:
        """Return whether a template of this embedder can be compared with today's captures."""
        return self.embedder is None or embedder == self.embedder

    def is_outdated(self, connection: Connection, account_id: str) -> bool:
        """Return whether a face would count again if it were enrolled anew: what is kept is of another embedder."""
        if not self.enabled or self.settings.satisfies == "never":
            return False
        template = store.find_template(connection, account_id)
        if template is None or self.is_current(template.embedder):
            return False
        return self.captures.verdicts.missing(connection, account_id, "enrol") is None

    def template(self, connection: Connection, account_id: str) -> store.Template | None:
        return store.find_template(connection, account_id)

    def template_exists(self, connection: Connection, account_id: str) -> bool:
        return store.find_template(connection, account_id) is not None

    # -- tickets

    def issue_ticket(
        self,
        connection: Connection,
        *,
        flow_id: str,
        account_id: str,
        purpose: TicketPurpose,
        browser: TicketBrowser | None = None,
        session_id: str | None = None,
        origin: Origin,
        now: datetime,
    ) -> IssuedTicket:
        """Return permission for one capture. The caller has made sure that the flow passed a first factor.

        Args: session_id is the session whose fresh proof the capture rests on, where it rests on one: it ends with it.

        Raises:
            NotAllowed: face.disabled, face.no_consent (to enrol).
            NotFound: face.no_template (to verify).
        """
        if not self.enabled:
            raise error_of("face.disabled")
        if code := self.captures.verdicts.missing(connection, account_id, purpose):
            raise error_of(code)
        secret = new_secret()
        ticket = Ticket(
            id=new_id("fct"),
            secret_hash=hash_secret(secret),
            nonce=new_secret(),
            prompts=" ".join(self.captures.prompts()),
            purpose=purpose,
            flow_id=flow_id,
            account_id=account_id,
            session_id=session_id,
            browser_hash=browser.secret_hash if browser else None,
            browser_known=browser is not None and browser.known,
            asked=asdict(browser.asked) if browser and browser.asked else None,
            created_at=now,
            expires_at=now + timedelta(seconds=self.settings.ticket_s),
        )
        store.insert_ticket(connection, ticket)
        facts = {"ticket": ticket.id, "flow": flow_id, "purpose": purpose}
        self.audit.record(connection, "face:ticket:issued", now=now, account_id=account_id, origin=origin, facts=facts)
        return IssuedTicket(ticket.id, secret, ticket.expires_at)

    def ticket_status(self, connection: Connection, ticket_id: str, flow_id: str) -> TicketStatus:
        """Return how far the capture is, for the flow that asked for it.

        Raises:
            NotFound: face.ticket_unknown, also for another flow's ticket.
        """
        ticket = store.find_ticket(connection, ticket_id)
        if ticket is None or ticket.flow_id != flow_id:
            raise error_of("face.ticket_unknown")
        return status_of(ticket, self.captures.clock.now())

    def redeem(self, connection: Connection, *, flow_id: str, account_id: str, now: datetime) -> bool:
        """Use up the flow's match that counts; False where there is none, or its device is no longer registered."""
        device_id = store.consume_match(connection, flow_id=flow_id, account_id=account_id, now=now)
        return device_id is not None and self.keys.find(connection, account_id, device_id) is not None

    # -- ends

    def remove_device(
        self, connection: Connection, account_id: str, device_id: str, *, origin: Origin, now: datetime
    ) -> bool:
        """Remove a device at its owner's wish, with the captures that it began. Takes a fresh proof."""
        store.delete_tickets(connection, account_id, device_id=device_id)
        return self.keys.remove(connection, account_id, device_id, origin=origin, now=now)

    def forget(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> bool:
        """Delete all of it, for recovery and erasure; return whether there was a template or a device.

        The withdrawal of consent calls store.delete_face_data: it leaves its own evidence.
        """
        had_one = self.template_exists(connection, account_id)
        devices = self.keys.remove_all(connection, account_id, origin=origin, now=now)
        store.delete_face_data(connection, account_id)
        if had_one:
            self.audit.record(connection, "face:template:deleted", now=now, account_id=account_id, origin=origin)
        return had_one or devices > 0

    def stop_disowned(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> None:
        """ "This wasn't me" was pressed: one of the `stops` of login/alerts/service.py."""
        self.keys.remove_all(connection, account_id, origin=origin, now=now)
        store.delete_tickets(connection, account_id)

    def open_again(self, connection: Connection, account_id: str, level: Level, origin: Origin, now: datetime) -> None:
        """Somebody signed in with more than a password: what failures had closed is open again.

        One of `completed` of login/finish/service.py. A face that is closed can't be what they signed in with.
        """
        failures = store.clear_failures(connection, account_id) if level > Level.PWD else None
        if failures is not None and switched_off(failures):
            self.audit.record(connection, "face:factor:opened", now=now, account_id=account_id, origin=origin)
