"""Reset a password by mail (security.md, "Addresses and mail").

    address ─▶ mail with code and link ─▶ new password ─▶ the sign-in goes on, in the same flow

1. An address that nobody has, an account that is locked or has no password get the same page at the same cost; what the
   mail says is for the mailbox alone. An account without a password is given none: it signs in with its passkey.
2. Risk decides before anything changes: where it denies, the old password stays.
3. The new password takes the place of the old one; every session ends and with it every refresh token; other browsers
   may try passwords again; every address is told, and can say "this wasn't me".
4. It never bypasses a second factor. What the account has beside the password is asked for next, in this flow and in
   every other one until it was shown (the account's guard). For 24 hours the mailbox is no step-up (ladder.py) and an
   account with a password alone can't make sensitive changes (account/fresh); risk knows, and the policy says what
   becomes of a step-up that nobody could answer. A guard from before stays, with one exception: an account that has
   nothing but password and mailbox has just shown both, unless the mailbox counts for nothing already.
5. Of two resets of an account at once the second one ends, and so does whatever else waits for a proof beside the old
   password. Of two requests of one reset one gets through: the account is locked, the flow moves once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.devices.service import DeviceFacts
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import (
    Account,
    find_account_by_email,
    get_account,
    lift_guard,
    list_addresses,
    lock_account,
    note_password_reset,
)
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.factor import Factor
from authsvc.factors.password.own_words import own_words
from authsvc.factors.password.rules import stands_beside
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import Chosen
from authsvc.factors.service import highest_demand, owned_kinds
from authsvc.login.arrivals.service import Arrivals
from authsvc.login.finish.service import Arrival
from authsvc.login.ladder import Owned, mailbox_counts
from authsvc.login.mailbox.service import MailboxProof
from authsvc.login.service import Flows, may_reset, out_of_step
from authsvc.login.steps import Go, Stay, reset_page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event, State
from authsvc.login.visitor import Visitor
from authsvc.risk.context import Action
from authsvc.risk.policy import Outcome
from authsvc.risk.service import RiskService

CHOOSE_WITHIN = timedelta(minutes=15)  # a page left open on somebody else's screen

CHANGED_MEANWHILE = "This account has changed meanwhile. Please begin again where you came from."


@dataclass(frozen=True)
class Reset:
    """Resets passwords. `factors` is app.py's tuple."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    arrivals: Arrivals
    mailbox: MailboxProof
    codes: EmailCodes
    passwords: Passwords
    factors: tuple[Factor, ...]
    sessions: Sessions
    alerts: Alerts
    risk: RiskService
    service_name: str

    def begin(self, flow: Flow, *, email: str, visitor: Visitor) -> Go:
        """Mail a code and a link to the address.

        Raises:
            BadInput: it can't be an address.
            TooMany: too many resets from here, or too many mails to this address.
        """
        self.limits.spend("reset_per_address", visitor.origin.source)
        if not may_reset(flow):
            raise out_of_step()
        address = normalise(email)
        self.mailbox.spend_mail(address, visitor)
        now = self.clock.now()
        with self.database.write() as connection:
            flow = self.flows.move(connection, flow, Event.RESET_BEGUN, now=now, email=address)
            account = find_account_by_email(connection, address)
            self._send(connection, flow, address, account, now)
            self._record(connection, "login:reset:code_sent", flow, account, visitor.origin, now)
        return Go(reset_page_of(flow.id))

    def resend(self, flow: Flow, *, visitor: Visitor) -> Go:
        """Send another code; the earlier one is worth nothing then."""
        if flow.state is not State.RESET_CODE or flow.email is None:
            raise out_of_step()
        return self.begin(flow, email=flow.email, visitor=visitor)

    def check_code(self, flow: Flow, *, typed: str, visitor: Visitor) -> Go | Stay:
        """Prove the mailbox. Args: typed is the code, or what the link carries."""
        origin, address = visitor.origin, self.mailbox.spend_try(flow, typed, visitor, at=State.RESET_CODE)
        now = self.clock.now()
        with self.database.write() as connection:
            tried = self.mailbox.try_code(connection, flow, address, typed, CodePurpose.RESET, now)
            account = tried.account
            if account is None or not tried.right:
                self._record(connection, "login:reset:code_wrong", flow, account, origin, now)
                return Stay(tried.error)
            until = min(flow.expires_at, now + CHOOSE_WITHIN)
            self.flows.move(connection, flow, Event.MAILBOX_PROVEN, now=now, account_id=account.id, expires_at=until)
            self._record(connection, "login:reset:mailbox_proven", flow, account, origin, now)
        return Go(reset_page_of(flow.id))

    def min_length(self, flow: Flow) -> int:
        """Return how long the flow's new password must be, for its page."""
        with self.database.read() as connection:
            beside = flow.account_id is not None and self._beside_second(connection, flow.account_id)
        return self.passwords.demands(beside_second=beside).min_length

    def is_disowned(self, flow: Flow) -> bool:
        """Return whether the flow's password has to be changed because its owner disowned it, and not for its length.

        For whoever has typed the right one: the flow is at MUST_CHANGE.
        """
        with self.database.read() as connection:
            account = find_account_by_email(connection, flow.email or "")
            stored = self.passwords.find(connection, account.id) if account else None
        return stored is not None and stored.must_change_since is not None

    def set_password(self, flow: Flow, *, password: str, visitor: Visitor) -> Go | Stay:
        """Set the new password and go on with the sign-in. The caller is admitted to the lane.

        Raises:
            BadInput: `password.…`: it can't be accepted, and why.
            TooMany: the address of the visitor has made us hash too often.
        """
        self.limits.spend("sign_in_per_address", visitor.origin.source)
        if flow.state is not State.NEW_PASSWORD or flow.account_id is None or flow.email is None:
            raise out_of_step()
        with self.database.read() as connection:
            name = get_account(connection, flow.account_id).display_name
            beside = self._beside_second(connection, flow.account_id)
        words = own_words(flow.email, name, self.service_name, flow.client_name)
        chosen = self.passwords.hash_new(password, own_words=words, beside_second=beside)
        now = self.clock.now()
        with self.database.write() as connection:
            account = lock_account(connection, flow.account_id)  # 5
            if account is None or not self._still_may(connection, flow, account, chosen):
                self._record(connection, "login:reset:overtaken", flow, account, visitor.origin, now)
                return Stay(CHANGED_MEANWHILE, status=409)
            return self._replace(connection, flow, account, chosen, visitor, now)

    def _replace(
        self, connection: Connection, flow: Flow, account: Account, chosen: Chosen, visitor: Visitor, now: datetime
    ) -> Go | Stay:
        origin, stronger = visitor.origin, self._stronger(connection, account.id)
        answered = not stronger and self._mailbox_counts(connection, flow, account, now)  # 4
        guarded_at = None if answered else account.guarded_at or (now if stronger else None)
        after = replace(account, password_reset_at=now, guarded_at=guarded_at)
        device = self.arrivals.device(connection, visitor, account, now)
        if self._denied(connection, after, device, origin, now):  # 2
            return self.arrivals.decide(connection, flow, Arrival(after, {}, device, None, origin), "password", now)
        replaced = self.passwords.replace(connection, account.id, chosen, flow_id=flow.id, now=now)  # 3
        assert replaced is not None, "the account had a password and is locked"
        note_password_reset(connection, account.id, now, guard=guarded_at == now)
        if answered:
            lift_guard(connection, account.id)
        ended = self.sessions.end_all(connection, account.id, reason="password_reset", origin=origin, now=now)
        for address in list_addresses(connection, account.id):
            self.passwords.reopen(connection, address.email)
        head = self.flows.letterhead_of(connection, flow)
        kind = AlertKind.PASSWORD_RESET
        self.alerts.send(connection, account.id, kind, origin=origin, now=now, letterhead=head)
        self.audit.record(
            connection,
            "login:reset:completed",
            now=now,
            account_id=account.id,
            origin=origin,
            facts={"flow": flow.id, "sessions_ended": ended, "second_factor": stronger},
        )
        proofs = {ProofKind.PASSWORD: now}  # choosing it says as much as typing it on the next page would
        others = self.sessions.find_live(connection, visitor.session_secret, now=now)  # somebody else's in this browser
        arrival = Arrival(after, proofs, device, others, origin, password_version=replaced.version)
        return self.arrivals.decide(connection, flow, arrival, "password", now)

    def _send(self, connection: Connection, flow: Flow, address: str, account: Account | None, now: datetime) -> None:
        head, purpose = self.flows.letterhead_of(connection, flow), CodePurpose.RESET
        has_password = account is not None and self.passwords.find(connection, account.id) is not None
        instead = None if account and account.is_active and has_password else _no_code(account)  # 1
        self.codes.send(
            connection, flow_id=flow.id, email=address, purpose=purpose, now=now, letterhead=head, instead=instead
        )

    def _still_may(self, connection: Connection, flow: Flow, account: Account, chosen: Chosen) -> bool:
        """The account is open, has a password, the proven address is still its own, and what made 8 enough is there."""
        mine = any(address.email == flow.email for address in list_addresses(connection, account.id))
        beside = not chosen.beside or self._beside_second(connection, account.id)
        return account.is_active and mine and beside and self.passwords.find(connection, account.id) is not None

    def _denied(
        self, connection: Connection, account: Account, device: DeviceFacts, origin: Origin, now: datetime
    ) -> bool:
        context = self.risk.gather(
            connection,
            trigger="password",
            account=account,
            first_factor=Level.PWD,
            device=device,
            origin=origin,
            typing=None,
            password_version=None,
            action=Action.RESET,
            now=now,
        )
        return self.risk.decide(context).decision is Outcome.DENY

    def _mailbox_counts(self, connection: Connection, flow: Flow, account: Account, now: datetime) -> bool:
        """Return whether a code to the mailbox would have answered the account's guard, before this reset."""
        (address,) = (each for each in list_addresses(connection, account.id) if each.email == flow.email)
        owned = Owned(
            (ProofKind.PASSWORD, ProofKind.EMAIL_CODE),
            address.verified_at,
            address.verified_at_sign_up,
            account.password_reset_at,
            account.address_changed_at,
        )
        return mailbox_counts(owned, now=now)

    def _beside_second(self, connection: Connection, account_id: str) -> bool:
        return stands_beside(owned_kinds(self.factors, connection, account_id))

    def _stronger(self, connection: Connection, account_id: str) -> bool:
        """Return whether the account has a second factor that a sign-in can ask for."""
        return highest_demand(owned_kinds(self.factors, connection, account_id)) > Level.PWD_EMAIL

    def _record(
        self, connection: Connection, tag: str, flow: Flow, account: Account | None, origin: Origin, now: datetime
    ) -> None:
        personal: Mapping[str, str] | None = {"email": flow.email} if flow.email else None
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=account.id if account else None,
            origin=origin,
            facts={"flow": flow.id},
            personal=dict(personal) if personal else None,
        )


def _no_code(account: Account | None) -> str:
    """Return the kind of mail that says why there is none."""
    if account is None:
        return "no_code_reset_unknown"
    return "no_code_reset_no_password" if account.is_active else "no_code_reset_closed"
