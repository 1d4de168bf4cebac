"""Step-up: offer what the account has, check what comes back, complete the sign-in.

Which rungs there are is decided in ladder.py. A passkey answers through sign_in/service.py, which knows assertions. A
factor that is typed in is known here only by what every such factor has (factors/factor.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.addresses import hint
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, get_account, list_addresses, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotAllowed
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.budget import budget_of, is_guess
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.face.refusals import FINAL, UNUSABLE, error_of
from authsvc.factors.face.service import FaceService, TicketBrowser, TicketPurpose
from authsvc.factors.face.ticket import Asked, TicketText, ticket_text
from authsvc.factors.face.ticket_state import TicketStatus
from authsvc.factors.factor import Factor, TypedFactor, TypedPrompt
from authsvc.factors.service import owned_kinds
from authsvc.login.arrivals.service import Arrivals
from authsvc.login.finish.service import Finish, device_label
from authsvc.login.ladder import Owned, rungs
from authsvc.login.offer.rule import OfferState
from authsvc.login.service import Flows, out_of_step
from authsvc.login.sign_up.service import NO_TRIES_LEFT, WRONG_CODE
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event, State
from authsvc.login.visitor import Visitor
from authsvc.risk.history.geo import Geo

NO_MATCH_YET = "There is no capture that we could go on with yet. Send one with the app, or use another proof."
INTERRUPTED = "The capture was interrupted on our side. Please send it again."


@dataclass(frozen=True)
class Ladder:
    """What the step-up page shows."""

    rungs: tuple[ProofKind, ...]
    address_hint: str
    owned: tuple[ProofKind, ...]
    prompts: Mapping[ProofKind, TypedPrompt]

    @property
    def has_passkey(self) -> bool:
        return ProofKind.PASSKEY in self.owned

    @property
    def has_app(self) -> bool:
        return ProofKind.TOTP in self.owned


@dataclass(frozen=True)
class FaceTicket:
    """What the page shows for the app to read, and how long it is good for.

    `secret` is for the page's own camera, `device` is this browser's own key, where the account has one.
    """

    id: str
    text: str
    secret: str
    lifetime_s: int
    device: str | None


@dataclass(frozen=True)
class FaceProgress:
    """How far a capture is, in the words of its page."""

    ticket: TicketStatus

    @property
    def counts(self) -> bool:
        """Whether the flow can go on with it (StepUp.finish_face)."""
        return self.ticket.satisfies

    @property
    def status(self) -> str:
        """waiting, expired, or the outcome: enrolled, match, no_match, refused."""
        if self.ticket.state == "done":
            return self.ticket.outcome or "refused"
        return "expired" if self.ticket.state == "expired" else "waiting"

    @property
    def reason(self) -> str | None:
        """What was wrong with the last capture, as a sentence."""
        code = self.ticket.reason
        if code is None:
            return None
        return error_of(code).detail if code in UNUSABLE or code in FINAL else INTERRUPTED


@dataclass(frozen=True)
class StepUp:
    """The rungs of the ladder. `factors` is app.py's tuple."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    finish: Finish
    arrivals: Arrivals
    codes: EmailCodes
    factors: tuple[Factor, ...]
    face: FaceService
    geo: Geo
    issuer: str
    service_name: str

    def ladder(self, flow: Flow, *, device: str | None = None) -> Ladder:
        """Return what this flow's account may prove itself with. Args: device is the browser's device cookie."""
        with self.database.read() as connection:
            return self._ladder(connection, flow, self.clock.now(), device)

    def send_code(self, flow: Flow, *, origin: Origin) -> Go:
        """Mail a code to the account's primary address, where the ladder has that rung.

        Raises:
            NotAllowed: `login.rung_missing`: a code would not count for this account.
            TooMany: too many mails to this address.
        """
        if flow.state not in (State.STEP_UP, State.STEP_UP_CODE):
            raise out_of_step()
        now = self.clock.now()
        with self.database.read() as connection:
            email = self._primary(connection, flow)
            self._require_rung(connection, flow, ProofKind.EMAIL_CODE, now)
        self.limits.spend("mail_per_recipient", budget_of(email, first_factor=True))
        with self.database.write() as connection:
            self.flows.move(connection, flow, Event.CODE_SENT, now=now, step_up_kind=ProofKind.EMAIL_CODE)
            head, purpose = self.flows.letterhead_of(connection, flow), CodePurpose.STEP_UP
            self.codes.send(connection, flow_id=flow.id, email=email, purpose=purpose, now=now, letterhead=head)
            self._record(connection, "login:step_up:code_sent", flow, origin, now)
        return Go(page_of(flow.id))

    def choose(self, flow: Flow, *, kind: str) -> Go:
        """Go to the page on which a factor is typed in.

        Raises:
            NotAllowed: `login.rung_missing`: the account has no such factor, or it would not be enough.
        """
        if flow.state is not State.STEP_UP:
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            factor = self.typed_factor(kind)
            if factor is None:
                raise _rung_missing()
            self._require_rung(connection, flow, factor.kind, now)
            self.flows.move(connection, flow, Event.FACTOR_CHOSEN, now=now, step_up_kind=factor.kind)
        return Go(page_of(flow.id))

    def typed_factor(self, kind: str | None) -> TypedFactor | None:
        """Return the factor of this kind, if it is one that is typed in."""
        found = (each for each in self.factors if each.kind == kind)
        return next((each for each in found if isinstance(each, TypedFactor)), None)

    def check_typed(self, flow: Flow, *, typed: str, visitor: Visitor) -> Go | Stay:
        """Check what was typed in on the page of `choose`, and complete the sign-in."""
        origin, factor = visitor.origin, self.typed_factor(flow.step_up_kind)
        self.limits.spend("code_per_address", origin.source)
        if flow.state is not State.STEP_UP_CODE or flow.account_id is None or factor is None:
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, flow.account_id)  # a lock, or "this wasn't me", comes before or after, not between
            account = self._require_rung(connection, flow, factor.kind, now)  # before a try is counted or a code spent
            head = self.flows.letterhead_of(connection, flow)
            check = factor.check(connection, account.id, typed, origin=origin, now=now, letterhead=head)
            if not check.right:
                self._record(connection, "login:step_up:code_wrong", flow, origin, now, code=check.code)
                if not check.tries_left:
                    self.finish.warn_of_failed_step_up(connection, flow, origin=origin, now=now)
                status = 429 if check.retry_after_s else 400
                return Stay(check.error, status, check.code, check.retry_after_s)
            return self._proven(connection, flow, account, factor.kind, visitor, now)

    def check_code(self, flow: Flow, *, typed: str, visitor: Visitor) -> Go | Stay:
        """Check a mailed code and complete the sign-in."""
        if flow.step_up_kind is not ProofKind.EMAIL_CODE:
            return self.check_typed(flow, typed=typed, visitor=visitor)
        origin = visitor.origin
        self.limits.spend("code_per_address", origin.source)
        if flow.state is not State.STEP_UP_CODE or flow.account_id is None:
            raise out_of_step()
        if is_guess(typed):
            self.limits.spend("code_per_account", budget_of(flow.account_id, first_factor=True))
        now = self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, flow.account_id)
            account = self._require_rung(connection, flow, ProofKind.EMAIL_CODE, now)
            email = self._primary(connection, flow)
            check = self.codes.check(
                connection, typed, flow_id=flow.id, email=email, purpose=CodePurpose.STEP_UP, now=now
            )
            if not check.right:
                self._record(connection, "login:step_up:code_wrong", flow, origin, now)
                if not check.tries_left:
                    self.finish.warn_of_failed_step_up(connection, flow, origin=origin, now=now)
                return Stay(WRONG_CODE if check.tries_left else NO_TRIES_LEFT)
            return self._proven(connection, flow, account, ProofKind.EMAIL_CODE, visitor, now)

    def face_ticket(self, flow: Flow, *, purpose: TicketPurpose, visitor: Visitor) -> FaceTicket:
        """Give the account's phone a ticket for one capture; only a flow that passed a first factor gets here.

        Raises:
            NotAllowed: `login.rung_missing`: a face would not count here, or this browser is not known.
            TooMany: the address asks for too many.
        """
        self.limits.spend("code_per_address", visitor.origin.source)
        if flow.account_id is None or not may_capture(flow, purpose):
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            if purpose == "verify":
                self._require_rung(connection, flow, ProofKind.FACE, now, visitor.device_cookie)
            account = get_account(connection, flow.account_id)
            seen = self.arrivals.device(connection, visitor, account, now)
            asked = Asked(
                service=self.service_name,
                shop=flow.client_name,
                account=hint(list_addresses(connection, account.id)[0].email),
                browser=device_label(visitor.origin.user_agent),
                country=self.geo.country(visitor.origin.address) or "",
            )
            issued = self.face.issue_ticket(
                connection,
                flow_id=flow.id,
                account_id=flow.account_id,
                purpose=purpose,
                browser=TicketBrowser(flow.browser_hash, seen.known, asked),
                session_id=flow.session_id if purpose == "enrol" else None,
                origin=visitor.origin,
                now=now,
            )
            keys = self.face.keys.list(connection, account.id) if seen.known else []
        here = next((key.id for key in keys if key.browser_device_id == seen.device_id), None)
        self.face.lane.warm()  # while the customer finds their phone
        text = ticket_text(TicketText(self.issuer, issued.secret))
        lifetime_s = int((issued.expires_at - now).total_seconds())
        return FaceTicket(issued.ticket_id, text, issued.secret, lifetime_s, here)

    def finish_face(self, flow: Flow, *, visitor: Visitor) -> Go | Stay:
        """Complete the sign-in with a match that counts; the match is used up by one statement.

        Raises:
            NotAllowed: `login.rung_missing`: as face_ticket.
        """
        if flow.state is not State.STEP_UP or flow.account_id is None:
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, flow.account_id)
            account = self._require_rung(connection, flow, ProofKind.FACE, now, visitor.device_cookie)
            if not self.face.redeem(connection, flow_id=flow.id, account_id=account.id, now=now):
                self._record(connection, "login:step_up:face_missing", flow, visitor.origin, now)
                return Stay(NO_MATCH_YET, code="face.no_match")
            return self._proven(connection, flow, account, ProofKind.FACE, visitor, now)

    def face_status(self, flow: Flow, ticket_id: str) -> FaceProgress:
        """Return how the capture on one of the flow's tickets is going. Raises NotFound: `face.ticket_unknown`."""
        with self.database.read() as connection:
            return FaceProgress(self.face.ticket_status(connection, ticket_id, flow.id))

    def _ladder(self, connection: Connection, flow: Flow, now: datetime, device: str | None = None) -> Ladder:
        if flow.account_id is None:
            raise out_of_step()
        account = get_account(connection, flow.account_id)
        primary = list_addresses(connection, account.id)[0]
        kinds = owned_kinds(self.factors, connection, account.id)
        if ProofKind.FACE in kinds:  # only where the account knows the browser (docs/decisions/0005)
            seen = self.arrivals.devices.recognise(connection, device, account_id=account.id, now=now)
            kinds = kinds if seen.known else tuple(kind for kind in kinds if kind is not ProofKind.FACE)
        owned = Owned(
            kinds,
            address_verified_at=primary.verified_at,
            address_verified_at_sign_up=primary.verified_at_sign_up,
            password_reset_at=account.password_reset_at,
            address_changed_at=account.address_changed_at,
        )
        offered = rungs(owned, proven=flow.proofs, required=flow.required, now=now)
        prompts = {each.kind: each.prompt for each in self.factors if isinstance(each, TypedFactor)}
        return Ladder(offered, hint(primary.email), kinds, prompts)

    def _require_rung(
        self, connection: Connection, flow: Flow, kind: ProofKind, now: datetime, device: str | None = None
    ) -> Account:
        """Return the flow's account. Raises NotAllowed: `login.rung_missing`: this kind would prove nothing for it."""
        ladder = self._ladder(connection, flow, now, device)
        account = get_account(connection, flow.account_id or "")
        if not account.is_active or kind not in ladder.rungs:
            raise _rung_missing()
        return account

    def _proven(
        self,
        connection: Connection,
        flow: Flow,
        account: Account,
        kind: ProofKind,
        visitor: Visitor,
        now: datetime,
    ) -> Go | Stay:
        device = self.arrivals.device(connection, visitor, account, now)
        arrival = self.arrivals.resumed(connection, flow, account, {kind: now}, device, visitor, now)
        return self.finish.complete(connection, flow, Event.PROVEN, arrival, now=now)

    def _primary(self, connection: Connection, flow: Flow) -> str:
        if flow.account_id is None:
            raise out_of_step()
        return list_addresses(connection, flow.account_id)[0].email

    def _record(
        self, connection: Connection, tag: str, flow: Flow, origin: Origin, now: datetime, *, code: str | None = None
    ) -> None:
        facts = {"flow": flow.id} | ({"code": code} if code else {})
        self.audit.record(connection, tag, now=now, account_id=flow.account_id, origin=origin, facts=facts)


def _rung_missing() -> NotAllowed:
    return NotAllowed("login.rung_missing", "This proof does not count for your account, or is not enough here.")


def may_capture(flow: Flow, purpose: TicketPurpose) -> bool:
    """Return whether a face may be captured in this flow.

    To enrol: by whoever holds the session that it was begun with, or that finished it and was asked to (login/offer).
    To verify: by somebody who has proven a first factor in it.
    """
    if purpose == "enrol":
        asked = flow.kind == "face" or flow.offer == OfferState.FACE_TAKEN
        return asked and flow.state is State.READY and flow.session_id is not None
    return flow.state in (State.STEP_UP, State.STEP_UP_CODE) and bool(flow.proofs)
