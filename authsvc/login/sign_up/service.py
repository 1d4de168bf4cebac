"""Create an account.

The address is proven by a code before an account exists or a credential is kept. An address that is taken gets the
same page at the same cost; its owner gets a mail instead of a code, so nobody learns who is a customer here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import NO_DEVICE, Devices
from authsvc.accounts.events.service import AccountEvents
from authsvc.accounts.invited.store import consume_invited
from authsvc.accounts.levels import Level, ProofKind, level_now
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import Account, Address, find_account_by_email, insert_account, insert_address
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.budget import is_guess
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.passkey.attestation import policy_of
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.factors.password.own_words import own_words
from authsvc.factors.password.rules import MAX_TYPED
from authsvc.factors.password.service import Passwords
from authsvc.login.finish.service import Arrival, Finish
from authsvc.login.service import Flows, out_of_step
from authsvc.login.sign_in.service import PASSKEY_REFUSED, stay_of
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event, State
from authsvc.login.visitor import Visitor

USER_HANDLE_BYTES = 32
MAX_NAME = 100
WRONG_CODE = "That is not the code we sent. Please check the newest mail."
NO_TRIES_LEFT = "That code can't be tried any more. Please ask for a new one."


@dataclass(frozen=True)
class SignUp:
    """Creates accounts."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    finish: Finish
    codes: EmailCodes
    passwords: Passwords
    passkeys: Passkeys
    devices: Devices
    sessions: Sessions
    consents: Consents
    events: AccountEvents
    service_name: str

    def begin(self, flow: Flow, *, name: str, email: str, origin: Origin) -> Go:
        """Send a code to the address.

        Raises:
            BadInput: name or address can't be one.
            TooMany: too many accounts from here, or too many codes to this address.
        """
        self.limits.spend("sign_up_per_address", origin.source)
        if flow.kind == "console" and flow.grant_role is None:
            raise out_of_step()  # staff are invited
        address = normalise(email)
        display_name = _name(name)
        self.limits.spend("mail_per_recipient", address)
        now = self.clock.now()
        with self.database.write() as connection:
            self.flows.move(
                connection,
                flow,
                Event.SIGN_UP_BEGUN,
                now=now,
                email=address,
                display_name=display_name,
                user_handle=new_bytes(USER_HANDLE_BYTES),
            )
            self._send(connection, flow, address, origin, now)
        return Go(page_of(flow.id))

    def resend(self, flow: Flow, *, origin: Origin) -> Go:
        """Send another code; the earlier one is worth nothing then."""
        if flow.state is not State.PROVE_ADDRESS or flow.email is None:
            raise out_of_step()
        self.limits.spend("mail_per_recipient", flow.email)
        now = self.clock.now()
        with self.database.write() as connection:
            self.flows.move(connection, flow, Event.SIGN_UP_BEGUN, now=now)
            self._send(connection, flow, flow.email, origin, now)
        return Go(page_of(flow.id))

    def check_code(self, flow: Flow, *, typed: str, origin: Origin) -> Go | Stay:
        """Prove the address."""
        self.limits.spend("code_per_address", origin.source)
        if flow.state is not State.PROVE_ADDRESS or flow.email is None:
            raise out_of_step()
        if is_guess(typed):
            self.limits.spend("code_per_account", flow.email)
        now = self.clock.now()
        with self.database.write() as connection:
            check = self.codes.check(
                connection, typed, flow_id=flow.id, email=flow.email, purpose=CodePurpose.SIGN_UP, now=now
            )
            if not check.right:
                self._record(connection, "login:address:code_wrong", flow, origin, now, tries_left=check.tries_left)
                return Stay(WRONG_CODE if check.tries_left else NO_TRIES_LEFT)
            self.flows.move(connection, flow, Event.ADDRESS_PROVEN, now=now, proofs={ProofKind.EMAIL_CODE: now})
            self._record(connection, "login:address:proven", flow, origin, now)
        return Go(page_of(flow.id))

    def passkey_only(self, flow: Flow) -> bool:
        """Return whether a password could not reach what this sign-in asks for."""
        return flow.required > Level.PWD_EMAIL or flow.grant_role is not None

    def with_password(self, flow: Flow, *, password: str, typing_consent: int | None, visitor: Visitor) -> Go | Stay:
        """Create the account with a password. Args: typing_consent is the version of the words agreed to, if any.

        Raises:
            BadInput: the password can't be accepted, and why.
            TooMany: the address of the visitor has made us hash too often.
        """
        self.limits.spend("sign_in_per_address", visitor.origin.source)
        email, name = self._proven(flow)
        if self.passkey_only(flow):
            raise BadInput("login.passkey_needed", "This account needs a passkey.")
        if len(password) > MAX_TYPED:
            raise BadInput("password.too_long", f"Please use at most {self.passwords.settings.max_length} characters.")
        words = own_words(email, name, self.service_name, flow.client_name)
        chosen = self.passwords.hash_new(password, own_words=words)
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._create(connection, flow, email, name, visitor.origin, now)
            self.passwords.set_first(connection, account.id, chosen, origin=visitor.origin, now=now)
            if typing_consent is not None:
                self.consents.give(
                    connection, account.id, Purpose.TYPING, read=typing_consent, origin=visitor.origin, now=now
                )
            proofs = {**flow.proofs, ProofKind.PASSWORD: now}
            return self._complete(connection, flow, account, proofs, visitor, now)

    def passkey_options(self, flow: Flow, *, origin: Origin) -> dict[str, Any]:
        """Begin the registration of a passkey for the account to be."""
        self.limits.spend("passkey_per_address", origin.source)
        email, name = self._proven(flow)
        assert flow.user_handle is not None
        with self.database.write() as connection:
            return self.passkeys.begin_registration(
                connection,
                flow_id=flow.id,
                user_handle=flow.user_handle,
                email=email,
                display_name=name,
                attestation=policy_of(flow.attestation),
                now=self.clock.now(),
            )

    def with_passkey(self, flow: Flow, *, credential: Mapping[str, Any], visitor: Visitor) -> Go | Stay:
        """Create the account with a passkey."""
        self.limits.spend("passkey_per_address", visitor.origin.source)
        email, name = self._proven(flow)
        now = self.clock.now()
        with self.database.write() as connection:
            outcome = self.passkeys.finish_registration(
                connection, credential, flow_id=flow.id, origin=visitor.origin, now=now
            )
            if isinstance(outcome, Refused):
                return stay_of(outcome)
            account = self._create(connection, flow, email, name, visitor.origin, now)
            kept = self.passkeys.keep(connection, account.id, outcome.registered, origin=visitor.origin, now=now)
            if isinstance(kept, Refused):
                raise Conflict(kept.code, PASSKEY_REFUSED)  # the account is rolled back with it
            proofs = {**flow.proofs, ProofKind.PASSKEY: now}
            return self._complete(connection, flow, account, proofs, visitor, now)

    def _complete(
        self,
        connection: Connection,
        flow: Flow,
        account: Account,
        proofs: Mapping[ProofKind, datetime],
        visitor: Visitor,
        now: datetime,
    ) -> Go | Stay:
        device = (
            self.devices.recognise(connection, visitor.device_cookie, account_id=account.id, now=now)
            if visitor.device_cookie
            else NO_DEVICE
        )
        session = self.sessions.find_live(connection, visitor.session_secret, now=now)
        if level_now(proofs, now=now, raised=self.sessions.raised) < flow.required:
            raise BadInput("login.passkey_needed", "This account needs a passkey.")
        arrival = Arrival(account, proofs, device, session, visitor.origin)
        return self.finish.complete(connection, flow, Event.SIGNED_UP, arrival, now=now)

    def _create(
        self, connection: Connection, flow: Flow, email: str, name: str, origin: Origin, now: datetime
    ) -> Account:
        assert flow.user_handle is not None
        is_staff = flow.grant_role is not None  # the operator's people are no shop's
        promised = None if is_staff else consume_invited(connection, email, now=now)
        account_id = promised or new_id("acc")
        account = Account(account_id, flow.user_handle, name, "active", now)
        if not insert_account(connection, account):
            raise out_of_step()  # the same sign-up, sent twice: the other one made the account
        address = Address(new_id("adr"), account.id, email, verified_at=now, verified_at_sign_up=True)
        if not insert_address(connection, address):
            raise Conflict("account.address_taken", "This address has an account by now. Please sign in.")
        self.audit.record(
            connection,
            "login:account:created",
            now=now,
            account_id=account.id,
            origin=origin,
            facts={"flow": flow.id, "client": flow.client_id},
            personal={"email": email},
        )
        if not is_staff:
            self.events.created(connection, account.id, now)
        return account

    def _send(self, connection: Connection, flow: Flow, email: str, origin: Origin, now: datetime) -> None:
        taken = find_account_by_email(connection, email) is not None
        head, purpose = self.flows.letterhead_of(connection, flow), CodePurpose.SIGN_UP
        instead = "no_code_sign_up" if taken else None
        self.codes.send(
            connection, flow_id=flow.id, email=email, purpose=purpose, now=now, letterhead=head, instead=instead
        )
        self._record(connection, "login:address:code_sent", flow, origin, now, taken=taken)

    def _proven(self, flow: Flow) -> tuple[str, str]:
        if flow.state is not State.CHOOSE_CREDENTIAL or flow.email is None or flow.display_name is None:
            raise out_of_step()
        return flow.email, flow.display_name

    def _record(
        self, connection: Connection, tag: str, flow: Flow, origin: Origin, now: datetime, **facts: Any
    ) -> None:
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=flow.account_id,
            origin=origin,
            facts={"flow": flow.id, **facts},
            personal={"email": flow.email} if flow.email else None,
        )


def _name(typed: str) -> str:
    name = " ".join(typed.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("account.name_invalid", f"Please give a name of 1 to {MAX_NAME} characters.")
    return name
