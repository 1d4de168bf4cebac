"""The face factor: hand out a ticket, take one capture on it, keep a template or a verdict, and the evidence.

The life of a ticket (2 minutes):

    open -> claimed -> done              a verdict: enrolled, match, no_match, or refused for good
            claimed -> open              nothing came of the capture

1. A ticket is claimed by one SQL statement before slow work begins, so it never runs twice at once.
2. When the capture could not be used (no face, two faces…) or its worker died, the ticket is opened again for the rest
   of its life: nothing was compared, so nothing can be learned from trying again, and a person in bad light needs no
   new ticket. How often is bounded by the limits. If the whole server dies meanwhile, the ticket stays claimed.
3. Consent is read again in the transaction that writes, behind a lock on the ticket: a withdrawal either comes first,
   then nothing is kept, or it deletes what was just kept.
4. A verdict satisfies no step-up while settings say `never`: nothing here shows that the frames came from a camera.

Frames live as long as the call that measures them. A distance is kept in sealed evidence only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.levels import ProofKind
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import AuthsvcError
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.lanes import ProcessLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.factors.face import store
from authsvc.factors.face.comparison import (
    distance,
    mean_of,
    one_face,
    template_from_bytes,
    template_to_bytes,
    verdict,
)
from authsvc.factors.face.dlib_embedder import EMBEDDER, Measured, measure_frames
from authsvc.factors.face.frames import FrameBounds, check_frames
from authsvc.factors.face.refusals import FrameRefusal, error_of
from authsvc.factors.face.store import Template, Ticket
from authsvc.factors.face.ticket_state import TicketStatus, fault_of, status_of
from authsvc.factors.factor import Exported, Way
from authsvc.settings import FaceSettings

TicketPurpose = Literal["enrol", "verify"]
Outcome = Literal["enrolled", "match", "no_match", "refused"]

TAGS = {
    "enrolled": "face:template:enrolled",
    "match": "face:capture:matched",
    "no_match": "face:capture:rejected",
    "refused": "face:capture:refused",
}


@dataclass(frozen=True)
class IssuedTicket:
    """What the app needs; the secret is shown once."""

    ticket_id: str
    secret: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True)
class Verdict:
    """What came of a capture. `satisfies`: whether it counts as a proof."""

    outcome: Outcome
    reason: str | None
    satisfies: bool


@dataclass(frozen=True)
class _Finding:
    outcome: Outcome
    reason: str | None = None
    distance: float | None = None


@dataclass(frozen=True)
class FaceService:
    """Face captures and templates."""

    database: Database
    vault: Vault
    audit: Audit
    alerts: Alerts
    consents: Consents
    limits: Limits
    lane: ProcessLane
    settings: FaceSettings
    clock: Clock

    kind = ProofKind.FACE

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        template = store.find_template(connection, account_id)
        return (Way("face", self.kind, "Face", "", template.created_at),) if template else ()

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        return int(self.forget(connection, account_id, origin=origin, now=now))

    def export(self, connection: Connection, account_id: str) -> Exported:
        """Return when it was enrolled; a template tells a person nothing, and is a key to those who steal it."""
        template = store.find_template(connection, account_id)
        return [{"enrolled_at": template.created_at.isoformat(), "frames": template.frames}] if template else []

    @property
    def enabled(self) -> bool:
        return self.settings.enabled

    @property
    def bounds(self) -> FrameBounds:
        return FrameBounds(self.settings.max_frames, self.settings.max_frame_bytes, self.settings.max_pixels)

    def issue_ticket(
        self,
        connection: Connection,
        *,
        flow_id: str,
        account_id: str,
        purpose: TicketPurpose,
        origin: Origin,
        now: datetime,
    ) -> IssuedTicket:
        """Return permission for one capture. The caller has made sure that the flow passed a first factor.

        Raises:
            NotAllowed: face.disabled, face.no_consent (to enrol).
            NotFound: face.no_template (to verify).
        """
        if not self.enabled:
            raise error_of("face.disabled")
        if code := self._missing(connection, account_id, purpose):
            raise error_of(code)
        secret = new_secret()
        ticket = Ticket(
            id=new_id("fct"),
            secret_hash=hash_secret(secret),
            nonce=new_secret(),
            purpose=purpose,
            flow_id=flow_id,
            account_id=account_id,
            created_at=now,
            expires_at=now + timedelta(seconds=self.settings.ticket_s),
        )
        store.insert_ticket(connection, ticket)
        self._record(connection, "face:ticket:issued", ticket, origin, now)
        return IssuedTicket(ticket.id, secret, ticket.nonce, ticket.expires_at)

    def check_ticket(self, *, secret: str, origin: Origin) -> str:
        """Make sure that a capture may be sent on this ticket, before its body is read; return whose it is.

        Raises:
            TooMany: this address has sent too many.
            NotFound, Gone: face.ticket_unknown, face.ticket_expired, face.ticket_spent.
        """
        self.limits.spend("face_per_address", origin.source)
        return self._open_ticket(secret, None, origin).account_id

    def refuse_upload(self, *, secret: str, code: str, origin: Origin) -> None:
        """Keep the evidence of an upload that was cut off; the ticket stays open."""
        now = self.clock.now()
        with self.database.write() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
            if ticket is not None:
                store.note_refusal(connection, ticket.id, reason=code)
            self._record(connection, TAGS["refused"], ticket, origin, now, reason=code)

    def submit(self, *, secret: str, nonce: str, frames: Sequence[bytes], origin: Origin) -> Verdict:
        """Measure a capture, then enrol or compare it. The caller was admitted to the lane.

        Raises:
            NotFound, Gone, NotAllowed: the ticket is unknown, expired, spent or claimed, or the nonce is another's.
            TooMany: this account has sent too many.
            Busy: the worker died or took too long. The ticket is open again.
        """
        ticket = self._open_ticket(secret, nonce, origin)
        self.limits.spend("face_per_account", ticket.account_id)
        if bad := check_frames(frames, self.bounds):
            return self._unusable(ticket, bad, origin, claimed=False)
        self._claim(ticket, nonce, origin)
        try:
            measured = self.lane.run(measure_frames, tuple(frames))
        except Exception as problem:
            code = problem.code if isinstance(problem, AuthsvcError) else "request.failed"
            self._open_again(ticket, "face:capture:interrupted", FrameRefusal(code), origin)
            raise
        if isinstance(measured, Measured) and not one_face(measured.embeddings):
            measured = FrameRefusal("face.frames_differ")
        if isinstance(measured, FrameRefusal):
            return self._unusable(ticket, measured, origin, claimed=True)
        return self._conclude(ticket, measured, origin)

    def ticket_status(self, connection: Connection, ticket_id: str, flow_id: str) -> TicketStatus:
        """Return how far the capture is, for the flow that asked for it.

        Raises:
            NotFound: face.ticket_unknown, also for another flow's ticket.
        """
        ticket = store.find_ticket(connection, ticket_id)
        if ticket is None or ticket.flow_id != flow_id:
            raise error_of("face.ticket_unknown")
        return status_of(ticket, self.clock.now())

    def template_exists(self, connection: Connection, account_id: str) -> bool:
        return store.find_template(connection, account_id) is not None

    def forget(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> bool:
        """Delete the template and every ticket, at its owner's wish; return whether there was a template.

        Erasure and the withdrawal of consent call store.delete_face_data: they leave their own evidence.
        """
        had_one = self.template_exists(connection, account_id)
        store.delete_face_data(connection, account_id)
        if had_one:
            self.audit.record(connection, "face:template:deleted", now=now, account_id=account_id, origin=origin)
        return had_one

    # -- tickets

    def _open_ticket(self, secret: str, nonce: str | None, origin: Origin) -> Ticket:
        now = self.clock.now()
        with self.database.read() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
        code = fault_of(ticket, nonce, now)
        if ticket is None or code is not None:
            raise self._refused_ticket(ticket, code or "face.ticket_unknown", origin, now)
        return ticket

    def _claim(self, ticket: Ticket, nonce: str, origin: Origin) -> None:
        now = self.clock.now()
        with self.database.write() as connection:
            claimed = store.consume_ticket(connection, ticket.id, nonce=nonce, now=now)
        if not claimed:
            code = "face.ticket_expired" if ticket.expires_at <= now else "face.ticket_spent"
            raise self._refused_ticket(ticket, code, origin, now)

    def _refused_ticket(self, ticket: Ticket | None, code: str, origin: Origin, now: datetime) -> AuthsvcError:
        with self.database.write() as connection:
            self._record(connection, TAGS["refused"], ticket, origin, now, reason=code)
        return error_of(code)

    def _unusable(self, ticket: Ticket, refusal: FrameRefusal, origin: Origin, *, claimed: bool) -> Verdict:
        if claimed:
            self._open_again(ticket, TAGS["refused"], refusal, origin)
        else:
            now = self.clock.now()
            with self.database.write() as connection:
                store.note_refusal(connection, ticket.id, reason=refusal.code)
                self._record(connection, TAGS["refused"], ticket, origin, now, reason=refusal.code, frame=refusal.frame)
        return Verdict("refused", refusal.code, satisfies=False)

    def _open_again(self, ticket: Ticket, tag: str, refusal: FrameRefusal, origin: Origin) -> None:
        now = self.clock.now()
        with self.database.write() as connection:
            store.release_ticket(connection, ticket.id, reason=refusal.code)
            self._record(connection, tag, ticket, origin, now, reason=refusal.code, frame=refusal.frame)

    # -- verdicts

    def _conclude(self, ticket: Ticket, measured: Measured, origin: Origin) -> Verdict:
        now = self.clock.now()
        with self.database.write() as connection:
            if not store.hold_claimed_ticket(connection, ticket.id):
                # Consent was withdrawn or the person erased while we measured: leave nothing about them, not
                # even an address, which would be sealed under a key that erasure has just destroyed.
                self.audit.record(
                    connection,
                    TAGS["refused"],
                    now=now,
                    facts={"ticket": ticket.id, "purpose": ticket.purpose, "reason": "face.no_consent"},
                )
                return Verdict("refused", "face.no_consent", satisfies=False)
            finding = self._decide(connection, ticket, measured, now)
            if finding.outcome == "enrolled":
                self.alerts.send(connection, ticket.account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
            store.finish_ticket(connection, ticket.id, verdict=finding.outcome, reason=finding.reason)
            self._record(
                connection,
                TAGS[finding.outcome],
                ticket,
                origin,
                now,
                reason=finding.reason,
                measured_distance=finding.distance,
                frames=len(measured.embeddings),
            )
        proven = finding.outcome == "match" and self.settings.satisfies != "never"
        return Verdict(finding.outcome, finding.reason, satisfies=proven)

    def _decide(self, connection: Connection, ticket: Ticket, measured: Measured, now: datetime) -> _Finding:
        if code := self._missing(connection, ticket.account_id, ticket.purpose):
            return _Finding("refused", code)
        if ticket.purpose == "enrol":
            return self._enrol(connection, ticket.account_id, measured, now)
        return self._compare(connection, ticket.account_id, measured)

    def _enrol(self, connection: Connection, account_id: str, measured: Measured, now: datetime) -> _Finding:
        template = template_to_bytes(mean_of(measured.embeddings))
        sealed = self.vault.seal_for(connection, account_id, template, context=_context(account_id), now=now)
        store.put_template(connection, Template(account_id, sealed, EMBEDDER, len(measured.embeddings), now))
        return _Finding("enrolled")

    def _compare(self, connection: Connection, account_id: str, measured: Measured) -> _Finding:
        template = store.find_template(connection, account_id)
        assert template is not None  # _missing saw it in this transaction, under the ticket's lock
        if template.embedder != EMBEDDER:
            return _Finding("refused", "face.template_outdated")
        try:
            opened = self.vault.open_for(connection, account_id, template.sealed, context=_context(account_id))
        except CannotOpen:
            return _Finding("refused", "face.template_damaged")
        if opened is None:
            return _Finding("refused", "face.no_template")
        apart = distance(template_from_bytes(opened), mean_of(measured.embeddings))
        return _Finding(verdict(apart, threshold=self.settings.threshold), distance=apart)

    def _missing(self, connection: Connection, account_id: str, purpose: str) -> str | None:
        if purpose == "verify" and not self.template_exists(connection, account_id):
            return "face.no_template"
        return None if self.consents.given(connection, account_id, Purpose.FACE) else "face.no_consent"

    def _record(
        self,
        connection: Connection,
        tag: str,
        ticket: Ticket | None,
        origin: Origin,
        now: datetime,
        *,
        reason: str | None = None,
        frame: int | None = None,
        frames: int | None = None,
        measured_distance: float | None = None,
    ) -> None:
        facts: dict[str, str | int | float | None] = {"reason": reason, "frame": frame, "frames": frames}
        personal = {}
        if ticket is not None:
            facts |= {"ticket": ticket.id, "flow": ticket.flow_id, "purpose": ticket.purpose}
        if measured_distance is not None:
            facts |= {"threshold": self.settings.threshold, "embedder": EMBEDDER}
            personal = {"distance": round(measured_distance, 4)}
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=ticket.account_id if ticket else None,
            origin=origin,
            facts={name: value for name, value in facts.items() if value is not None},
            personal=personal,
        )


def _context(account_id: str) -> str:
    return f"face_templates:{account_id}"
