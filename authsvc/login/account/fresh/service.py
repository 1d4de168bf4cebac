"""The fresh proof that a sensitive change of one's own account takes (security.md, "Fresh proof").

Adding or removing a factor, changing password or address, new recovery codes, download and deletion:
1. there is a live session, of an active account;
2. the account is not a password alone that was reset by mail within the last 24 hours: whoever holds the mailbox set
   that password, so it proves the mailbox and nothing more;
3. the proofs of the session's last 10 minutes reach, alone, the highest level that the account's factors reach.
Where 3 fails a flow asks the session's own account for the missing proof, at once, and leads back.

The mailbox is not counted among an account's factors: every account has one. Nor are recovery codes, which are for the
day on which the rest is lost, nor a face, which nobody has to show.
Recovery is the one exception, and does not come here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from authsvc.accounts.levels import Level, ProofKind, proven_within
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import Account, find_account, list_addresses, lock_account
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotAllowed, NotSignedIn
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.factor import Factor
from authsvc.factors.service import highest_demand, owned_kinds
from authsvc.login.account.places import Place, kept
from authsvc.login.service import FlowPurpose, Flows
from authsvc.login.store import Flow
from authsvc.login.transitions import State

FRESH = timedelta(minutes=10)
CLOSED_AFTER_RESET = timedelta(hours=24)
ACCOUNT_NAME = "your account"


@dataclass(frozen=True)
class Owner:
    """Somebody at their own pages."""

    session: Session
    account: Account

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id


@dataclass(frozen=True)
class FreshProof:
    """Tells who is signed in, and asks for a fresh proof. `factors` is app.py's tuple."""

    database: Database
    clock: Clock
    limits: Limits
    flows: Flows
    sessions: Sessions
    factors: tuple[Factor, ...]

    def owner(self, connection: Connection, secret: str | None, *, now: datetime) -> Owner:
        """Return who is behind the session's secret. Raises NotSignedIn: `account.not_signed_in`."""
        session = self.sessions.find_live(connection, secret, now=now)
        account = find_account(connection, session.account_id) if session else None
        if session is None or account is None or not account.is_active:  # 1
            raise NotSignedIn("account.not_signed_in", "Please sign in first.")
        return Owner(session, account)

    def require(self, connection: Connection, secret: str | None, *, now: datetime) -> Owner:
        """Return the owner, who has just proven that it is them: see the module's list.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            NotAllowed: `account.closed_after_reset`: wait; `account.proof_needed`: `begin` asks for it.
        """
        owner = self.owner(connection, secret, now=now)
        highest = self.highest(connection, owner.id)
        if self.closed_until(owner.account, highest, now=now) is not None:  # 2
            raise NotAllowed(
                "account.closed_after_reset",
                "Your password was reset by mail less than 24 hours ago. Please come back later.",
            )
        if proven_within(owner.session.proofs, now=now, window=FRESH) < highest:  # 3
            raise NotAllowed("account.proof_needed", "Please prove once more that it is you.")
        return owner

    def hold(self, connection: Connection, secret: str | None, *, now: datetime) -> Owner:
        """Return the owner as `require` does, and keep the account locked, for whoever is about to change it.

        The proof is looked at after the lock: a session that "this wasn't me" ends at this moment changes nothing.
        """
        lock_account(connection, self.owner(connection, secret, now=now).id)
        return self.require(connection, secret, now=now)

    def check(self, secret: str | None) -> Owner:
        """Return the owner as `require` does, for a page that only shows what needs the proof."""
        with self.database.read() as connection:
            return self.require(connection, secret, now=self.clock.now())

    def kinds(self, connection: Connection, account_id: str) -> frozenset[ProofKind]:
        """Return the kinds of proof that the account has, but for the mailbox."""
        return frozenset(owned_kinds(self.factors, connection, account_id)) - {ProofKind.EMAIL_CODE}

    def highest(self, connection: Connection, account_id: str) -> Level:
        """Return the highest level that is asked of the account's factors."""
        return highest_demand(self.kinds(connection, account_id))

    def closed_until(self, account: Account, highest: Level, *, now: datetime) -> datetime | None:
        """Return until when sensitive changes are closed after a reset by mail; None when they are open."""
        if account.password_reset_at is None or highest > Level.PWD:
            return None
        until = account.password_reset_at + CLOSED_AFTER_RESET
        return until if now < until else None

    def begin(self, secret: str | None, place: Place, *, row: str = "", browser: str, origin: Origin) -> Flow:
        """Begin the flow that asks the signed-in account for what is missing, and leads to `place`.

        A passkey is asked for at once; else the password, and the flow's ladder asks for what is missing beyond it.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            TooMany: the address begins too many flows.
        """
        self.limits.spend("flow_per_address", origin.source)
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.owner(connection, secret, now=now)
            kinds = self.kinds(connection, owner.id)
            addresses = list_addresses(connection, owner.id)
        purpose = FlowPurpose(
            "account",
            ACCOUNT_NAME,
            highest_demand(kinds),
            params=kept(place, row),
            login_hint=addresses[0].email if addresses else None,
        )
        start = State.STEP_UP if ProofKind.PASSKEY in kinds else State.IDENTIFY
        return self.flows.begin(purpose, browser=browser, session=owner.session, origin=origin, confirms=start)

    def begin_sign_in(self, place: Place, *, row: str = "", browser: str, origin: Origin) -> Flow:
        """Begin a sign-in that ends at `place`. Raises TooMany: the address begins too many flows."""
        self.limits.spend("flow_per_address", origin.source)
        purpose = FlowPurpose("account", ACCOUNT_NAME, Level.PWD, params=kept(place, row))
        return self.flows.begin(purpose, browser=browser, origin=origin)
