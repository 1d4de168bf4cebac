"""Open an account to passwords again: after many wrong ones it takes one only from a device that it knows.

Its owner reads the mailbox, and shows so with a code. That signs nobody in: the page of the password comes next.
An address that nobody has is answered by the same pages; the mail says that there is no account.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.store import Account, find_account_by_email
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.budget import is_guess
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.password.service import Passwords
from authsvc.login.service import Flows, out_of_step
from authsvc.login.sign_up.service import NO_TRIES_LEFT, WRONG_CODE
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event, State


@dataclass(frozen=True)
class Unlock:
    """Opens accounts whose passwords are refused from unknown devices."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    codes: EmailCodes
    passwords: Passwords

    def begin(self, flow: Flow, *, email: str, origin: Origin) -> Go:
        """Mail a code that opens an account whose passwords are refused from unknown devices."""
        self.limits.spend("sign_up_per_address", origin.source)
        address = normalise(email)
        self.limits.spend("mail_per_recipient", address)
        now = self.clock.now()
        with self.database.write() as connection:
            self.flows.move(connection, flow, Event.UNLOCK_BEGUN, now=now, email=address)
            account = find_account_by_email(connection, address)
            head, purpose = self.flows.letterhead_of(connection, flow), CodePurpose.UNLOCK
            instead = None if account else "no_code_unlock"
            self.codes.send(
                connection, flow_id=flow.id, email=address, purpose=purpose, now=now, letterhead=head, instead=instead
            )
            self._record(connection, "login:unlock:code_sent", flow, account, origin, now)
        return Go(page_of(flow.id))

    def check_code(self, flow: Flow, *, typed: str, origin: Origin) -> Go | Stay:
        """The owner reads the mailbox: passwords from unknown devices are taken again."""
        self.limits.spend("code_per_address", origin.source)
        if flow.state is not State.UNLOCK or flow.email is None:
            raise out_of_step()
        if is_guess(typed):
            self.limits.spend("code_per_account", flow.email)
        now = self.clock.now()
        with self.database.write() as connection:
            account = find_account_by_email(connection, flow.email)
            check = self.codes.check(
                connection, typed, flow_id=flow.id, email=flow.email, purpose=CodePurpose.UNLOCK, now=now
            )
            if not check.right:
                self._record(connection, "login:unlock:code_wrong", flow, account, origin, now)
                return Stay(WRONG_CODE if check.tries_left else NO_TRIES_LEFT)
            self.passwords.reopen(connection, flow.email)
            self.flows.move(connection, flow, Event.UNLOCKED, now=now)
            self._record(connection, "login:unlock:opened", flow, account, origin, now)
        return Go(page_of(flow.id))

    def resend(self, flow: Flow, *, origin: Origin) -> Go:
        """Send another code; the earlier one is worth nothing then."""
        if flow.state is not State.UNLOCK or flow.email is None:
            raise out_of_step()
        return self.begin(flow, email=flow.email, origin=origin)

    def _record(
        self, connection: Connection, tag: str, flow: Flow, account: Account | None, origin: Origin, now: datetime
    ) -> None:
        account_id = account.id if account else flow.account_id
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts={"flow": flow.id})
