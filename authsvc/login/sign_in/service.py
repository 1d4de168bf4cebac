"""Sign in with a password or a passkey.

With a password:
1. spend the rate limit; 2. claim the attempt, before anything is computed, so that N guesses at once count as N;
3. compute one hash, in a lane, with no transaction open, whether or not there is such an account;
4. gather what risk may look at, decide; 5. write outcome and evidence in one transaction.
A wrong password and an unknown address are answered by the same words at the same cost. A right one that has to be
changed (login/forced_change) signs nobody in: it leads to the reset by mail, and is counted as an attempt that failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from webauthn.helpers import bytes_to_base64url

from authsvc.accounts.addresses import normalise
from authsvc.accounts.devices.service import DeviceFacts, Devices
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, find_account_by_email, list_addresses, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.passkey.attestation import policy_of
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.factors.password.lockout import FORGET_DEVICE_AFTER
from authsvc.factors.password.rules import MAX_TYPED
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import Claim
from authsvc.login.arrivals.service import Arrivals
from authsvc.login.finish.service import Finish
from authsvc.login.forced_change.service import ForcedChange
from authsvc.login.offer.rule import OfferState
from authsvc.login.service import FLOW_TTL, out_of_step
from authsvc.login.steps import Go, Stay
from authsvc.login.store import Flow, keep_open
from authsvc.login.transitions import Event, State
from authsvc.login.visitor import Visitor
from authsvc.risk.keystroke.sample import parse_typings
from authsvc.risk.service import RiskService

WRONG = "That e-mail address and password do not match. Please check both and try again."
PASSKEY_UNKNOWN = "That passkey is not registered here any more. Please choose another, or sign in another way."
MODEL_REFUSED = "Passkeys from this device or app are not accepted here. Please use one that the shop names."
PASSKEY_REFUSED = "That passkey could not be confirmed. Please try again, or sign in another way."
REFUSED_UNTIL_OWNER = (
    "After many wrong passwords this account takes one only from a device it knows. Sign in with a passkey, from such "
    "a device, or let us send a code to the address."
)

KEPT_OPEN = timedelta(hours=4)  # somebody's lunch; what the shop asked should not wait for days


@dataclass(frozen=True)
class SignIn:
    """The first factors."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    finish: Finish
    arrivals: Arrivals
    forced_change: ForcedChange
    passwords: Passwords
    passkeys: Passkeys
    devices: Devices
    risk: RiskService

    def with_password(
        self, flow: Flow, *, email: str, password: str, typing: str, visitor: Visitor, makes_passkeys: bool = False
    ) -> Go | Stay:
        """Try a password; see the module's docstring.

        Args:
            makes_passkeys: the page's script found that one could be offered here (login/offer).

        Raises:
            TooMany: the address of the visitor has tried too often.
            BadInput: what was sent can't be an address, a password, or timings.
        """
        origin = visitor.origin
        self.limits.spend("sign_in_per_address", origin.source)  # 1
        if flow.state is not State.IDENTIFY:
            raise out_of_step()
        if not 0 < len(password) <= MAX_TYPED:
            raise BadInput("password.unusable", "Please type your password.")
        address = normalise(email)
        typed = parse_typings(typing)
        if makes_passkeys:
            flow = replace(flow, offer=OfferState.POSSIBLE.value)
        now = self.clock.now()
        with self.database.write() as connection:  # 2
            account = find_account_by_email(connection, address)
            stored = self.passwords.find(connection, account.id) if account else None
            device = self.arrivals.device(connection, visitor, account, now)
            bucket = device.device_id if device.known else None
            claim = self.passwords.claim(connection, address, known_device=bucket, now=now)
            if not claim.taken:
                return self._turned_away(connection, flow, account, claim, origin, now)
        right = self.passwords.verify(stored, password)  # 3
        new_hash = self.passwords.rehashed(password) if right and stored and self.passwords.outdated(stored) else None
        now = self.clock.now()
        try:
            with self.database.write() as connection:
                account = lock_account(connection, account.id) if account else None  # as it is after the hash
                if not right or account is None or stored is None or not account.is_active:
                    return self._wrong(connection, flow, account, address, device, claim, origin, now)
                if (held := self.passwords.as_it_is(connection, stored)) is None:  # replaced meanwhile
                    return self._wrong(connection, flow, account, address, device, claim, origin, now)
                if (why := self.forced_change.why(connection, flow, held, password)) is not None:
                    return self.forced_change.demand(connection, flow, held, why, email=address, origin=origin, now=now)
                self.passwords.clear(connection, address, known_device=bucket)
                if new_hash:
                    self.passwords.keep_rehash(connection, stored, new_hash)
                proven = {ProofKind.PASSWORD: now}
                arrived = self.arrivals.arrived(connection, flow, account, proven, device, visitor, typed, stored, now)
                return self.arrivals.decide(connection, flow, arrived, "password", now)  # 4, 5
        except Conflict:
            self._overtaken(flow, account, origin, now)
            raise

    def autofill_options(self, flow: Flow, *, origin: Origin) -> dict[str, Any]:
        """Begin the ceremony that waits in the page's address field until somebody picks a passkey there.

        A page asks for this when it opens, and again before its challenge ends: it has a limit of its own, so that
        looking at pages costs nobody their sign-in. A flow whose page asks stays open, for KEPT_OPEN at most.
        """
        self.limits.spend("autofill_per_address", origin.source)
        if flow.state is not State.IDENTIFY:
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            keep_open(connection, flow, until=min(now + FLOW_TTL, flow.created_at + KEPT_OPEN), now=now)
            return self.passkeys.begin_assertion(connection, flow_id=flow.id, account_id=None, now=now)

    def passkey_options(self, flow: Flow, *, origin: Origin) -> dict[str, Any]:
        """Begin a passkey ceremony for whoever is at the page, or in a step-up for the flow's account."""
        self.limits.spend("passkey_per_address", origin.source)
        if flow.state not in (State.IDENTIFY, State.STEP_UP, State.STEP_UP_CODE):
            raise out_of_step()
        known = flow.account_id if flow.state is not State.IDENTIFY else None
        with self.database.write() as connection:
            return self.passkeys.begin_assertion(connection, flow_id=flow.id, account_id=known, now=self.clock.now())

    def with_passkey(self, flow: Flow, *, credential: Mapping[str, Any], visitor: Visitor) -> Go | Stay:
        """Verify an assertion, as the first factor or as a step-up."""
        origin = visitor.origin
        self.limits.spend("passkey_per_address", origin.source)
        if flow.state not in (State.IDENTIFY, State.STEP_UP, State.STEP_UP_CODE):
            raise out_of_step()
        now = self.clock.now()
        with self.database.write() as connection:
            outcome = self.passkeys.finish_assertion(
                connection,
                credential,
                flow_id=flow.id,
                account_id=flow.account_id if flow.state is not State.IDENTIFY else None,
                attestation=policy_of(flow.attestation),
                origin=origin,
                now=now,
            )
            if isinstance(outcome, Refused):
                self.finish.warn_of_failed_step_up(connection, flow, origin=origin, now=now)
                return stay_of(outcome)
            account = outcome.account
            if not account.is_active:
                return self._not_active(connection, flow, account, origin, now)
            device = self.arrivals.device(connection, visitor, account, now)
            self._reopen(connection, account)
            proven = {ProofKind.PASSKEY: now}
            if flow.state is State.IDENTIFY:
                arrived = self.arrivals.arrived(connection, flow, account, proven, device, visitor, None, None, now)
                arrived = replace(arrived, counter_went_back=outcome.counter_went_back)
                return self.arrivals.decide(connection, flow, arrived, "passkey", now)
            arrived = self.arrivals.resumed(connection, flow, account, proven, device, visitor, now)
            if outcome.counter_went_back:  # nobody knew when the step-up was asked for, so it is weighed now
                arrived = replace(arrived, counter_went_back=True)
                return self.arrivals.decide(connection, flow, arrived, "passkey", now, event=Event.PROVEN)
            return self.finish.complete(connection, flow, Event.PROVEN, arrived, now=now)

    def _reopen(self, connection: Connection, account: Account) -> None:
        for address in list_addresses(connection, account.id):
            self.passwords.reopen(connection, address.email)

    def _turned_away(
        self,
        connection: Connection,
        flow: Flow,
        account: Account | None,
        claim: Claim,
        origin: Origin,
        now: datetime,
    ) -> Stay:
        self.audit.record(
            connection,
            "login:password:turned_away",
            now=now,
            account_id=account.id if account else None,
            origin=origin,
            facts={"flow": flow.id, "failures": claim.failures, "needs_owner": claim.needs_owner},
        )
        if claim.wait_until is None:
            return Stay(REFUSED_UNTIL_OWNER, status=429, locked=True)
        wait_s = max(1, int((claim.wait_until - now).total_seconds()) + 1)
        return Stay(
            f"Too many wrong passwords. Please wait {_duration(wait_s)} and try again.",
            status=429,
            retry_after_s=wait_s,
        )

    def _overtaken(self, flow: Flow, account: Account | None, origin: Origin, now: datetime) -> None:
        """A right password, but another request moved the flow meanwhile: nobody tries passwords without evidence."""
        with self.database.write() as connection:
            self.audit.record(
                connection,
                "login:password:overtaken",
                now=now,
                account_id=account.id if account else None,
                origin=origin,
                facts={"flow": flow.id},
            )

    def _wrong(
        self,
        connection: Connection,
        flow: Flow,
        account: Account | None,
        address: str,
        device: DeviceFacts,
        claim: Claim,
        origin: Origin,
        now: datetime,
    ) -> Stay:
        self.risk.note_failure(connection, account_key=account.id if account else address, origin=origin, now=now)
        if account and device.known and device.device_id and claim.failures >= FORGET_DEVICE_AFTER:
            self.devices.forget(connection, account_id=account.id, device_id=device.device_id)
        self.audit.record(
            connection,
            "login:password:failed",
            now=now,
            account_id=account.id if account else None,
            origin=origin,
            facts={"flow": flow.id, "failures": claim.failures, "known_device": device.known},
            personal=None if account else {"tried": address},
        )
        return Stay(WRONG)

    def _not_active(self, connection: Connection, flow: Flow, account: Account, origin: Origin, now: datetime) -> Stay:
        self.audit.record(
            connection,
            "login:account:not_active",
            now=now,
            account_id=account.id,
            origin=origin,
            facts={"flow": flow.id, "status": account.status},
        )
        return Stay(PASSKEY_REFUSED)


def stay_of(refused: Refused) -> Stay:
    """Return what a page says to a passkey that proved nothing; why exactly is mostly in the evidence alone."""
    if refused.unknown_credential is not None:
        named = {"unknown_credential": bytes_to_base64url(refused.unknown_credential)}
        return Stay(PASSKEY_UNKNOWN, code="passkey.unknown_credential", members=named)
    model = refused.code == "passkey.authenticator_not_accepted"
    return Stay(MODEL_REFUSED if model else PASSKEY_REFUSED)


def _duration(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds" if seconds != 1 else "a second"
    return f"{round(seconds / 60)} minutes"
