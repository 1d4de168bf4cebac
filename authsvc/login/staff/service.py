"""Invite an analyst by a one-time link, and begin the console's sign-ins.

An invitation grants a role to whoever completes the sign-up it begins: address proven, passkey made. It is spent by a
button, not by opening the link (mail scanners open links), and lives for a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authsvc.accounts.levels import Level
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import (
    consume_invitation,
    find_account,
    find_invitation_role,
    insert_invitation,
)
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Gone
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.login.service import FlowPurpose, Flows
from authsvc.login.store import Flow

INVITATION_TTL = timedelta(days=1)
CONSOLE_NAME = "the security console"


@dataclass(frozen=True)
class Member:
    """An analyst at work."""

    account_id: str
    display_name: str
    session_id: str


@dataclass(frozen=True)
class Staff:
    """Invitations and staff sessions."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    flows: Flows
    sessions: Sessions
    issuer: str

    def invite(self, role: str) -> str:
        """Return a fresh one-time link that grants `role`; who runs the command line is the operator."""
        secret, now = new_secret(), self.clock.now()
        invitation_id = new_id("inv")
        with self.database.write() as connection:
            insert_invitation(
                connection,
                invitation_id=invitation_id,
                token_hash=hash_secret(secret),
                role=role,
                now=now,
                expires_at=now + INVITATION_TTL,
            )
            facts = {"invitation": invitation_id, "role": role}
            self.audit.record(connection, "login:invitation:made", now=now, facts=facts)
        return f"{self.issuer}/enrol?token={secret}"

    def look(self, token: str, *, origin: Origin) -> str:
        """Return the role an invitation grants; looking changes nothing. Raises Gone: `invitation.spent`."""
        self.limits.spend("code_per_address", origin.source)
        with self.database.read() as connection:
            role = find_invitation_role(connection, hash_secret(token), self.clock.now())
        if role is None:
            raise _spent()
        return role

    def accept(self, token: str, *, browser: str, origin: Origin) -> Flow:
        """Spend an invitation and begin the sign-up that earns its role. Raises Gone: `invitation.spent`."""
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            spent = consume_invitation(connection, hash_secret(token), now)
            if spent is None:
                raise _spent()
            invitation_id, role = spent
            self.audit.record(
                connection,
                "login:invitation:spent",
                now=now,
                origin=origin,
                facts={"invitation": invitation_id, "role": role},
            )
        purpose = FlowPurpose("console", CONSOLE_NAME, Level.PHR, grant_role=role)
        return self.flows.begin(purpose, browser=browser, origin=origin)

    def begin_sign_in(self, *, browser: str, origin: Origin) -> Flow:
        """Begin a sign-in to the console: a passkey, whatever risk says."""
        self.limits.spend("flow_per_address", origin.source)
        return self.flows.begin(FlowPurpose("console", CONSOLE_NAME, Level.PHR), browser=browser, origin=origin)

    def find(self, secret: str | None, *, now: datetime) -> Member | None:
        """Return who is at work behind a console cookie."""
        with self.database.read() as connection:
            session = self.sessions.find_live(connection, secret, kind="staff", now=now)
            account = find_account(connection, session.account_id) if session else None
        if session is None or account is None or not account.is_active:
            return None
        self._touch(session, now)
        return Member(account.id, account.display_name, session.id)

    def sign_out(self, secret: str | None, *, origin: Origin) -> None:
        """End the staff session behind a console cookie."""
        now = self.clock.now()
        with self.database.write() as connection:
            session = self.sessions.find_live(connection, secret, kind="staff", now=now)
            if session is not None:
                self.sessions.end(connection, session.id, reason="signed_out", origin=origin, now=now)

    def _touch(self, session: Session, now: datetime) -> None:
        if self.sessions.is_stale(session, now=now):
            with self.database.write() as connection:
                self.sessions.touch(connection, session, now=now)


def _spent() -> Gone:
    return Gone("invitation.spent", "This invitation was used already, or is older than a day. Ask for a new one.")
