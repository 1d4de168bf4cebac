"""Take one capture on a ticket: check it, measure it, keep a template or a verdict, and the evidence.

The life of a ticket (2 minutes):

    open -> begun -> claimed -> done             a verdict: enrolled, match, no_match, or refused for good
                     claimed -> open             nothing came of the capture: a new nonce, new prompts

Whoever begins a ticket is told a nonce and prompts, and binds it to their device. A capture on it is checked in this
order, and stops at the first check that fails:
1. the ticket is known, in time and unused, and the nonce is its own;
2. the device that began it sends it;
3. the device's key is registered to this account, and signed nonce, server, and each frame with prompt and time;
4. a browser's key comes with the cookies of the flow, and of the browser that registered it;
5. the frames answer the prompts in their order, 6. at plausible times; 7. they are JPEGs within bounds;
8. the ticket is claimed and the attempt counted, by one statement each, before slow work begins;
9. one face in all frames; 10. in the poses that were asked for; 11. moving as a head does, not as a picture that is
moved; 12. an attack score under the limit;
13. no frame that this account sent before.
Only then is it compared. A vector that a client made is read nowhere (claim.py). Where they are: 2 to 4 in sender.py, 5
to 7 and 9 to 12 in examination.py, 13 and the comparison in verdicts.py.

A match satisfies a step-up when a registered key signed it, the browser that asked for it is known to the account, and
settings allow it. A capture without a key is recorded and shown, and counts for nothing.

If the whole server dies meanwhile, the ticket stays claimed and the attempt counted. Frames live as long as the call
that measures them. Distances and attack scores are kept nowhere: evidence outlives a consent, and its owner's download
of it would tell whoever tries pictures how near they came.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents
from authsvc.accounts.devices.service import Devices
from authsvc.accounts.store import lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import AuthsvcError, TooMany
from authsvc.core.ids import hash_secret, new_bytes, new_secret
from authsvc.core.lanes import ProcessLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face import store
from authsvc.factors.face.captures.evidence import TAGS, Evidence
from authsvc.factors.face.captures.sender import NOBODY, Sender, Senders
from authsvc.factors.face.captures.verdicts import Finding, Verdict, Verdicts
from authsvc.factors.face.claim import Capture
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.examination import Moved, fault_of, unfit
from authsvc.factors.face.liveness.motion import moved_picture
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.pipeline.decode import FrameBounds
from authsvc.factors.face.pipeline.measure import measure_frames
from authsvc.factors.face.prompts import RANDOM_BYTES, Prompt, sequence_of
from authsvc.factors.face.refusals import FrameRefusal, error_of
from authsvc.factors.face.store import Ticket
from authsvc.factors.face.templates.service import Templates
from authsvc.factors.face.ticket import Asked
from authsvc.factors.face.ticket_state import fault_of as ticket_fault_of
from authsvc.factors.tries import wait_s
from authsvc.settings import FaceSettings


@dataclass(frozen=True)
class Order:
    """What a capture has to show, and what it is signed with."""

    nonce: str
    prompts: tuple[Prompt, ...]
    expires_at: datetime
    purpose: str = "verify"
    asked: Asked | None = None


def random_prompts() -> tuple[Prompt, ...]:
    """Return prompts that nobody can foresee."""
    return sequence_of(new_bytes(RANDOM_BYTES))


@dataclass(frozen=True)
class Captures:
    """Takes captures.

    Args:
        prompts: where the prompts of a ticket come from.
        moved: tells a picture that is moved from a head.
    """

    database: Database
    audit: Audit
    alerts: Alerts
    consents: Consents
    limits: Limits
    lane: ProcessLane
    settings: FaceSettings
    clock: Clock
    keys: DeviceKeys
    templates: Templates
    matching: Matching
    prompts: Callable[[], tuple[Prompt, ...]] = random_prompts
    moved: Moved = moved_picture

    @property
    def bounds(self) -> FrameBounds:
        return FrameBounds(self.settings.max_frames, self.settings.max_frame_bytes, self.settings.max_pixels)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.audit)

    @property
    def senders(self) -> Senders:
        return Senders(self.keys, Devices(self.templates.vault.keyring))

    @property
    def verdicts(self) -> Verdicts:
        return Verdicts(
            self.database,
            self.evidence,
            self.alerts,
            self.consents,
            self.settings,
            self.keys,
            self.templates,
            self.matching,
        )

    def begin(self, *, secret: str, device_id: str | None, origin: Origin) -> Order:
        """Bind a ticket to the device that is about to capture, and say what it has to show.

        It can be begun again by the same device: after a capture that could not be used the order is a new one.

        Raises:
            TooMany: this address has sent too many.
            NotFound, Gone: face.ticket_unknown, face.ticket_expired, face.ticket_spent.
            NotAllowed: face.device_unknown, face.foreign_device.
        """
        self.limits.spend("face_per_address", origin.source)
        ticket = self._open_ticket(secret, None, origin)
        now = self.clock.now()
        with self.database.write() as connection:
            known = device_id is None or self.keys.find(connection, ticket.account_id, device_id) is not None
            begun = store.begin_ticket(connection, ticket.id, device_id=device_id, now=now) if known else None
            taken = ticket_fault_of(store.find_ticket(connection, ticket.id), None, now)  # meanwhile
        if begun is None:
            code = (taken or "face.foreign_device") if known else "face.device_unknown"
            raise self._refused_ticket(ticket, code, origin, now)
        asked = Asked(**begun.asked) if begun.asked else None
        return Order(begun.nonce, _prompts_of(begun), begun.expires_at, begun.purpose, asked)

    def check_ticket(self, *, secret: str, origin: Origin) -> str:
        """Make sure that a capture may be sent on this ticket, before its body is read; return whose it is.

        It counts here, whatever is sent then: a slow body holds a place in the lane as long as any.

        Raises:
            TooMany: this address, or this account, has sent too many.
            NotFound, Gone: face.ticket_unknown, face.ticket_expired, face.ticket_spent.
        """
        self.limits.spend("face_per_address", origin.source)
        account_id = self._open_ticket(secret, None, origin).account_id
        self.limits.spend("face_per_account", account_id)
        return account_id

    def refuse_upload(self, *, secret: str, code: str, origin: Origin) -> None:
        """Keep the evidence of an upload that was cut off; the ticket stays open."""
        now = self.clock.now()
        with self.database.write() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
            self.evidence.record(connection, TAGS["refused"], ticket, origin, now, reason=code)
            if ticket is not None:
                store.note_refusal(connection, ticket.id, reason=code)

    def submit(self, *, secret: str, capture: Capture, origin: Origin, sender: Sender = NOBODY) -> Verdict:
        """Check and measure a capture, then enrol or compare it. The caller passed `check_ticket`, and is in the lane.

        Raises:
            NotFound, Gone, NotAllowed: checks 1 to 4. The ticket stays as it was.
            TooMany: this account has failed too often and has to wait.
            Busy: the worker died or took too long. The ticket is open again, with the same nonce.
        """
        ticket = self._open_ticket(secret, capture.claim.nonce, origin)  # 1
        now = self.clock.now()
        with self.database.read() as connection:
            code = self.senders.fault_of(connection, ticket, capture, sender, now=now)  # 2, 3, 4
        if code is not None:
            raise self._refused_ticket(ticket, code, origin, now)
        assert ticket.begun_at is not None  # the sender's check made sure
        elapsed_ms = (now - ticket.begun_at).total_seconds() * 1000
        if bad := unfit(capture, asked=_prompts_of(ticket), bounds=self.bounds, elapsed_ms=elapsed_ms):  # 5, 6, 7
            return self._unusable(ticket, bad, origin, claimed=False)
        self._claim(ticket, origin)  # 8
        try:
            measured = self.lane.run(measure_frames, capture.frames)
        except Exception as problem:
            code = problem.code if isinstance(problem, AuthsvcError) else "request.failed"
            self._open_again(ticket, "face:capture:interrupted", FrameRefusal(code), origin, fresh=False)
            raise
        if isinstance(measured, FrameRefusal):
            return self._unusable(ticket, measured, origin, claimed=True)
        limit = self.settings.attack_limit
        fault = fault_of(measured, capture.prompts, moved=self.moved, attack_limit=limit)  # 9 to 12
        if fault is not None and not fault.final:
            verdict = self._unusable(ticket, FrameRefusal(fault.code, fault.frame), origin, claimed=True)
            return verdict if fault.frame is None else replace(verdict, prompt=capture.prompts[fault.frame])
        found = None if fault is None else Finding("refused", fault.code, frame=fault.frame, live=False)
        return self.verdicts.conclude(ticket, measured, found, origin=origin, now=self.clock.now())

    # -- the life of a ticket

    def _open_ticket(self, secret: str, nonce: str | None, origin: Origin) -> Ticket:
        now = self.clock.now()
        with self.database.read() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
        code = ticket_fault_of(ticket, nonce, now)
        if ticket is None or code is not None:
            raise self._refused_ticket(ticket, code or "face.ticket_unknown", origin, now)
        return ticket

    def _claim(self, ticket: Ticket, origin: Origin) -> None:
        now = self.clock.now()
        attempt: object = True
        with self.database.write() as connection:
            lock_account(connection, ticket.account_id)  # in the order in which everybody takes them
            claimed = store.consume_ticket(
                connection, ticket.id, nonce=ticket.nonce, device_id=ticket.device_id, now=now
            )
            if claimed and ticket.purpose == "verify":
                attempt = store.claim_attempt(connection, ticket.account_id, now)
                if attempt is None or isinstance(attempt, datetime):
                    store.release_ticket(connection, ticket.id, reason="face.switched_off" if attempt is None else None)
        if not claimed:
            code = "face.ticket_expired" if ticket.expires_at <= now else "face.ticket_spent"
            raise self._refused_ticket(ticket, code, origin, now)
        if attempt is None:
            raise self._refused_ticket(ticket, "face.switched_off", origin, now)
        if isinstance(attempt, datetime):
            self._note(ticket, "face.too_many_failures", origin, now)
            detail = "Your face was not recognised several times. Please wait, or use another proof."
            raise TooMany("face.too_many_failures", detail, retry_after_s=wait_s(attempt, now))

    def _refused_ticket(self, ticket: Ticket | None, code: str, origin: Origin, now: datetime) -> AuthsvcError:
        self._note(ticket, code, origin, now)
        return error_of(code)

    def _note(self, ticket: Ticket | None, code: str, origin: Origin, now: datetime) -> None:
        with self.database.write() as connection:
            self.evidence.record(connection, TAGS["refused"], ticket, origin, now, reason=code)

    def _unusable(self, ticket: Ticket, refusal: FrameRefusal, origin: Origin, *, claimed: bool) -> Verdict:
        if claimed:
            self._open_again(ticket, TAGS["refused"], refusal, origin, fresh=True)
        else:
            now = self.clock.now()
            with self.database.write() as connection:
                self.evidence.record(
                    connection, TAGS["refused"], ticket, origin, now, reason=refusal.code, frame=refusal.frame
                )
                store.note_refusal(connection, ticket.id, reason=refusal.code)
        return Verdict("refused", refusal.code, satisfies=False)

    def _open_again(self, ticket: Ticket, tag: str, refusal: FrameRefusal, origin: Origin, *, fresh: bool) -> None:
        now = self.clock.now()
        order = (new_secret(), " ".join(self.prompts())) if fresh else None
        with self.database.write() as connection:
            lock_account(connection, ticket.account_id)  # in the order in which everybody takes them
            store.release_ticket(connection, ticket.id, reason=refusal.code, fresh=order)
            if ticket.purpose == "verify":
                store.return_attempt(connection, ticket.account_id, live=False, failed=False)
            self.evidence.record(connection, tag, ticket, origin, now, reason=refusal.code, frame=refusal.frame)


def _prompts_of(ticket: Ticket) -> tuple[Prompt, ...]:
    return tuple(Prompt(name) for name in ticket.prompts.split())
