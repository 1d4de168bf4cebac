"""The account's first page, what its owner allows, and signing out.

Every method takes the session's secret: nobody acts on another's account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.consents.service import WORDINGS, Consents, Purpose
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.store import Account, list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.origin import Origin
from authsvc.factors.face.service import FaceService
from authsvc.factors.factor import Way
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.account.sessions.store import count_live
from authsvc.login.recovery.rules import Pending
from authsvc.login.recovery.service import Recoveries

LEVEL_WORDS = {
    Level.NONE: "Signed in",
    Level.EMAIL: "Signed in with a code by mail",
    Level.PWD: "Signed in",
    Level.PWD_EMAIL: "Signed in with your password and a code by mail",
    Level.MFA: "Signed in with two factors",
    Level.PHR: "Signed in with a passkey",
}


@dataclass(frozen=True)
class ConsentLine:
    """One thing a customer may allow."""

    purpose: str
    title: str
    text: str
    given: bool
    given_at: datetime | None
    version: int
    outdated: bool  # older words were agreed to: the page asks again


@dataclass(frozen=True)
class Overview:
    """What the first page shows."""

    account: Account
    email: str
    level: str
    ways: Mapping[ProofKind, tuple[Way, ...]]
    signed_in: int
    recovery: Pending | None  # somebody asked to get in without the usual proofs
    closed_until: datetime | None  # sensitive changes are closed after a reset by mail
    face: str  # in a few words; empty where faces are not offered


@dataclass(frozen=True)
class Allowed:
    """What the page of consents shows."""

    consents: tuple[ConsentLine, ...]
    face_offered: bool


@dataclass(frozen=True)
class OwnAccount:
    """The first page's use cases."""

    database: Database
    clock: Clock
    fresh: FreshProof
    consents: Consents
    face: FaceService
    recoveries: Recoveries

    def overview(self, secret: str | None) -> Overview:
        """Return what the page shows. Raises NotSignedIn."""
        now, sessions = self.clock.now(), self.fresh.sessions
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            addresses = list_addresses(connection, owner.id)
            ways = {each.kind: each.ways(connection, owner.id) for each in self.fresh.factors}
            signed_in = count_live(connection, owner.id, sessions.settings, now=now)
            highest = self.fresh.highest(connection, owner.id)
            recovery = self.recoveries.pending(connection, owner.id)
            face = self._face(connection, owner.id)
        if sessions.is_stale(owner.session, now=now):
            with self.database.write() as connection:
                sessions.touch(connection, owner.session, now=now)
        return Overview(
            owner.account,
            addresses[0].email if addresses else "",
            LEVEL_WORDS[sessions.level(owner.session, now=now)],
            ways,
            signed_in,
            recovery,
            self.fresh.closed_until(owner.account, highest, now=now),
            face,
        )

    def allowed(self, secret: str | None) -> Allowed:
        """Return what the owner allows. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            lines = tuple(self._consent_line(connection, owner.id, purpose) for purpose in Purpose)
            return Allowed(lines, self.face.enabled)

    def change_consent(self, secret: str | None, purpose: Purpose, *, give: bool, read: int, origin: Origin) -> None:
        """Give a consent, or take it back and delete what was kept under it. Raises NotSignedIn.

        Args: read is the version of the words on the page; to older ones than today's nobody agrees.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            if give:
                self.consents.give(connection, owner.id, purpose, read=read, origin=origin, now=now)
            else:
                self.consents.withdraw(connection, owner.id, purpose, origin=origin, now=now)

    def sign_out(self, secret: str | None, *, origin: Origin) -> None:
        """End the session behind a cookie, if there is one."""
        now, sessions = self.clock.now(), self.fresh.sessions
        with self.database.write() as connection:
            session = sessions.find_live(connection, secret, now=now)
            if session is not None:
                sessions.end(connection, session.id, reason="signed_out", origin=origin, now=now)

    def _face(self, connection: Connection, account_id: str) -> str:
        if not self.face.enabled:
            return ""
        template, devices = self.face.template(connection, account_id), self.face.keys.list(connection, account_id)
        if template is not None and not self.face.is_current(template.embedder):
            return "To be enrolled again: we measure faces in a new way"
        enrolled = "Enrolled" if template is not None else "Off"
        return f"{enrolled}. {len(devices)} device{'s' if len(devices) != 1 else ''}" if devices else enrolled

    def _consent_line(self, connection: Connection, account_id: str, purpose: Purpose) -> ConsentLine:
        wording, given_at = WORDINGS[purpose], self.consents.given_at(connection, account_id, purpose)
        outdated = given_at is None and self.consents.outdated(connection, account_id, purpose)
        return ConsentLine(
            purpose.value, wording.title, wording.text, given_at is not None, given_at, wording.version, outdated
        )
