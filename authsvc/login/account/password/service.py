"""Change, add and remove the password of one's own account. All three take a fresh proof.

The current password is not asked for beside the new one: where the password is all there is, the fresh proof was that
password; where there is more, the proof was stronger. Changing it ends the other sessions, unless their owner unticks
the box; removing it ends those that rest on it. The last way in can't be removed.
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
from authsvc.factors.passkey.service import Passkeys
from authsvc.factors.password.own_words import own_words
from authsvc.factors.password.rules import stands_beside
from authsvc.factors.password.service import Passwords
from authsvc.login.account.fresh.service import FreshProof, Owner
from authsvc.login.account.sessions.store import list_open_ids

LAST_WAY_IN = "Your password is the only way into your account. Add a passkey first, then you can remove the password."


@dataclass(frozen=True)
class PasswordState:
    """What the page shows. `min_length` is what a new one must have."""

    email: str
    changed_at: datetime | None
    can_remove: bool
    min_length: int
    must_change: bool = False
    outgrown: bool = False  # chosen beside a second factor that is gone: it may be too short to stand alone


@dataclass(frozen=True)
class OwnPassword:
    """The page's use cases."""

    database: Database
    clock: Clock
    limits: Limits
    passwords: Passwords
    passkeys: Passkeys
    fresh: FreshProof
    service_name: str

    def show(self, secret: str | None) -> PasswordState:
        """Return what there is. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            return self._state(connection, self.fresh.owner(connection, secret, now=now))

    def open(self, secret: str | None) -> PasswordState:
        """Return what there is, to be changed or removed. Raises NotSignedIn, NotAllowed: as FreshProof.require."""
        now = self.clock.now()
        with self.database.read() as connection:
            return self._state(connection, self.fresh.require(connection, secret, now=now))

    def set(self, secret: str | None, typed: str, *, end_others: bool, origin: Origin) -> None:
        """Change the password, or add one where there is none. Admitted to the lane before.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            BadInput: `password.…`: it can't be accepted, and why.
            TooMany: the visitor's address has made us hash too often.
        """
        self.limits.spend("sign_in_per_address", origin.source)
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=self.clock.now())
            email = list_addresses(connection, owner.id)[0].email
            beside = self._beside_second(connection, owner.id)
        words = own_words(email, owner.account.display_name, self.service_name)
        chosen = self.passwords.hash_new(typed, own_words=words, beside_second=beside)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)  # as it is after the hash
            if self.passwords.find(connection, owner.id) is None:
                self.passwords.add(connection, owner.id, chosen, origin=origin, now=now)
            else:
                self.passwords.change(connection, owner.id, chosen, origin=origin, now=now)
            if end_others:
                self._end(connection, owner, list_open_ids(connection, owner.id), "password_changed", origin, now)

    def remove(self, secret: str | None, *, origin: Origin) -> None:
        """Remove the password; a second press changes nothing.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            Conflict: `account.last_way_in`.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            try:
                self.passwords.remove(
                    connection,
                    owner.id,
                    has_other=lambda: self._has_passkey(connection, owner.id),
                    origin=origin,
                    now=now,
                )
            except Conflict as problem:
                raise Conflict("account.last_way_in", LAST_WAY_IN) from problem
            resting = list_open_ids(connection, owner.id, proven=ProofKind.PASSWORD)
            self._end(connection, owner, resting, "factor_removed", origin, now)

    def _end(
        self, connection: Connection, owner: Owner, session_ids: list[str], reason: str, origin: Origin, now: datetime
    ) -> None:
        for session_id in session_ids:
            if session_id != owner.session.id:
                self.fresh.sessions.end(connection, session_id, reason=reason, origin=origin, now=now)

    def _state(self, connection: Connection, owner: Owner) -> PasswordState:
        stored = self.passwords.find(connection, owner.id)
        beside = self._beside_second(connection, owner.id)
        demands = self.passwords.demands(beside_second=beside)
        return PasswordState(
            list_addresses(connection, owner.id)[0].email,
            stored.changed_at if stored else None,
            self._has_passkey(connection, owner.id),
            demands.min_length,
            stored is not None and stored.must_change_since is not None,
            stored is not None and stored.chosen_beside and not beside,
        )

    def _has_passkey(self, connection: Connection, account_id: str) -> bool:
        return any(way.counts for way in self.passkeys.ways(connection, account_id))

    def _beside_second(self, connection: Connection, account_id: str) -> bool:
        return stands_beside(self.fresh.kinds(connection, account_id))
