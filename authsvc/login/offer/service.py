"""Offer a passkey at the end of a sign-in, and keep the one that is made.

Whom it is offered to is decided in rule.py, when the sign-in completes. The offer belongs to its flow, which is ready
by then: the browser and the session must be those that finished it. It holds for as long as the session's proofs are
fresh (login/account/fresh), and is answered once, by one statement. Whatever goes wrong here, the way to the shop is
open: the flow can be resumed from its first moment.

Some browsers make a passkey by themselves after a sign-in with a saved password (conditional create, WebAuthn Level 3,
5.1.3). Nothing says then that a person was verified: such a passkey does not count before its first assertion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from authsvc.factors.passkey.attestation import policy_of
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.login.account.fresh.service import FreshProof, Owner
from authsvc.login.offer.rule import EndOfSignIn, OfferState, is_due, is_quiet
from authsvc.login.offer.store import consume_offer, find_answered_at, note_answer
from authsvc.login.service import out_of_step
from authsvc.login.steps import Go, Stay
from authsvc.login.store import Flow
from authsvc.login.transitions import State

NOT_CONFIRMED = "That passkey could not be confirmed. You can try again, or go on without one."
LEAST_ROOM = timedelta(minutes=2)  # an offer must not run a sign-in out of its life
LONGEST = timedelta(minutes=9)  # then the page goes on by itself: the proofs are about to be too old (fresh.FRESH)
MARGIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Offers:
    """Offers passkeys."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    alerts: Alerts
    passkeys: Passkeys
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
        """Return `due` where a sign-in that completes now ends with an offer."""
        if flow.kind != "client" or flow.passkey_offer != OfferState.POSSIBLE or flow.expires_at - now < LEAST_ROOM:
            return None
        answered_at = find_answered_at(connection, account.id)
        if is_quiet(answered_at, now=now):  # the answer of most sign-ins that get so far
            return None
        end = EndOfSignIn(
            possible=True,
            took_password=ProofKind.PASSWORD in proofs,
            level=level,
            highest=self.fresh.highest(connection, account.id),
            has_passkey=bool(self.passkeys.list(connection, account.id)),
            known_device=known_device,
            account=account,
            answered_at=answered_at,
        )
        return OfferState.DUE.value if is_due(end, now=now) else None

    def is_open(self, flow: Flow, secret: str | None) -> bool:
        """Return whether the flow's offer can still be taken, in the session behind the secret."""
        with self.database.read() as connection:
            try:
                self._owner(connection, flow, secret, self.clock.now())
            except (Conflict, NotAllowed, NotSignedIn):
                return False
        return True

    def waits_s(self, flow: Flow) -> int:
        """Return after how many seconds the page should go on by itself: before what was proven has aged."""
        left = min(LONGEST, self.fresh.sessions.raised - MARGIN, flow.expires_at - self.clock.now() - MARGIN)
        return max(1, int(left.total_seconds()))

    def begin(self, flow: Flow, *, conditional: bool, secret: str | None, origin: Origin) -> dict[str, Any]:
        """Begin the registration. Args: conditional, where the browser makes the passkey by itself.

        Raises:
            Conflict: `flow.out_of_step`: nothing is offered in this flow, or it was answered.
            NotSignedIn, NotAllowed: as FreshProof.require; also for a session that did not finish this flow.
            TooMany: too many ceremonies from this address.
        """
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self._owner(connection, flow, secret, now)
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
            owner = self._owner(connection, flow, secret, now)
            outcome = self.passkeys.finish_registration(
                connection, credential, flow_id=flow.id, account_id=owner.id, origin=origin, now=now
            )
            if isinstance(outcome, Refused):
                return Stay(NOT_CONFIRMED)
            kept = self.passkeys.keep(connection, owner.id, outcome.registered, origin=origin, now=now)
            if isinstance(kept, Refused):
                return Stay(NOT_CONFIRMED)
            self._answer(connection, flow, owner, "login:offer:accepted", origin, now)
            head = self.fresh.flows.letterhead_of(connection, flow)
            self.alerts.send(connection, owner.id, AlertKind.FACTOR_ADDED, origin=origin, now=now, letterhead=head)
        return Go(arrival_of(flow))

    def decline(self, flow: Flow, *, secret: str | None, origin: Origin) -> Go:
        """Not now: ask again in 30 days at the earliest. A second press only goes on."""
        now = self.clock.now()
        with self.database.write() as connection:
            try:
                owner = self._owner(connection, flow, secret, now)
            except (Conflict, NotAllowed, NotSignedIn):
                return Go(arrival_of(flow))  # the end of the sign-in decides what this browser may
            self._answer(connection, flow, owner, "login:offer:declined", origin, now)
        return Go(arrival_of(flow))

    def _owner(self, connection: Connection, flow: Flow, secret: str | None, now: datetime) -> Owner:
        if flow.state is not State.READY or flow.passkey_offer != OfferState.DUE:
            raise out_of_step()
        owner = self.fresh.require(connection, secret, now=now)
        if owner.session.id != flow.session_id or owner.id != flow.account_id:
            raise NotAllowed("flow.foreign_session", "This sign-in was finished in another session.")
        return owner

    def _answer(
        self, connection: Connection, flow: Flow, owner: Owner, tag: str, origin: Origin, now: datetime
    ) -> None:
        """Raises Conflict: another request answered first; what the caller has written is rolled back with it."""
        if not consume_offer(connection, flow.id, now):
            raise out_of_step()
        note_answer(connection, owner.id, now)
        self.audit.record(connection, tag, now=now, account_id=owner.id, origin=origin, facts={"flow": flow.id})


def arrival_of(flow: Flow) -> str:
    """Return where the flow leads once its offer is answered, or not."""
    return f"/oauth2/authorize/resume?flow={flow.id}"
