"""Ask at the end of a sign-in for a passkey or for a face anew, and keep the passkey that is made.

Who is asked what is decided in rule.py, when the sign-in completes. The offer belongs to its flow, which is ready by
then: the browser and the session must be those that finished it. It holds for as long as the session's proofs are
fresh (login/account/fresh), and is answered once, by one statement. Whatever goes wrong here, the way to the shop is
open: the flow can be resumed from its first moment.

Some browsers make a passkey by themselves after a sign-in with a saved password (conditional create, WebAuthn Level 3,
5.1.3). Nothing says then that a person was verified: such a passkey does not count before its first assertion.

A face is captured on tickets of the flow itself (step_up/service.py, as for any enrolment), as long as the template is
an outdated one. What is captured takes its place; the two are never compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.store import Account, list_addresses, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Conflict, NotAllowed, NotSignedIn
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face.service import FaceService
from authsvc.factors.passkey.attestation import policy_of
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.login.account.fresh.service import FreshProof, Owner
from authsvc.login.offer.rule import EndOfSignIn, OfferState, is_quiet, offer_due
from authsvc.login.offer.store import consume_offer, find_answered_at, note_answer
from authsvc.login.service import out_of_step
from authsvc.login.steps import Go, Stay, resume_of
from authsvc.login.store import Flow, find_flow
from authsvc.login.transitions import State

NOT_CONFIRMED = "That passkey could not be confirmed. You can try again, or go on without one."
LEAST_ROOM = timedelta(minutes=2)  # an offer must not run a sign-in out of its life
LONGEST = timedelta(minutes=9)  # then the page goes on by itself: the proofs are about to be too old (fresh.FRESH)
MARGIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Offers:
    """Asks, and takes the answers."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    alerts: Alerts
    passkeys: Passkeys
    face: FaceService
    fresh: FreshProof

    def at_the_end(
        self,
        connection: Connection,
        flow: Flow,
        account: Account,
        proofs: Mapping[ProofKind, datetime],
        *,
        level: Level,
        known_device: bool,
        now: datetime,
    ) -> str | None:
        """Return what a sign-in that completes now ends with: `passkey`, `face` or nothing."""
        if flow.kind != "client":
            return None
        possible = flow.offer == OfferState.POSSIBLE and flow.expires_at - now >= LEAST_ROOM
        outdated = self.face.is_outdated(connection, account.id) and self._fits_a_ticket(flow, now)
        passkey_at = find_answered_at(connection, OfferState.PASSKEY, account.id) if possible else None
        face_at = find_answered_at(connection, OfferState.FACE, account.id) if outdated else None
        possible = possible and not is_quiet(passkey_at, now=now)
        outdated = outdated and not is_quiet(face_at, now=now)
        if not possible and not outdated:  # as most sign-ins end
            return None
        end = EndOfSignIn(
            level=level,
            highest=self.fresh.highest(connection, account.id),
            known_device=known_device,
            account=account,
            makes_passkeys=possible,
            took_password=ProofKind.PASSWORD in proofs,
            has_passkey=bool(self.passkeys.list(connection, account.id)),
            passkey_answered_at=passkey_at,
            face_outdated=outdated,
            face_answered_at=face_at,
        )
        due = offer_due(end, now=now)
        return due.value if due else None

    def is_open(self, flow: Flow, secret: str | None) -> bool:
        """Return whether the flow's offer can still be answered, in the session behind the secret."""
        with self.database.read() as connection:
            try:
                self._owner(connection, flow, secret, self.clock.now(), OfferState.PASSKEY, OfferState.FACE)
            except (Conflict, NotAllowed, NotSignedIn):
                return False
        return True

    def waits_s(self, flow: Flow) -> int:
        """Return after how many seconds the page should go on by itself: before what was proven has aged."""
        left = min(LONGEST, self.fresh.sessions.raised - MARGIN, flow.expires_at - self.clock.now() - MARGIN)
        return max(1, int(left.total_seconds()))

    # -- a passkey

    def begin(self, flow: Flow, *, conditional: bool, secret: str | None, origin: Origin) -> dict[str, Any]:
        """Begin the registration. Args: conditional, where the browser makes the passkey by itself.

        Raises:
            Conflict: `flow.out_of_step`: no passkey is offered in this flow, or it was answered.
            NotSignedIn, NotAllowed: as FreshProof.require; also for a session that did not finish this flow.
            TooMany: too many ceremonies from this address.
        """
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self._owner(connection, flow, secret, now, OfferState.PASSKEY)
            return self.passkeys.begin_addition(
                connection,
                flow_id=flow.id,
                account=owner.account,
                email=list_addresses(connection, owner.id)[0].email,
                conditional=conditional,
                attestation=policy_of(flow.attestation),
                now=now,
            )

    def finish(self, flow: Flow, *, credential: Mapping[str, Any], secret: str | None, origin: Origin) -> Go | Stay:
        """Keep the passkey, tell the owner, and go on to the shop. Raises: as `begin`."""
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, flow.account_id or "")
            owner = self._owner(connection, flow, secret, now, OfferState.PASSKEY)
            outcome = self.passkeys.finish_registration(
                connection, credential, flow_id=flow.id, account_id=owner.id, origin=origin, now=now
            )
            if isinstance(outcome, Refused):
                return Stay(NOT_CONFIRMED)
            kept = self.passkeys.keep(connection, owner.id, outcome.registered, origin=origin, now=now)
            if isinstance(kept, Refused):
                return Stay(NOT_CONFIRMED)
            if not self._answer(connection, flow, owner, OfferState.ANSWERED, "login:offer:accepted", origin, now):
                raise out_of_step()  # another request was first: the passkey is rolled back
            head = self.fresh.flows.letterhead_of(connection, flow)
            self.alerts.send(connection, owner.id, AlertKind.FACTOR_ADDED, origin=origin, now=now, letterhead=head)
        return Go(resume_of(flow.id))

    # -- a face

    def take_face(self, flow: Flow, *, secret: str | None, origin: Origin) -> Flow | None:
        """Yes: return the flow, on which a face may be captured from now on; None where the way only leads on.

        A further press asks for another ticket, until the template is of today's network or the proofs have aged.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            try:
                owner = self._owner(connection, flow, secret, now, OfferState.FACE, OfferState.FACE_TAKEN)
            except (Conflict, NotAllowed, NotSignedIn):
                return None
            if not self.face.is_outdated(connection, owner.id) or not self._fits_a_ticket(flow, now):
                return None
            first = flow.offer == OfferState.FACE and self._answer(
                connection, flow, owner, OfferState.FACE_TAKEN, "login:offer:accepted", origin, now
            )
            if first:
                return replace(flow, offer=OfferState.FACE_TAKEN)
            taken = find_flow(connection, flow.id)  # a double click; "not now" may have been first
            return taken if taken and taken.offer == OfferState.FACE_TAKEN else None

    # -- not now

    def decline(self, flow: Flow, *, secret: str | None, origin: Origin) -> Go:
        """Not now: ask again in 30 days at the earliest. A second press only goes on."""
        now = self.clock.now()
        with self.database.write() as connection:
            try:
                owner = self._owner(connection, flow, secret, now, OfferState.PASSKEY, OfferState.FACE)
            except (Conflict, NotAllowed, NotSignedIn):
                return Go(resume_of(flow.id))  # the end of the sign-in decides what this browser may
            self._answer(connection, flow, owner, OfferState.ANSWERED, "login:offer:declined", origin, now)
        return Go(resume_of(flow.id))

    def _owner(
        self, connection: Connection, flow: Flow, secret: str | None, now: datetime, *offers: OfferState
    ) -> Owner:
        if flow.state is not State.READY or flow.offer not in offers:
            raise out_of_step()
        owner = self.fresh.require(connection, secret, now=now)
        if owner.session.id != flow.session_id or owner.id != flow.account_id:
            raise NotAllowed("flow.foreign_session", "This sign-in was finished in another session.")
        return owner

    def _answer(
        self,
        connection: Connection,
        flow: Flow,
        owner: Owner,
        becomes: OfferState,
        tag: str,
        origin: Origin,
        now: datetime,
    ) -> bool:
        """Write the answer; False, with nothing written, when another request answered first."""
        offer = OfferState(flow.offer or "")
        if not consume_offer(connection, flow.id, offer, becomes=becomes, now=now):
            return False
        note_answer(connection, offer, owner.id, now)
        facts = {"flow": flow.id, "offer": offer.value}
        self.audit.record(connection, tag, now=now, account_id=owner.id, origin=origin, facts=facts)
        return True

    def _fits_a_ticket(self, flow: Flow, now: datetime) -> bool:
        """Return whether the flow lives long enough for a capture."""
        return flow.expires_at - now >= LEAST_ROOM + timedelta(seconds=self.face.settings.ticket_s)
