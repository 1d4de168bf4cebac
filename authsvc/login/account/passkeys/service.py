"""Add, rename and remove passkeys of one's own account.

Adding and removing take a fresh proof, renaming does not: a name opens nothing. The ceremony of a new passkey belongs
to the session that began it. A passkey that was made with user verification proves its owner, and raises the session.

Removing one also ends the other sessions that rest on a passkey: which one, a session does not keep, and "I sold that
phone" must not leave its browser signed in. The last way in can't be removed; the account is locked while that is
looked at, so that two removals at once don't each count on the other one's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict, NotFound
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.factor import Way
from authsvc.factors.passkey.service import Passkeys, Refused
from authsvc.factors.password.service import Passwords
from authsvc.login.account.fresh.service import FreshProof, Owner
from authsvc.login.account.sessions.store import list_open_ids

NOT_ADDED = "That passkey could not be confirmed. Nothing was changed; please try again."
TOO_MANY = "Your account has as many passkeys as it can have. Remove one that you no longer use."
LAST_WAY_IN = (
    "This is the only way into your account. Add another passkey or a password first, then you can remove this one."
)


@dataclass(frozen=True)
class PasskeyLine:
    """One passkey as the page shows it."""

    way: Way
    provider: str | None  # who keeps it, where the name does not say it already
    icon_light: str | None
    icon_dark: str | None
    is_last_way_in: bool


@dataclass(frozen=True)
class OwnPasskeys:
    """The page's use cases."""

    database: Database
    clock: Clock
    limits: Limits
    alerts: Alerts
    passkeys: Passkeys
    passwords: Passwords
    fresh: FreshProof

    def show(self, secret: str | None) -> tuple[PasskeyLine, ...]:
        """Return the account's passkeys. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            return self._lines(connection, self.fresh.owner(connection, secret, now=now).id)

    def open(self, secret: str | None, passkey_id: str) -> PasskeyLine:
        """Return one passkey, to be removed.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            NotFound: `account.passkey_unknown`: there is none, or it is somebody else's.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            for line in self._lines(connection, owner.id):
                if line.way.id == passkey_id:
                    return line
        raise _unknown()

    def begin(self, secret: str | None, *, origin: Origin) -> dict[str, Any]:
        """Return creation options. Raises NotSignedIn, NotAllowed: as FreshProof.require; TooMany."""
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            email = list_addresses(connection, owner.id)[0].email
            return self.passkeys.begin_addition(
                connection, flow_id=owner.session.id, account=owner.account, email=email, now=now
            )

    def finish(self, secret: str | None, credential: Mapping[str, Any], *, origin: Origin) -> str | Refused | None:
        """Keep the new passkey and tell the owner; return the session's new secret where it was raised.

        A refusal is returned, so that its evidence is committed. Raises: as `begin`.
        """
        self.limits.spend("passkey_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            outcome = self.passkeys.finish_registration(
                connection, credential, flow_id=owner.session.id, account_id=owner.id, origin=origin, now=now
            )
            if isinstance(outcome, Refused):
                return outcome
            kept = self.passkeys.keep(connection, owner.id, outcome.registered, origin=origin, now=now)
            if isinstance(kept, Refused):
                return kept
            self.alerts.send(connection, owner.id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
            if not outcome.counts:
                return None
            proven = {ProofKind.PASSKEY: now}
            return self.fresh.sessions.raise_level(connection, owner.session, proven, origin=origin, now=now)[1]

    def rename(self, secret: str | None, passkey_id: str, name: str, *, origin: Origin) -> None:
        """Give a passkey another name.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            BadInput: `passkey.name_invalid`.
            NotFound: `account.passkey_unknown`: there is none, or it is somebody else's.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            if "\x00" in passkey_id:
                raise _unknown()
            if not self.passkeys.rename(connection, owner.id, passkey_id, name, origin=origin, now=now):
                raise _unknown()

    def remove(self, secret: str | None, passkey_id: str, *, origin: Origin) -> None:
        """Remove a passkey, end the other sessions that rest on one, and tell the owner.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            NotFound: `account.passkey_unknown`: there is none (any more), or it is somebody else's.
            Conflict: `account.last_way_in`.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            lines = {line.way.id: line for line in self._lines(connection, owner.id)}
            if passkey_id not in lines:
                raise _unknown()
            if lines[passkey_id].is_last_way_in:
                raise Conflict("account.last_way_in", LAST_WAY_IN)
            self.passkeys.remove(connection, owner.id, passkey_id, origin=origin, now=now)
            self._end_others(connection, owner, origin, now)
            self.alerts.send(connection, owner.id, AlertKind.FACTOR_REMOVED, origin=origin, now=now)

    def _end_others(self, connection: Connection, owner: Owner, origin: Origin, now: datetime) -> None:
        for session_id in list_open_ids(connection, owner.id, proven=ProofKind.PASSKEY):
            if session_id != owner.session.id:
                self.fresh.sessions.end(connection, session_id, reason="factor_removed", origin=origin, now=now)

    def _lines(self, connection: Connection, account_id: str) -> tuple[PasskeyLine, ...]:
        has_password = self.passwords.find(connection, account_id) is not None
        stored = {passkey.id: passkey for passkey in self.passkeys.list(connection, account_id)}
        ways = self.passkeys.ways(connection, account_id)
        counted = [way.id for way in ways if way.counts]
        lines = []
        for way in ways:
            provider = self.passkeys.provider(stored[way.id])
            last = not has_password and not [each for each in counted if each != way.id]
            named = None if provider.name in (way.name, "Passkey") else provider.name
            lines.append(PasskeyLine(way, named, provider.icon_light, provider.icon_dark, last))
        return tuple(lines)


def refusal_of(refused: Refused) -> BadInput:
    """Return what the page's script is told; the reason stays in the evidence."""
    return BadInput("passkey.refused", TOO_MANY if refused.code == "passkey.too_many" else NOT_ADDED)


def _unknown() -> NotFound:
    return NotFound("account.passkey_unknown", "Your account has no such passkey.")
