"""Verify and set passwords. The slow part runs in a lane, with no transaction open.

What a new password must be says rules.py. A password that is replaced takes with it what hung on it: `drops` are run in
the same transaction (typing profiles, sign-ins half done with the old one); whoever calls ends the sessions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.errors import Busy, Conflict
from authsvc.core.lanes import ThreadLane
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import Keyring
from authsvc.factors.factor import Exported, Way
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.hibp_file import DamagedFile, HibpFile
from authsvc.factors.password.lockout import OTHER_BROWSERS
from authsvc.factors.password.opaque_string import normalised
from authsvc.factors.password.rules import MAX_TYPED, Demands, breached, check_new, too_long
from authsvc.factors.password.store import (
    Chosen,
    Claim,
    Password,
    claim_attempt,
    clear_failures,
    delete_password,
    demand_change,
    find_password,
    insert_password,
    put_password,
    rehash,
    replace_password,
)
from authsvc.settings import PasswordSettings

# Guesses that a new password must stand, as powers of ten (rules.py).
GUESSES_ALONE = 10.0
GUESSES_BESIDE = 8.0
RETRY_AFTER_S = 60

# Drops what hung on the password that is gone, in the caller's transaction: (connection, account id, the flow that
# replaces it and goes on, now).
Drop = Callable[[Connection, str, str | None, datetime], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Passwords:
    """The password factor. The caller is admitted to `lane` before it calls verify or hash."""

    settings: PasswordSettings
    hasher: Hasher
    lane: ThreadLane
    keyring: Keyring
    audit: Audit
    alerts: Alerts
    hibp: HibpFile | None = None
    drops: tuple[Drop, ...] = ()

    kind = ProofKind.PASSWORD

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        stored = find_password(connection, account_id)
        if stored is None:
            return ()
        detail = "has to be changed" if stored.must_change_since else ""
        return (Way("password", self.kind, "Password", detail, stored.changed_at),)

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        if not delete_password(connection, account_id):
            return 0
        self._drop(connection, account_id, None, now)
        self.audit.record(connection, "password:factor:removed", now=now, account_id=account_id, origin=origin)
        return 1

    def export(self, connection: Connection, account_id: str) -> Exported:
        stored = find_password(connection, account_id)
        return [{"changed_at": stored.changed_at.isoformat()}] if stored else []

    def find(self, connection: Connection, account_id: str) -> Password | None:
        return find_password(connection, account_id)

    def claim(self, connection: Connection, email: str, *, known_device: str | None, now: datetime) -> Claim:
        """Count an attempt on this address before it is made; see lockout.py."""
        return claim_attempt(connection, self._index(email), known_device or OTHER_BROWSERS, now)

    def clear(self, connection: Connection, email: str, *, known_device: str | None) -> None:
        """Forget the failures of the bucket that an attempt was claimed in; a known device opens the others too."""
        clear_failures(connection, self._index(email), known_device or OTHER_BROWSERS)

    def reopen(self, connection: Connection, email: str) -> None:
        """The owner has shown up by a passkey, a known device or the mailbox: other browsers may try again."""
        clear_failures(connection, self._index(email), OTHER_BROWSERS)

    def verify(self, stored: Password | None, typed: str) -> bool:
        """Return whether the typed password is right; costs one hash whoever it is for."""
        return self.lane.run(self.hasher.verify, stored.hash if stored else None, typed)

    def as_it_is(self, connection: Connection, stored: Password) -> Password | None:
        """Return the password as it is now; None when it is not the account's any more.

        For whoever verified it with no transaction open, and holds the account's lock by now: an old password must not
        sign in after the new one was set, nor one that was disowned meanwhile.
        """
        found = find_password(connection, stored.account_id)
        return found if found is not None and found.version == stored.version else None

    def disown(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> None:
        """Somebody else may know the password: it signs nobody in until it is replaced. The caller holds the lock.

        Sign-ins that are half done with it end. A factor that replaces it is asked for as ever; recovery, removing and
        replacing it are as they were.
        """
        if demand_change(connection, account_id, now):
            self._drop(connection, account_id, None, now)
            self.audit.record(connection, "password:factor:disowned", now=now, account_id=account_id, origin=origin)

    def too_short_alone(self, stored: Password, typed: str) -> bool:
        """Return whether a password, which was right, was chosen beside a second factor and can't do without one.

        One that was imported, or chosen when the settings asked for less, stays as it is.
        """
        return stored.chosen_beside and len(normalised(typed)) < self.settings.min_length

    def demands(self, *, beside_second: bool) -> Demands:
        """Return what is asked of a new password. Args: beside_second says that the account has a second factor."""
        if beside_second:
            shortest = min(self.settings.min_length, self.settings.min_length_beside)
            return Demands(shortest, self.settings.max_length, GUESSES_BESIDE)
        return Demands(self.settings.min_length, self.settings.max_length, GUESSES_ALONE)

    def hash_new(self, typed: str, *, own_words: tuple[str, ...], beside_second: bool = False) -> Chosen:
        """Check and hash a password that somebody chose.

        Raises:
            BadInput: `password.…`: it can't be accepted, and why (rules.py).
            Busy: `password.breaches_unreadable`: the file of breached passwords can't be read.
        """
        if len(typed) > MAX_TYPED:
            raise too_long(self.settings.max_length)
        hashed = self.lane.run(self._checked_hash, typed, own_words, self.demands(beside_second=beside_second))
        return Chosen(hashed, beside_second)

    def set_first(
        self, connection: Connection, account_id: str, chosen: Chosen, *, origin: Origin, now: datetime
    ) -> Password:
        """Give an account its first password."""
        password = Password(account_id, chosen.hash, 1, now, chosen_beside=chosen.beside)
        insert_password(connection, password)
        self.audit.record(connection, "password:factor:added", now=now, account_id=account_id, origin=origin)
        return password

    def replace(
        self, connection: Connection, account_id: str, chosen: Chosen, *, flow_id: str | None = None, now: datetime
    ) -> Password | None:
        """Put a new password in the old one's place; None when the account has none.

        The caller holds the account's lock, ends sessions, and leaves the evidence. Args: flow_id is the flow in which
        this happens, and which goes on.
        """
        replaced = replace_password(connection, account_id, chosen, now)
        if replaced is not None:
            self._drop(connection, account_id, flow_id, now)
        return replaced

    def change(
        self, connection: Connection, account_id: str, chosen: Chosen, *, origin: Origin, now: datetime
    ) -> Password:
        """The owner, who has just proven who they are, chose another password: replace it and tell every address.

        Raises:
            Conflict: `password.none`: the account has no password.
        """
        lock_account(connection, account_id)
        replaced = self.replace(connection, account_id, chosen, now=now)
        if replaced is None:
            raise Conflict("password.none", "This account has no password.")
        self._tell(connection, "password:factor:changed", AlertKind.PASSWORD_CHANGED, account_id, origin, now)
        return replaced

    def add(
        self, connection: Connection, account_id: str, chosen: Chosen, *, origin: Origin, now: datetime
    ) -> Password:
        """Give an account that signs in another way a password, and tell every address.

        Raises:
            Conflict: `password.there_already`: it has one.
        """
        lock_account(connection, account_id)
        password = Password(account_id, chosen.hash, 1, now, chosen_beside=chosen.beside)
        if not put_password(connection, password):
            raise Conflict("password.there_already", "This account has a password by now.")
        self._tell(connection, "password:factor:added", AlertKind.FACTOR_ADDED, account_id, origin, now)
        return password

    def remove(
        self, connection: Connection, account_id: str, *, has_other: Callable[[], bool], origin: Origin, now: datetime
    ) -> bool:
        """Take the password away, if there is another way in; False when there was no password.

        Args: has_other says whether there is one. It is asked after the account is locked, so that the other way
        can't be taken away at the same time.

        Raises:
            Conflict: `password.last_way`: nothing else signs in to this account.
        """
        lock_account(connection, account_id)
        if not has_other():
            raise Conflict("password.last_way", "Without its password nobody could sign in to this account any more.")
        if not self.remove_all(connection, account_id, origin=origin, now=now):
            return False
        self.alerts.send(connection, account_id, AlertKind.FACTOR_REMOVED, origin=origin, now=now)
        return True

    def outdated(self, stored: Password) -> bool:
        return self.hasher.outdated(stored.hash)

    def rehashed(self, typed: str) -> str:
        """Hash a password that was just verified once more, with today's parameters."""
        return self.lane.run(self.hasher.hash, typed)

    def keep_rehash(self, connection: Connection, stored: Password, new_hash: str) -> None:
        rehash(connection, stored.account_id, stored.hash, new_hash)

    def _checked_hash(self, typed: str, own_words: tuple[str, ...], demands: Demands) -> str:
        spelled = normalised(typed)
        check_new(spelled, demands, own_words)
        try:
            if self.hibp is not None and any(each in self.hibp for each in {typed, spelled}):
                raise breached()
        except DamagedFile as problem:
            log.error("password.breaches_unreadable", problem=str(problem))
            raise Busy(
                "password.breaches_unreadable",
                "We can't check new passwords just now. Please try again in a few minutes.",
                retry_after_s=RETRY_AFTER_S,
            ) from problem
        return self.hasher.hash(spelled)

    def _drop(self, connection: Connection, account_id: str, flow_id: str | None, now: datetime) -> None:
        for drop in self.drops:
            drop(connection, account_id, flow_id, now)

    def _tell(
        self, connection: Connection, tag: str, kind: AlertKind, account_id: str, origin: Origin, now: datetime
    ) -> None:
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin)
        self.alerts.send(connection, account_id, kind, origin=origin, now=now)

    def _index(self, email: str) -> bytes:
        return self.keyring.index("password-failures", email)
