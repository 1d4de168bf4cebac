"""Set up and remove an authenticator app, and make recovery codes. All of it takes a fresh proof.

Setting up an app is two steps of one session: its secret is shown, a code from it is typed. The code proves the app, so
it raises the session: nobody is asked for a code right after they typed one.

An app is a second proof beside a password (accounts/levels.py); an account without a password has no use for one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Conflict
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.factor import TypedCheck, Way
from authsvc.factors.password.service import Passwords
from authsvc.factors.recovery_code.service import RecoveryCodes
from authsvc.factors.totp.service import Enrolment, Totp
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.store import end_waiting


@dataclass(frozen=True)
class AppState:
    """What the app's page shows."""

    way: Way | None
    has_password: bool
    codes_left: int
    lone_length: int  # the least that a password has which stands alone


@dataclass(frozen=True)
class CodesState:
    """What the page of recovery codes shows."""

    left: int
    made_at: datetime | None


@dataclass(frozen=True)
class OwnSecond:
    """The pages' use cases."""

    database: Database
    clock: Clock
    limits: Limits
    totp: Totp
    codes: RecoveryCodes
    passwords: Passwords
    fresh: FreshProof

    def app(self, secret: str | None) -> AppState:
        """Return whether an app is set up. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            return self._app(connection, owner.id)

    def open_app(self, secret: str | None) -> AppState:
        """Return the app, to be removed. Raises NotSignedIn, NotAllowed: as FreshProof.require."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            return self._app(connection, owner.id)

    def begin_app(self, secret: str | None, *, origin: Origin) -> None:
        """Make a secret to share with an app.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            Conflict: `account.password_needed`: there is no password to stand beside.
            TooMany: the visitor's address has begun too often.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            if self.passwords.find(connection, owner.id) is None:
                raise Conflict("account.password_needed", "An app is a second proof beside a password. You have none.")
            email = list_addresses(connection, owner.id)[0].email
            self.totp.begin_enrolment(connection, owner.id, session_id=owner.session.id, account_name=email, now=now)

    def app_in_setup(self, secret: str | None) -> Enrolment | None:
        """Return what this session has begun to set up. Raises NotSignedIn, NotAllowed: as FreshProof.require."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            email = list_addresses(connection, owner.id)[0].email
            return self.totp.find_enrolment(
                connection, owner.id, session_id=owner.session.id, account_name=email, now=now
            )

    def confirm_app(self, secret: str | None, typed: str, *, origin: Origin) -> tuple[TypedCheck, str | None]:
        """Check the first code; with the right one the session is raised, and its new secret returned.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            TooMany: too many codes from this address.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            check = self.totp.confirm_enrolment(
                connection, owner.id, typed, session_id=owner.session.id, origin=origin, now=now
            )
            if not check.right:
                return check, None
            proven = {ProofKind.TOTP: now}
            raised = self.fresh.sessions.raise_level(connection, owner.session, proven, origin=origin, now=now)
        return check, raised[1]

    def remove_app(self, secret: str | None, *, origin: Origin) -> None:
        """Remove the app; a second press changes nothing. Raises NotSignedIn, NotAllowed: as FreshProof.require.

        Sign-ins end that wait for a code from it: the mailbox must not finish what a short password began.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            self.totp.remove(connection, owner.id, origin=origin, now=now)
            end_waiting(connection, owner.id, None, now)

    def recovery_codes(self, secret: str | None) -> CodesState:
        """Return how many codes are left. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            ways = self.codes.ways(connection, owner.id)
            return CodesState(self.codes.remaining(connection, owner.id), ways[0].created_at if ways else None)

    def make_codes(self, secret: str | None, *, origin: Origin) -> tuple[str, ...]:
        """Make new codes, return them this once; earlier ones stop working.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            TooMany: the visitor's address has made too many.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            return self.codes.make_new_set(connection, owner.id, origin=origin, now=now)

    def _app(self, connection: Connection, account_id: str) -> AppState:
        ways = self.totp.ways(connection, account_id)
        has_password = self.passwords.find(connection, account_id) is not None
        left, alone = self.codes.remaining(connection, account_id), self.passwords.demands(beside_second=False)
        return AppState(ways[0] if ways else None, has_password, left, alone.min_length)
