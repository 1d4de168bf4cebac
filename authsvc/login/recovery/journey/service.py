"""Recover an account, step by step, in a flow of its own that belongs to one browser.

    address ─▶ code from the mailbox ─▶ (recovery code | wait, and come back) ─▶ one new factor ─▶ sign in

1. An address that nobody has, or whose account is locked, gets the same page at the same cost; its owner gets a mail.
2. What the account has is told only to whoever has proven the mailbox, and the address must still be its own.
3. The recovery is used up by one statement, together with everything that follows from it, or not at all:
   every factor is removed, one new one is kept, every session ends, the owner hears of it.
4. Nobody is signed in by it: the new factor is, by a sign-in that risk looks at like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.devices.service import Devices
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import (
    Account,
    find_account_by_email,
    get_account,
    list_addresses,
    list_roles,
    lock_account,
    note_recovered,
)
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict, NotAllowed
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.budget import budget_of
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.factor import TypedFactor
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.factors.password.rules import MAX_TYPED
from authsvc.factors.password.service import Passwords
from authsvc.login.mailbox.service import MailboxProof
from authsvc.login.recovery.rules import Pending, Standing, may_set_password, standing
from authsvc.login.recovery.service import Recoveries
from authsvc.login.service import FlowPurpose, Flows, belongs_to, out_of_step
from authsvc.login.sign_in.service import PASSKEY_REFUSED
from authsvc.login.steps import RECOVERY_KIND, Go, Stay, recovery_page_of
from authsvc.login.store import Flow, find_flow
from authsvc.login.transitions import Event, State
from authsvc.login.visitor import Visitor

CLIENT_NAME = "your account"
DONE = "/login/recovery/done"
NOT_OPEN = "This recovery was stopped, or is not open yet."


@dataclass(frozen=True)
class View:
    """What the page shows to whoever has proven the mailbox."""

    standing: Standing
    pending: Pending | None
    wait: timedelta
    has_codes: bool
    may_set_password: bool
    email: str
    min_length: int


@dataclass(frozen=True)
class RecoveryJourney:
    """The use cases behind the pages."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    sessions: Sessions
    devices: Devices
    mailbox: MailboxProof
    codes: EmailCodes
    passwords: Passwords
    passkeys: Passkeys
    recovery_codes: TypedFactor
    recoveries: Recoveries

    def begin_flow(self, came_from: str, *, browser: str, origin: Origin) -> Flow:
        """Begin the flow of a recovery. Raises TooMany: the address begins too many flows.

        Args: came_from is the browser's own flow from which somebody came here, or empty. The recovery keeps the look
        of its shop, and nothing else of it.
        """
        self.limits.spend("flow_per_address", origin.source)
        purpose = FlowPurpose(RECOVERY_KIND, CLIENT_NAME, Level.NONE, client_id=self._shop_of(came_from, browser))
        return self.flows.begin(purpose, browser=browser, origin=origin)

    def begin(self, flow: Flow, *, email: str, visitor: Visitor) -> Go:
        """Mail a code to the address.

        Raises:
            BadInput: it can't be an address.
            TooMany: too many recoveries from here, or too many codes to this address.
        """
        origin = visitor.origin
        self.limits.spend("recovery_per_address", origin.source)
        address = normalise(email)
        self.mailbox.spend_mail(address, visitor)
        now = self.clock.now()
        with self.database.write() as connection:
            self.flows.move(connection, flow, Event.RECOVERY_BEGUN, now=now, email=address)
            account = find_account_by_email(connection, address)
            head, purpose = self.flows.letterhead_of(connection, flow), CodePurpose.RECOVERY
            instead = None if account and account.is_active else _no_code(account)  # 1
            self.codes.send(
                connection, flow_id=flow.id, email=address, purpose=purpose, now=now, letterhead=head, instead=instead
            )
            self._record(connection, "login:recovery:code_sent", flow, account, origin, now)
        return Go(recovery_page_of(flow.id))

    def resend(self, flow: Flow, *, visitor: Visitor) -> Go:
        """Send another code; the earlier one is worth nothing then."""
        if flow.state is not State.RECOVERY_CODE or flow.email is None:
            raise out_of_step()
        return self.begin(flow, email=flow.email, visitor=visitor)

    def check_code(self, flow: Flow, *, typed: str, visitor: Visitor) -> Go | Stay:
        """Prove the mailbox."""
        origin, address = visitor.origin, self.mailbox.spend_try(flow, typed, visitor, at=State.RECOVERY_CODE)
        now = self.clock.now()
        with self.database.write() as connection:
            tried = self.mailbox.try_code(connection, flow, address, typed, CodePurpose.RECOVERY, now)
            account = tried.account
            if account is None or not tried.right or not account.is_active:
                self._record(connection, "login:recovery:code_wrong", flow, account, origin, now)
                return Stay(tried.error)
            proofs = {ProofKind.EMAIL_CODE: now}
            moved = self.flows.move(
                connection, flow, Event.MAILBOX_PROVEN, now=now, account_id=account.id, proofs=proofs
            )
            self._record(connection, "login:recovery:mailbox_proven", moved, account, origin, now)
        return Go(recovery_page_of(flow.id))

    def view(self, flow: Flow, *, device_cookie: str | None) -> View:
        """Return what the page shows. Raises NotAllowed: `recovery.address_gone`."""
        now = self.clock.now()
        with self.database.read() as connection:
            account = self._account(connection, flow)
            kinds = self.recoveries.kinds(connection, account.id)
            pending, stands = self._standing(connection, flow, account, kinds, now)
            device = self.devices.recognise(connection, device_cookie, account_id=account.id, now=now)
            wait = self.recoveries.wait(connection, account, device, now=now)
            has_role = bool(list_roles(connection, account.id))
        return View(
            stands,
            pending,
            wait,
            ProofKind.RECOVERY_CODE in kinds,
            may_set_password(kinds, has_role=has_role),
            flow.email or "",
            self.passwords.settings.min_length,
        )

    def with_recovery_code(self, flow: Flow, *, typed: str, origin: Origin) -> Go | Stay:
        """Try a recovery code: the right one is spent, and this flow need not wait.

        Raises:
            TooMany: too many were tried from here, or for this account.
            NotAllowed: `recovery.not_possible`: the account has no such code, or the operator has to start it.
        """
        self.limits.spend("code_per_address", origin.source)
        if flow.state is not State.RECOVERY or flow.account_id is None:
            raise out_of_step()
        self.limits.spend("code_per_account", budget_of(flow.account_id, mailbox=True))
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._account(connection, flow)
            kinds = self.recoveries.kinds(connection, account.id)
            _, stands = self._standing(connection, flow, account, kinds, now)
            if ProofKind.RECOVERY_CODE not in kinds or stands not in (Standing.CHOICE, Standing.WAITING):
                raise _not_possible()
            check = self.recovery_codes.check(connection, account.id, typed, origin=origin, now=now)
            if not check.right:
                return Stay(check.error, retry_after_s=check.retry_after_s)
            self.recoveries.start(connection, account, by="customer", origin=origin, now=now)
            self.recoveries.open_by_code(connection, account.id, flow.id, now=now)
            self._record(connection, "login:recovery:code_shown", flow, account, origin, now)
        return Go(recovery_page_of(flow.id))

    def start(self, flow: Flow, *, visitor: Visitor) -> Go:
        """Start the wait. A second time changes nothing.

        Raises:
            NotAllowed: `recovery.not_possible`.
            TooMany: recoveries of this account were started too often.
        """
        origin, now = visitor.origin, self.clock.now()
        self.limits.spend("recovery_per_address", origin.source)
        if flow.state is not State.RECOVERY:
            raise out_of_step()
        with self.database.read() as connection:
            account = self._account(connection, flow)
            kinds = self.recoveries.kinds(connection, account.id)
            _, stands = self._standing(connection, flow, account, kinds, now)
        if stands in (Standing.WAITING, Standing.OPEN):
            return Go(recovery_page_of(flow.id))
        if stands is not Standing.CHOICE:
            raise _not_possible()
        self.limits.spend("recovery_per_account", account.id)
        with self.database.write() as connection:
            account = self._account(connection, flow)
            device = self.devices.recognise(connection, visitor.device_cookie, account_id=account.id, now=now)
            head = self.flows.letterhead_of(connection, flow)
            self.recoveries.start(
                connection, account, by="customer", device=device, origin=origin, now=now, letterhead=head
            )
        return Go(recovery_page_of(flow.id))

    def passkey_options(self, flow: Flow, *, origin: Origin) -> dict[str, Any]:
        """Begin the registration of the new passkey."""
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._recovering(connection, flow, now)
            return self.passkeys.begin_registration(
                connection,
                flow_id=flow.id,
                user_handle=account.user_handle,
                email=flow.email or "",
                display_name=account.display_name,
                now=now,
            )

    def with_passkey(self, flow: Flow, *, credential: Mapping[str, Any], origin: Origin) -> Go | Stay:
        """Finish with a new passkey."""
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._recovering(connection, flow, now)
            outcome = self.passkeys.finish_registration(connection, credential, flow_id=flow.id, origin=origin, now=now)
            if isinstance(outcome, Refused):
                return Stay(PASSKEY_REFUSED)
            if not self._finish(connection, flow, account, origin, now, by=ProofKind.PASSKEY):
                return self._too_late(connection, flow, account, origin, now)
            kept = self.passkeys.keep(connection, account.id, outcome.registered, origin=origin, now=now)
            if isinstance(kept, Refused):
                raise Conflict(kept.code, PASSKEY_REFUSED)  # nothing of the recovery has happened then
        return Go(DONE)

    def with_password(self, flow: Flow, *, password: str, origin: Origin) -> Go | Stay:
        """Finish with a new password, where the account had one.

        Raises:
            BadInput: the password can't be accepted, and why.
            NotAllowed: `recovery.not_open`, `recovery.passkey_needed`.
        """
        self.limits.spend("sign_in_per_address", origin.source)
        now = self.clock.now()
        with self.database.read() as connection:
            account = self._recovering(connection, flow, now)
            kinds = self.recoveries.kinds(connection, account.id)
            if not may_set_password(kinds, has_role=bool(list_roles(connection, account.id))):
                raise NotAllowed("recovery.passkey_needed", "This account needs a new passkey.")
        if len(password) > MAX_TYPED:
            raise BadInput("password.too_long", f"Please use at most {self.passwords.settings.max_length} characters.")
        email = flow.email or ""
        chosen = self.passwords.hash_new(password, own_words=(email, email.partition("@")[0], account.display_name))
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._account(connection, flow)
            if not self._finish(connection, flow, account, origin, now, by=ProofKind.PASSWORD):
                return self._too_late(connection, flow, account, origin, now)
            self.passwords.set_first(connection, account.id, chosen, origin=origin, now=now)
        return Go(DONE)

    def _finish(
        self, connection: Connection, flow: Flow, account: Account, origin: Origin, now: datetime, *, by: ProofKind
    ) -> bool:
        """Use the recovery up and do what follows from it; False when it is not this flow's to finish now."""
        lock_account(connection, account.id)
        used = self.recoveries.finish(connection, account.id, flow.id, now=now)  # 3
        if used is None:
            return False
        self.flows.move(connection, flow, Event.RECOVERED, now=now)
        removed = {
            each.kind.value: each.remove_all(connection, account.id, origin=origin, now=now)
            for each in self.recoveries.factors
        }
        ended = self.sessions.end_all(connection, account.id, reason="recovered", origin=origin, now=now)
        note_recovered(connection, account.id, now, by_password=by is ProofKind.PASSWORD)
        for address in list_addresses(connection, account.id):
            self.passwords.reopen(connection, address.email)
        kind, head = AlertKind.RECOVERED, self.flows.letterhead_of(connection, flow)
        self.recoveries.alerts.send(connection, account.id, kind, origin=origin, now=now, letterhead=head)
        facts = {
            "recovery": used.id,
            "by": used.started_by,
            "factor": by.value,
            "code_shown": used.code_flow_id == flow.id,
            "removed": removed,
            "sessions_ended": ended,
        }
        self.audit.record(
            connection, "login:recovery:finished", now=now, account_id=account.id, origin=origin, facts=facts
        )
        return True

    def _too_late(self, connection: Connection, flow: Flow, account: Account, origin: Origin, now: datetime) -> Stay:
        self._record(connection, "login:recovery:too_late", flow, account, origin, now)
        return Stay(NOT_OPEN, status=409, code="recovery.not_open")

    def _recovering(self, connection: Connection, flow: Flow, now: datetime) -> Account:
        """Return the account whose recovery this flow may finish. Raises NotAllowed: `recovery.not_open`."""
        account = self._account(connection, flow)
        kinds = self.recoveries.kinds(connection, account.id)
        _, stands = self._standing(connection, flow, account, kinds, now)
        if stands is not Standing.OPEN:
            raise NotAllowed("recovery.not_open", NOT_OPEN)
        return account

    def _shop_of(self, flow_id: str, browser: str) -> str | None:
        with self.database.read() as connection:
            flow = find_flow(connection, flow_id) if flow_id else None
        return flow.client_id if flow is not None and belongs_to(flow, browser) else None

    def _account(self, connection: Connection, flow: Flow) -> Account:
        """Return the flow's account, while the proven address is still its own."""
        if flow.state is not State.RECOVERY or flow.account_id is None:
            raise out_of_step()
        account = get_account(connection, flow.account_id)
        own = any(each.email == flow.email for each in list_addresses(connection, account.id))
        if not own or not account.is_active:  # 2
            raise NotAllowed("recovery.address_gone", "This address does not open the account any more.")
        return account

    def _standing(
        self, connection: Connection, flow: Flow, account: Account, kinds: frozenset[ProofKind], now: datetime
    ) -> tuple[Pending | None, Standing]:
        pending = self.recoveries.pending(connection, account.id)
        has_role = bool(list_roles(connection, account.id))
        return pending, standing(kinds, has_role=has_role, pending=pending, flow_id=flow.id, now=now)

    def _record(
        self,
        connection: Connection,
        tag: str,
        flow: Flow,
        account: Account | None,
        origin: Origin,
        now: datetime,
    ) -> None:
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=account.id if account else None,
            origin=origin,
            facts={"flow": flow.id},
            personal=None if account or not flow.email else {"tried": flow.email},
        )


def _no_code(account: Account | None) -> str:
    """Return the kind of mail that says why there is none."""
    return "no_code_recovery_unknown" if account is None else "no_code_recovery_closed"


def _not_possible() -> NotAllowed:
    return NotAllowed("recovery.not_possible", "This account can't be recovered that way.")
