"""Show where an account is signed in, end one session or all others, forget a device.

Each act is one press. Acting on an id that is not the account's is answered like an unknown one; doing twice what was
done already is no mistake. None of it takes a fresh proof: it only ever locks out, and somebody whose phone was just
stolen must not be made to prove more first.

Forgetting a device makes it unknown to the account and ends its sessions: a forgotten device that stays signed in
would be forgotten in name only.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.devices.service import Devices
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotFound
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.account.sessions.store import (
    KnownDevice,
    LiveSession,
    Opening,
    device_exists,
    find_openings,
    list_devices,
    list_live,
    list_open_ids,
    session_exists,
)
from authsvc.risk.history.geo import Geo

UNKNOWN_BROWSER = "A browser we no longer remember"


@dataclass(frozen=True)
class SessionLine:
    """One sign-in that is still good."""

    id: str
    name: str
    signed_in_at: datetime
    last_seen_at: datetime
    country: str | None  # ISO 3166-1, where a database knows it
    address: str | None
    is_console: bool
    is_this: bool


@dataclass(frozen=True)
class DeviceLine:
    """One device that the account knows but is not signed in on."""

    id: str
    name: str
    last_seen_at: datetime


@dataclass(frozen=True)
class Whereabouts:
    """What the page shows: this session, the others, and devices without one."""

    this: SessionLine
    this_device: str | None
    others: tuple[tuple[SessionLine, str | None], ...]  # each with the device to forget with it
    devices: tuple[DeviceLine, ...]


@dataclass(frozen=True)
class OwnSessions:
    """The page's use cases."""

    database: Database
    clock: Clock
    audit: Audit
    vault: Vault
    geo: Geo
    devices: Devices
    fresh: FreshProof

    def show(self, secret: str | None) -> Whereabouts:
        """Return where the account is signed in. Raises NotSignedIn."""
        now, settings = self.clock.now(), self.fresh.sessions.settings
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            live = list_live(connection, owner.id, settings, now=now)
            known = {device.id: device for device in list_devices(connection, owner.id)}
            since = min((each.created_at for each in live), default=now)
            openings = find_openings(connection, owner.id, [each.id for each in live], since=since)
            lines = {
                each.id: self._line(connection, owner.id, each, known, openings.get(each.id), owner.session.id)
                for each in live
            }
        used = {each.device_id for each in live}
        others = tuple(
            (lines[each.id], each.device_id if each.device_id in known else None)
            for each in live
            if each.id != owner.session.id
        )
        idle = tuple(
            DeviceLine(each.id, each.label, each.last_seen_at) for each in known.values() if each.id not in used
        )
        this = next(each for each in live if each.id == owner.session.id)
        return Whereabouts(lines[this.id], this.device_id, others, idle)

    def end(self, secret: str | None, session_id: str, *, origin: Origin) -> bool:
        """End one session of the account; return whether it was the one at hand.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            NotFound: `account.session_unknown`: there is none, or it is somebody else's.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            if "\x00" in session_id or not session_exists(connection, owner.id, session_id):
                raise NotFound("account.session_unknown", "There is no such sign-in.")
            self.fresh.sessions.end(connection, session_id, reason="ended_by_owner", origin=origin, now=now)
        return session_id == owner.session.id

    def end_others(self, secret: str | None, *, origin: Origin) -> int:
        """End every session of the account but the one at hand; return how many. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            others = [each for each in list_open_ids(connection, owner.id) if each != owner.session.id]
            for session_id in others:
                self.fresh.sessions.end(connection, session_id, reason="ended_by_owner", origin=origin, now=now)
        return len(others)

    def forget(self, secret: str | None, device_id: str, *, origin: Origin) -> bool:
        """Make a device unknown to the account and end its sessions; return whether the one at hand was among them.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            NotFound: `account.device_unknown`: there is none, or it is somebody else's.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            if "\x00" in device_id or not device_exists(connection, owner.id, device_id):
                raise NotFound("account.device_unknown", "There is no such device.")
            ended = list_open_ids(connection, owner.id, device_id=device_id)
            for session_id in ended:
                self.fresh.sessions.end(connection, session_id, reason="device_forgotten", origin=origin, now=now)
            self.devices.forget(connection, account_id=owner.id, device_id=device_id)
            facts = {"device": device_id, "sessions_ended": len(ended)}
            self.audit.record(
                connection, "login:device:forgotten", now=now, account_id=owner.id, origin=origin, facts=facts
            )
        return owner.session.id in ended

    def _line(
        self,
        connection: Connection,
        account_id: str,
        session: LiveSession,
        known: dict[str, KnownDevice],
        opening: Opening | None,
        this: str,
    ) -> SessionLine:
        address = self._address(connection, account_id, opening)
        device = known.get(session.device_id or "")
        return SessionLine(
            session.id,
            device.label if device else UNKNOWN_BROWSER,
            session.created_at,
            session.last_seen_at,
            self.geo.country(address) if address else None,
            address,
            session.kind == "staff",
            session.id == this,
        )

    def _address(self, connection: Connection, account_id: str, opening: Opening | None) -> str | None:
        if opening is None or opening.sealed is None:
            return None
        try:
            personal = self.vault.open_json_for(
                connection, account_id, opening.sealed, context=f"audit_events:{opening.event_id}"
            )
        except CannotOpen:
            return None
        return str(personal["address"]) if personal and "address" in personal else None
