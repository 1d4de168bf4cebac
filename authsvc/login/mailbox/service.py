"""Prove the mailbox of an address that somebody typed, before anything else is shown: a reset and a recovery begin so.

1. A mail, and a guess at its code, are paid for by the address; in a browser that its account knows, from a budget of
   its own (factors/email_code/budget.py). Each try is paid for by the visitor's network address too.
2. A code is tried where its flow is at that step, for its own purpose, and spent if it is right.
3. Whether somebody has an account at the address makes no difference to what is spent, computed or said.

What a right code leads to, and what is recorded, is the caller's to say, in the transaction in which it is tried.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.devices.service import Devices
from authsvc.accounts.store import Account, find_account_by_email
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.limits import Limits
from authsvc.factors.email_code.budget import budget_of, is_guess
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.login.service import out_of_step
from authsvc.login.sign_up.service import NO_TRIES_LEFT, WRONG_CODE
from authsvc.login.store import Flow
from authsvc.login.transitions import State
from authsvc.login.visitor import Visitor


@dataclass(frozen=True)
class MailboxTry:
    """What came of a typed code: whether it was right, and what the page says where it proves nothing."""

    account: Account | None  # at the address
    right: bool
    error: str


@dataclass(frozen=True)
class MailboxProof:
    """Spends what mails and tries cost, and tries codes."""

    database: Database
    clock: Clock
    limits: Limits
    codes: EmailCodes
    devices: Devices

    def spend_mail(self, address: str, visitor: Visitor) -> None:  # 1
        """Raises TooMany: too many mails to this address."""
        self.limits.spend("mail_per_recipient", self._budget(address, visitor))

    def spend_try(self, flow: Flow, typed: str, visitor: Visitor, *, at: State) -> str:  # 1, 2
        """Return the address that the code is to prove.

        Raises:
            TooMany: too many tries from here, or too many guesses at this address.
            Conflict: `flow.out_of_step`: the flow is not at the step where a code is typed.
        """
        self.limits.spend("code_per_address", visitor.origin.source)
        if flow.state is not at or flow.email is None:
            raise out_of_step()
        if is_guess(typed):
            self.limits.spend("code_per_account", self._budget(flow.email, visitor))
        return flow.email

    def try_code(
        self, connection: Connection, flow: Flow, address: str, typed: str, purpose: CodePurpose, now: datetime
    ) -> MailboxTry:  # 2, 3
        """Try a code. Args: typed is the code, or what the link carries."""
        account = find_account_by_email(connection, address)
        check = self.codes.check(connection, typed, flow_id=flow.id, email=address, purpose=purpose, now=now)
        return MailboxTry(account, check.right, WRONG_CODE if check.tries_left else NO_TRIES_LEFT)

    def _budget(self, address: str, visitor: Visitor) -> str:
        return budget_of(address, known_device=self._known_device(address, visitor.device_cookie))

    def _known_device(self, address: str, cookie: str | None) -> str | None:
        """Return the id of the visitor's device, where the account with this address knows it."""
        with self.database.read() as connection:
            account = find_account_by_email(connection, address)
            if account is None or cookie is None:
                return None
            device = self.devices.recognise(connection, cookie, account_id=account.id, now=self.clock.now())
        return device.device_id if device.known else None
