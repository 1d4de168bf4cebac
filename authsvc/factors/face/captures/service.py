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
Only then is it compared. A vector that a client made is read nowhere (claim.py).

A match satisfies a step-up when a registered key signed it, the browser that asked for it is known to the account, and
settings allow it. A capture without a key is recorded and shown, and counts for nothing.

Consent is read again in the transaction that writes, behind locks on account and ticket: a withdrawal either comes
first, then nothing is kept, or it deletes what was just kept. If the whole server dies meanwhile, the ticket stays
claimed and the attempt counted. Frames live as long as the call that measures them. Distances and attack scores are
kept nowhere: evidence outlives a consent, and its owner's download of it would tell whoever tries pictures how near
they came.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import Devices
from authsvc.accounts.store import Account, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import AuthsvcError, TooMany
from authsvc.core.ids import hash_secret, new_bytes, new_secret
from authsvc.core.lanes import ProcessLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face import store
from authsvc.factors.face.claim import Capture
from authsvc.factors.face.devices.key import BadSignature, capture_bytes, require_signature
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.devices.store import DeviceKey
from authsvc.factors.face.examination import Moved, fault_of
from authsvc.factors.face.liveness.motion import moved_picture
from authsvc.factors.face.looks import first_seen, tokens_of
from authsvc.factors.face.matching.operating_point import Match
from authsvc.factors.face.matching.score import mean_of
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames
from authsvc.factors.face.pipeline.measure import measure_frames
from authsvc.factors.face.prompts import RANDOM_BYTES, Prompt, in_order, plausible_offsets, sequence_of
from authsvc.factors.face.refusals import FrameRefusal, error_of
from authsvc.factors.face.store import Ticket
from authsvc.factors.face.templates.service import Templates
from authsvc.factors.face.ticket import Asked
from authsvc.factors.face.ticket_state import fault_of as ticket_fault_of
from authsvc.factors.tries import wait_s
from authsvc.settings import FaceSettings

Outcome = Literal["enrolled", "match", "no_match", "refused"]

TAGS = {
    "enrolled": "face:template:enrolled",
    "match": "face:capture:matched",
    "no_match": "face:capture:rejected",
    "refused": "face:capture:refused",
}


@dataclass(frozen=True)
class Sender:
    """What came along with a capture, where a page sent it: its cookies."""

    browser_hash: bytes | None = None
    device_cookie: str | None = None


NOBODY = Sender()


@dataclass(frozen=True)
class Order:
    """What a capture has to show, and what it is signed with."""

    nonce: str
    prompts: tuple[Prompt, ...]
    expires_at: datetime
    purpose: str = "verify"
    asked: Asked | None = None


@dataclass(frozen=True)
class Verdict:
    """What came of a capture. `satisfies`: whether it counts as a proof. `prompt`: which one was not followed."""

    outcome: Outcome
    reason: str | None
    satisfies: bool
    prompt: Prompt | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Finding:
    outcome: Outcome
    reason: str | None = None
    match: Match | None = None
    frame: int | None = None
    live: bool = True  # passed attack detection


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
            self._record(connection, TAGS["refused"], ticket, origin, now, reason=code)
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
        if code := self._sender_fault(ticket, capture, sender, now):  # 2, 3, 4
            raise self._refused_ticket(ticket, code, origin, now)
        if bad := self._claim_fault(ticket, capture, now):  # 5, 6, 7
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
        found = None if fault is None else _Finding("refused", fault.code, frame=fault.frame, live=False)
        return self._conclude(ticket, measured, found, origin)

    # -- checks

    def _open_ticket(self, secret: str, nonce: str | None, origin: Origin) -> Ticket:
        now = self.clock.now()
        with self.database.read() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
        code = ticket_fault_of(ticket, nonce, now)
        if ticket is None or code is not None:
            raise self._refused_ticket(ticket, code or "face.ticket_unknown", origin, now)
        return ticket

    def _sender_fault(self, ticket: Ticket, capture: Capture, sender: Sender, now: datetime) -> str | None:
        claim = capture.claim
        if ticket.begun_at is None or claim.device != ticket.device_id:
            return "face.foreign_device"  # 2
        if claim.device is None or claim.signature is None:
            return None
        with self.database.read() as connection:
            key = self.keys.find(connection, ticket.account_id, claim.device)
            if key is None:
                return "face.device_unknown"  # 3
            known = key.kind == "app" or self._same_browser(connection, ticket, key, sender, now)
        if len(claim.frames) != len(capture.frames):
            return "face.signature_invalid"
        message = capture_bytes(nonce=claim.nonce, server=self.keys.server, device_id=key.id, frames=capture.signed())
        try:
            require_signature(key.point, claim.signature, message)
        except BadSignature:
            return "face.signature_invalid"
        return None if known else "face.foreign_browser"  # 4

    def _same_browser(
        self, connection: Connection, ticket: Ticket, key: DeviceKey, sender: Sender, now: datetime
    ) -> bool:
        if sender.browser_hash is None or sender.browser_hash != ticket.browser_hash:
            return False
        known = Devices(self.templates.vault.keyring)
        seen = known.recognise(connection, sender.device_cookie, account_id=ticket.account_id, now=now)
        return seen.known and seen.device_id == key.browser_device_id

    def _claim_fault(self, ticket: Ticket, capture: Capture, now: datetime) -> FrameRefusal | None:
        if len(capture.claim.frames) != len(capture.frames):
            return FrameRefusal("face.malformed_upload")
        if bad := check_frames(capture.frames, self.bounds):  # 7; first: an empty capture has no order
            return bad
        if not in_order(_prompts_of(ticket), capture.prompts):  # 5
            return FrameRefusal("face.prompts_out_of_order")
        assert ticket.begun_at is not None  # _sender_fault made sure
        elapsed_ms = (now - ticket.begun_at).total_seconds() * 1000
        if not plausible_offsets(capture.prompts, capture.offsets_ms, elapsed_ms=elapsed_ms):  # 6
            return FrameRefusal("face.offsets_implausible")
        return None

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
            self._record(connection, TAGS["refused"], ticket, origin, now, reason=code)

    def _unusable(self, ticket: Ticket, refusal: FrameRefusal, origin: Origin, *, claimed: bool) -> Verdict:
        if claimed:
            self._open_again(ticket, TAGS["refused"], refusal, origin, fresh=True)
        else:
            now = self.clock.now()
            with self.database.write() as connection:
                self._record(connection, TAGS["refused"], ticket, origin, now, reason=refusal.code, frame=refusal.frame)
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
            self._record(connection, tag, ticket, origin, now, reason=refusal.code, frame=refusal.frame)

    # -- verdicts

    def _conclude(self, ticket: Ticket, measured: Measured, found: _Finding | None, origin: Origin) -> Verdict:
        now = self.clock.now()
        with self.database.write() as connection:
            account = lock_account(connection, ticket.account_id)
            if account is None or not store.hold_claimed_ticket(connection, ticket.id):
                # Consent was withdrawn or the person erased while we measured: leave nothing about them.
                facts = {"ticket": ticket.id, "purpose": ticket.purpose, "reason": "face.no_consent"}
                self.audit.record(connection, TAGS["refused"], now=now, facts=facts)
                return Verdict("refused", "face.no_consent", satisfies=False)
            finding = found or self._decide(connection, ticket, account, measured, now)
            proven = finding.outcome == "match" and self._counts(connection, ticket)
            store.finish_ticket(
                connection, ticket.id, verdict=finding.outcome, reason=finding.reason, satisfies=proven, now=now
            )
            self._settle(connection, ticket, measured, finding, origin, now)
            self._record(
                connection,
                TAGS[finding.outcome],
                ticket,
                origin,
                now,
                reason=finding.reason,
                frame=finding.frame,
                measured=measured,
                match=finding.match,
            )
        return Verdict(finding.outcome, finding.reason, satisfies=proven)

    def _decide(
        self, connection: Connection, ticket: Ticket, account: Account, measured: Measured, now: datetime
    ) -> _Finding:
        if not account.is_active or not self._asked_for(connection, ticket, now):
            return _Finding("refused", "face.ticket_unknown")
        if code := self.missing(connection, ticket.account_id, ticket.purpose):
            return _Finding("refused", code)
        if (frame := self._seen_before(connection, ticket.account_id, measured)) is not None:  # 13
            return _Finding("refused", "face.frame_seen", frame=frame, live=False)
        probe = mean_of([frame.embedding for frame in measured.frames])
        if ticket.purpose == "enrol":
            count = len(measured.frames)
            self.templates.keep(connection, ticket.account_id, probe, embedder=measured.embedder, frames=count, now=now)
            return _Finding("enrolled")
        template = self.templates.open(connection, ticket.account_id, embedder=measured.embedder)
        if isinstance(template, str):
            return _Finding("refused", template)
        match = self.matching.compare(connection, ticket.account_id, measured.embedder, template, probe)
        return _Finding("match" if match.matched else "no_match", match=match)

    def _settle(
        self,
        connection: Connection,
        ticket: Ticket,
        measured: Measured,
        finding: _Finding,
        origin: Origin,
        now: datetime,
    ) -> None:
        """Count what the capture was, let a face that is its owner's join the cohort, tell of a new template."""
        if finding.outcome == "enrolled":
            self.alerts.send(connection, ticket.account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
        if finding.outcome in ("enrolled", "match"):
            store.clear_failures(connection, ticket.account_id)
            probe = mean_of([frame.embedding for frame in measured.frames])
            self.matching.grow(connection, ticket.account_id, probe, embedder=measured.embedder, now=now)
        elif ticket.purpose == "verify":
            # A template that can't be read says nothing about who was there.
            failed = finding.outcome == "no_match" or not finding.live
            store.return_attempt(connection, ticket.account_id, live=finding.live, failed=failed)
        if ticket.device_id is not None and finding.outcome != "refused":
            self.keys.note_use(connection, ticket.device_id, now)

    def _asked_for(self, connection: Connection, ticket: Ticket, now: datetime) -> bool:
        """Return whether the session that an enrolment rests on is alive: who ended it meant this, too."""
        session_id = ticket.session_id
        return session_id is None or self.keys.sessions.find_live_by_id(connection, session_id, now=now) is not None

    def _counts(self, connection: Connection, ticket: Ticket) -> bool:
        """Return whether a match on this ticket is a proof: the key is still there, the browser is known."""
        if self.settings.satisfies == "never" or not ticket.browser_known or ticket.device_id is None:
            return False
        return self.keys.find(connection, ticket.account_id, ticket.device_id) is not None

    def _seen_before(self, connection: Connection, account_id: str, measured: Measured) -> int | None:
        """Return the first frame that came before, else keep them all."""
        keyed = [partial(_keyed, key) for key in self.templates.vault.keyring.derived("face-look")]
        spellings = [[tokens_of(each.look, account_id, one) for one in keyed] for each in measured.frames]
        seen = first_seen(spellings, store.list_looks(connection, account_id))
        if seen is None:
            store.insert_looks(connection, account_id, [spelled[0] for spelled in spellings])
        return seen

    def missing(self, connection: Connection, account_id: str, purpose: str) -> str | None:
        """Return what an account lacks for a capture of this purpose, as a code."""
        if purpose == "verify" and store.find_template(connection, account_id) is None:
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
        measured: Measured | None = None,
        match: Match | None = None,
    ) -> None:
        owner = lock_account(connection, ticket.account_id) if ticket else None
        if ticket is not None and (owner is None or owner.status == "erased"):
            # Erased while the capture was on its way: what is sealed now would make a new key, which nobody destroys.
            self.audit.record(connection, tag, now=now, facts={"ticket": ticket.id, "purpose": ticket.purpose})
            return
        facts: dict[str, str | int | float | None] = {"reason": reason, "frame": frame}
        if ticket is not None:
            facts |= {"ticket": ticket.id, "flow": ticket.flow_id, "purpose": ticket.purpose}
            facts |= {"device": ticket.device_id}
        if measured is not None:
            facts |= {"frames": len(measured.frames), "embedder": measured.embedder}
        if match is not None:
            facts |= {"threshold": match.point.threshold, "kind": "relative" if match.point.relative else "plain"}
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=ticket.account_id if ticket else None,
            origin=origin,
            facts={name: value for name, value in facts.items() if value is not None},
        )


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _prompts_of(ticket: Ticket) -> tuple[Prompt, ...]:
    return tuple(Prompt(name) for name in ticket.prompts.split())
