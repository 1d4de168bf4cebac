"""What customers see and change about their own account.

Adding a factor needs a proof at most ten minutes old at the highest level the account has (security.md); where the
session's is older, a sign-in flow asks for it first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from authsvc.accounts.consents.service import WORDINGS, Consents, Purpose
from authsvc.accounts.levels import Level, ProofKind, proven_within, reachable
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import Account, find_account, list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotSignedIn
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face.service import FaceService
from authsvc.factors.passkey.service import Passkeys
from authsvc.factors.password.service import Passwords
from authsvc.login.service import Flows
from authsvc.login.service import Purpose as FlowPurpose
from authsvc.login.store import Flow

FRESH = timedelta(minutes=10)
ACCOUNT_NAME = "your account"

LEVEL_WORDS = {
    Level.NONE: "Signed in",
    Level.EMAIL: "Signed in with a code by mail",
    Level.PWD: "Signed in",
    Level.PWD_EMAIL: "Signed in with your password and a code by mail",
    Level.MFA: "Signed in with two factors",
    Level.PHR: "Signed in with a passkey",
}


@dataclass(frozen=True)
class FactorLine:
    """One way to sign in, as the page shows it."""

    name: str
    detail: str
    last_used: datetime | None


@dataclass(frozen=True)
class ConsentLine:
    """One thing a customer may allow."""

    purpose: str
    title: str
    text: str
    given: bool
    given_at: datetime | None


@dataclass(frozen=True)
class Overview:
    """Everything the page shows."""

    account: Account
    email: str
    level: str
    factors: tuple[FactorLine, ...]
    consents: tuple[ConsentLine, ...]
    face_enrolled: bool


@dataclass(frozen=True)
class OwnAccount:
    """The account page's use cases. Every method takes the session's secret: nobody acts on another's account."""

    database: Database
    clock: Clock
    limits: Limits
    flows: Flows
    sessions: Sessions
    consents: Consents
    passwords: Passwords
    passkeys: Passkeys
    face: FaceService

    def overview(self, secret: str | None) -> Overview:
        """Return what the page shows. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            session, account = self._signed_in(connection, secret, now)
            addresses = list_addresses(connection, account.id)
            factors = self._factors(connection, account.id)
            lines = tuple(self._consent_line(connection, account.id, purpose) for purpose in Purpose)
            enrolled = self.face.template_exists(connection, account.id)
        level = LEVEL_WORDS[self.sessions.level(session, now=now)]
        if self.sessions.is_stale(session, now=now):
            with self.database.write() as connection:
                self.sessions.touch(connection, session, now=now)
        return Overview(account, addresses[0].email if addresses else "", level, factors, lines, enrolled)

    def change_consent(self, secret: str | None, purpose: Purpose, *, give: bool, origin: Origin) -> None:
        """Give a consent, or take it back and delete what was kept under it. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.write() as connection:
            _, account = self._signed_in(connection, secret, now)
            if give:
                self.consents.give(connection, account.id, purpose, origin=origin, now=now)
            else:
                self.consents.withdraw(connection, account.id, purpose, origin=origin, now=now)

    def begin_face_enrolment(self, secret: str | None, *, browser: str, origin: Origin) -> Flow:
        """Return a flow to enrol in: ready where the session's proof is fresh enough, else one that asks for it.

        Raises:
            NotSignedIn: nobody is signed in.
            TooMany: the address begins too many flows.
        """
        self.limits.spend("flow_per_address", origin.source)
        now = self.clock.now()
        with self.database.read() as connection:
            session, account = self._signed_in(connection, secret, now)
            highest = reachable(self._kinds(connection, account.id))
        ready = proven_within(session.proofs, now=now, window=FRESH) >= highest
        purpose = FlowPurpose("face", ACCOUNT_NAME, highest)
        return self.flows.begin(purpose, browser=browser, session=session, origin=origin, ready=ready)

    def begin_sign_in(self, *, browser: str, origin: Origin) -> Flow:
        """Begin a sign-in that ends at the account page. Raises TooMany: the address begins too many flows."""
        self.limits.spend("flow_per_address", origin.source)
        return self.flows.begin(FlowPurpose("account", ACCOUNT_NAME, Level.PWD), browser=browser, origin=origin)

    def sign_out(self, secret: str | None, *, origin: Origin) -> None:
        """End the session behind a cookie, if there is one."""
        now = self.clock.now()
        with self.database.write() as connection:
            session = self.sessions.find_live(connection, secret, now=now)
            if session is not None:
                self.sessions.end(connection, session.id, reason="signed_out", origin=origin, now=now)

    def _signed_in(self, connection: Connection, secret: str | None, now: datetime) -> tuple[Session, Account]:
        session = self.sessions.find_live(connection, secret, now=now)
        account = find_account(connection, session.account_id) if session else None
        if session is None or account is None or not account.is_active:
            raise NotSignedIn("account.not_signed_in", "Please sign in first.")
        return session, account

    def _kinds(self, connection: Connection, account_id: str) -> list[ProofKind]:
        kinds = [ProofKind.PASSWORD] if self.passwords.find(connection, account_id) else []
        return kinds + ([ProofKind.PASSKEY] if self.passkeys.list(connection, account_id) else [])

    def _factors(self, connection: Connection, account_id: str) -> tuple[FactorLine, ...]:
        lines = [
            FactorLine(passkey.name, f"made on {passkey.created_at:%d %B %Y}", passkey.last_used_at)
            for passkey in self.passkeys.list(connection, account_id)
        ]
        if password := self.passwords.find(connection, account_id):
            lines.append(FactorLine("Password", f"set on {password.changed_at:%d %B %Y}", None))
        return tuple(lines)

    def _consent_line(self, connection: Connection, account_id: str, purpose: Purpose) -> ConsentLine:
        wording, given_at = WORDINGS[purpose], self.consents.given_at(connection, account_id, purpose)
        return ConsentLine(purpose.value, wording.title, wording.text, given_at is not None, given_at)
