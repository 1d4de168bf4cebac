"""Verify and set passwords. The slow part runs in a lane, with no transaction open."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.core.audit.service import Audit
from authsvc.core.lanes import ThreadLane
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import Keyring
from authsvc.factors.factor import Exported, Way
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.lockout import OTHER_BROWSERS
from authsvc.factors.password.rules import check_new
from authsvc.factors.password.store import (
    Claim,
    Password,
    claim_attempt,
    clear_failures,
    delete_password,
    find_password,
    insert_password,
    rehash,
)
from authsvc.settings import PasswordSettings


@dataclass(frozen=True)
class Passwords:
    """The password factor. The caller is admitted to `lane` before it calls verify or hash."""

    settings: PasswordSettings
    hasher: Hasher
    lane: ThreadLane
    keyring: Keyring
    audit: Audit

    kind = ProofKind.PASSWORD

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        stored = find_password(connection, account_id)
        return (Way("password", self.kind, "Password", "", stored.changed_at),) if stored else ()

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        if not delete_password(connection, account_id):
            return 0
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
        clear_failures(connection, self._index(email), *{known_device or OTHER_BROWSERS, OTHER_BROWSERS})

    def reopen(self, connection: Connection, email: str) -> None:
        """The owner has shown up by a passkey, a known device or the mailbox: other browsers may try again."""
        clear_failures(connection, self._index(email), OTHER_BROWSERS)

    def verify(self, stored: Password | None, typed: str) -> bool:
        """Return whether the typed password is right; costs one hash whoever it is for."""
        return self.lane.run(self.hasher.verify, stored.hash if stored else None, typed)

    def hash_new(self, typed: str, *, own_words: tuple[str, ...]) -> str:
        """Check and hash a password that somebody chose. Raises BadInput (rules.py)."""
        check_new(typed, min_length=self.settings.min_length, max_length=self.settings.max_length, own_words=own_words)
        return self.lane.run(self.hasher.hash, typed)

    def set_first(
        self, connection: Connection, account_id: str, hashed: str, *, origin: Origin, now: datetime
    ) -> Password:
        """Give an account its first password."""
        password = Password(account_id, hashed, 1, now)
        insert_password(connection, password)
        self.audit.record(connection, "password:factor:added", now=now, account_id=account_id, origin=origin)
        return password

    def outdated(self, stored: Password) -> bool:
        return self.hasher.outdated(stored.hash)

    def rehashed(self, typed: str) -> str:
        """Hash a password that was just verified once more, with today's parameters."""
        return self.lane.run(self.hasher.hash, typed)

    def keep_rehash(self, connection: Connection, stored: Password, new_hash: str) -> None:
        rehash(connection, stored.account_id, stored.hash, new_hash)

    def _index(self, email: str) -> bytes:
        return self.keyring.index("password-failures", email)
