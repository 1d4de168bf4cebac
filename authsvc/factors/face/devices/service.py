"""Register, list and remove the keys that sign captures.

A key is registered on a ticket that a signed-in session with a fresh proof asked for, in five minutes, once:
1. the ticket is known, unused and in time, and the nonce is its own;
2. the session that asked for it is alive, and nobody has locked the account meanwhile;
3. the key is a point on P-256, and signed nonce, server, itself and its name: whoever sends it has the private key;
4. the ticket is used up by one statement; 5. no account has the key yet, and this one has fewer than MAX_DEVICES.

A browser is a device too: its page makes a key that can't be taken out of it (WebCrypto, not extractable, IndexedDB),
and the key counts only beside the device cookie of the browser that registered it. The two kinds are told apart to the
owner. What we can't see from here is whether a private key is in hardware: an app should keep it there, behind its
user's presence (docs/guides/mobile.md).

The caller asks for consent and a fresh proof. Whoever removes keys also drops the capture tickets (face/service.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face.devices import store
from authsvc.factors.face.devices.key import (
    BadSignature,
    NotAKey,
    point_of,
    registration_bytes,
    require_signature,
    tidy_name,
)
from authsvc.factors.face.devices.store import DeviceKey, DeviceTicket
from authsvc.factors.face.refusals import error_of

Kind = Literal["app", "browser"]

TICKET_TTL = timedelta(minutes=5)
MAX_DEVICES = 10


@dataclass(frozen=True)
class IssuedDeviceTicket:
    """What the app or the page needs; the secret is shown once."""

    secret: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True)
class Registration:
    """What a device sends: a JWK, a name, and the signature that shows that it has the key."""

    nonce: str
    name: str
    public_key: Mapping[str, str]
    signature: str


@dataclass(frozen=True)
class DeviceKeys:
    """The account's devices. `server` is our own origin, which registrations and captures are signed for."""

    database: Database
    audit: Audit
    alerts: Alerts
    limits: Limits
    sessions: Sessions
    clock: Clock
    server: str

    def issue_ticket(
        self,
        connection: Connection,
        account_id: str,
        *,
        session_id: str,
        kind: Kind,
        browser_device_id: str | None,
        now: datetime,
    ) -> IssuedDeviceTicket:
        """Return permission to register one key. The caller has asked for consent and a fresh proof.

        Raises:
            Conflict: `face.too_many_devices`.
        """
        if len(store.list_devices(connection, account_id)) >= MAX_DEVICES:
            raise error_of("face.too_many_devices")
        secret, nonce = new_secret(), new_secret()
        ticket = DeviceTicket(
            id=new_id("fdt"),
            secret_hash=hash_secret(secret),
            nonce=nonce,
            account_id=account_id,
            session_id=session_id,
            kind=kind,
            browser_device_id=browser_device_id,
            expires_at=now + TICKET_TTL,
        )
        store.insert_ticket(connection, ticket)
        return IssuedDeviceTicket(secret, nonce, ticket.expires_at)

    def register(self, *, secret: str, sent: Registration, origin: Origin) -> DeviceKey:
        """Keep a key, and tell the owner; see the module's list.

        Raises:
            TooMany: this address has sent too many.
            NotFound, Gone, NotAllowed, BadInput, Conflict: with the codes of refusals.py; each leaves evidence.
        """
        self.limits.spend("face_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            ticket = store.find_ticket_by_secret(connection, hash_secret(secret))
            found = self._register(connection, ticket, sent, origin, now)
            if isinstance(found, str):
                self._refused(connection, ticket, found, origin, now)
        if isinstance(found, str):
            raise error_of(found)
        return found

    def registered_in(self, connection: Connection, session_id: str) -> DeviceTicket | None:
        """Return the ticket that this session asked for last, for the page that waits."""
        return store.find_newest_ticket(connection, session_id)

    def find(self, connection: Connection, account_id: str, device_id: str) -> DeviceKey | None:
        return store.find_device(connection, account_id, device_id)

    def list(self, connection: Connection, account_id: str) -> list[DeviceKey]:
        return store.list_devices(connection, account_id)

    def note_use(self, connection: Connection, device_id: str, now: datetime) -> None:
        store.note_use(connection, device_id, now)

    def remove(self, connection: Connection, account_id: str, device_id: str, *, origin: Origin, now: datetime) -> bool:
        """Remove one key at its owner's wish, and tell them; False where there is none. Takes a fresh proof."""
        if not store.delete_device(connection, account_id, device_id):
            return False
        self._record(connection, "face:device:removed", account_id, origin, now, device=device_id)
        self.alerts.send(connection, account_id, AlertKind.FACTOR_REMOVED, origin=origin, now=now)
        return True

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        """Remove every key: erasure, recovery, "this wasn't me"."""
        removed = store.delete_devices(connection, account_id)
        for device_id in removed:
            self._record(connection, "face:device:removed", account_id, origin, now, device=device_id)
        return len(removed)

    def _register(
        self,
        connection: Connection,
        ticket: DeviceTicket | None,
        sent: Registration,
        origin: Origin,
        now: datetime,
    ) -> DeviceKey | str:
        """Return the kept key, or the code of a refusal."""
        if (code := _fault(ticket, sent, now)) is not None:  # 1
            return code
        assert ticket is not None  # _fault made sure
        account = lock_account(connection, ticket.account_id)
        if account is None or not account.is_active or not self._asked_for(connection, ticket, now):  # 2
            return "face.ticket_unknown"
        name, point = tidy_name(sent.name), _proven_point(sent, self.server)  # 3
        if name is None:
            return "face.name_invalid"
        if isinstance(point, str):
            return point
        if len(store.list_devices(connection, ticket.account_id)) >= MAX_DEVICES:  # 5
            return "face.too_many_devices"
        device = DeviceKey(
            new_id("fdv"), ticket.account_id, ticket.kind, name, point, ticket.browser_device_id, created_at=now
        )
        if not store.consume_ticket(connection, ticket.id, device_id=device.id, now=now):  # 4
            return "face.ticket_spent"
        if not store.insert_device(connection, device):  # 5
            return "face.key_taken"
        facts = {"device": device.id, "kind": device.kind}
        self._record(connection, "face:device:added", ticket.account_id, origin, now, **facts)
        self.alerts.send(connection, ticket.account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
        return device

    def _asked_for(self, connection: Connection, ticket: DeviceTicket, now: datetime) -> bool:
        """Return whether the session is alive, and the ticket was not dropped while the account was waited for."""
        again = store.find_ticket_by_secret(connection, ticket.secret_hash)
        return again is not None and self.sessions.find_live_by_id(connection, ticket.session_id, now=now) is not None

    def _refused(
        self, connection: Connection, ticket: DeviceTicket | None, code: str, origin: Origin, now: datetime
    ) -> None:
        account_id = ticket.account_id if ticket else None
        self._record(connection, "face:device:refused", account_id, origin, now, reason=code)

    def _record(
        self,
        connection: Connection,
        tag: str,
        account_id: str | None,
        origin: Origin,
        now: datetime,
        **facts: str,
    ) -> None:
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)


def _fault(ticket: DeviceTicket | None, sent: Registration, now: datetime) -> str | None:
    if ticket is None:
        return "face.ticket_unknown"
    if sent.nonce != ticket.nonce:
        return "face.foreign_nonce"
    if ticket.consumed_at is not None:
        return "face.ticket_spent"
    return "face.ticket_expired" if ticket.expires_at <= now else None


def _proven_point(sent: Registration, server: str) -> bytes | str:
    """Return the key's point, or the code of a refusal."""
    try:
        point = point_of(sent.public_key)
    except NotAKey:
        return "face.not_a_key"
    message = registration_bytes(nonce=sent.nonce, server=server, point=point, name=sent.name)
    try:
        require_signature(point, sent.signature, message)
    except BadSignature:
        return "face.signature_invalid"
    return point
