"""Enrol one's face, and register and remove the devices that capture it. All of it but looking takes a fresh proof.

A device is registered with consent to keep a face: its key is for captures only. An app gets a ticket to read; this
browser's own page gets the same ticket, and makes the key itself. Either way the key is registered by the API
(factors/face/devices), and the page that shows the ticket only waits for it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import Devices
from authsvc.accounts.levels import Level
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotFound
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.face.devices.service import Kind
from authsvc.factors.face.devices.store import DeviceKey
from authsvc.factors.face.refusals import error_of
from authsvc.factors.face.service import FaceService
from authsvc.factors.face.ticket import TicketText, device_ticket_text
from authsvc.login.account.fresh.service import ACCOUNT_NAME, FreshProof
from authsvc.login.service import FlowPurpose, Flows
from authsvc.login.store import Flow


@dataclass(frozen=True)
class FaceState:
    """What the page shows."""

    allowed: bool
    enrolled_at: datetime | None
    outdated: bool  # measured by a network that is no longer used
    devices: tuple[DeviceKey, ...]


@dataclass(frozen=True)
class DeviceTicketShown:
    """A ticket for one new device. `text` is for an app, `secret` and `nonce` are for the page's own script."""

    kind: Kind
    text: str
    secret: str
    nonce: str
    lifetime_s: int


@dataclass(frozen=True)
class OwnFace:
    """The page's use cases. `server` is our own origin."""

    database: Database
    clock: Clock
    limits: Limits
    flows: Flows
    fresh: FreshProof
    known: Devices
    consents: Consents
    face: FaceService
    server: str

    def show(self, secret: str | None) -> FaceState:
        """Return what the account has. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            template = self.face.template(connection, owner.id)
            return FaceState(
                self.consents.given(connection, owner.id, Purpose.FACE),
                template.created_at if template else None,
                template is not None and not self.face.is_current(template.embedder),
                tuple(self.face.keys.list(connection, owner.id)),
            )

    def begin_enrolment(self, secret: str | None, *, browser: str, origin: Origin) -> Flow:
        """Return a flow to enrol in.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            TooMany: the address begins too many flows.
        """
        self.limits.spend("flow_per_address", origin.source)
        owner = self.fresh.check(secret)
        purpose = FlowPurpose("face", ACCOUNT_NAME, Level.NONE)
        return self.flows.begin(purpose, browser=browser, session=owner.session, origin=origin, ready=True)

    def begin_device(
        self, secret: str | None, *, kind: Kind, device_cookie: str | None, origin: Origin
    ) -> DeviceTicketShown:
        """Return a ticket for one new device.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require; `face.disabled`, `face.no_consent`.
            NotAllowed: `face.foreign_browser`: a browser that the account does not know can't be a device.
            Conflict: `face.too_many_devices`.
            TooMany: the address asks for too many.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            if not self.face.enabled:
                raise error_of("face.disabled")
            if not self.consents.given(connection, owner.id, Purpose.FACE):
                raise error_of("face.no_consent")
            browser = self._browser(connection, owner.id, device_cookie, now) if kind == "browser" else None
            issued = self.face.keys.issue_ticket(
                connection,
                owner.id,
                session_id=owner.session.id,
                kind=kind,
                browser_device_id=browser,
                now=now,
            )
        text = device_ticket_text(TicketText(self.server, issued.secret), nonce=issued.nonce)
        lifetime_s = int((issued.expires_at - now).total_seconds())
        return DeviceTicketShown(kind, text, issued.secret, issued.nonce, lifetime_s)

    def device_status(self, secret: str | None) -> str:
        """Return how the newest device ticket of this session is: waiting, registered, expired. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            ticket = self.face.keys.registered_in(connection, owner.session.id)
            if ticket is not None and ticket.device_id is not None:
                kept = self.face.keys.find(connection, owner.id, ticket.device_id)
                return "registered" if kept else "expired"
            return "waiting" if ticket is not None and now < ticket.expires_at else "expired"

    def open_device(self, secret: str | None, device_id: str) -> DeviceKey:
        """Return one device, to be removed.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            NotFound: `account.device_unknown`: there is none, or it is somebody else's.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            device = None if "\x00" in device_id else self.face.keys.find(connection, owner.id, device_id)
        if device is None:
            raise _unknown()
        return device

    def remove_device(self, secret: str | None, device_id: str, *, origin: Origin) -> None:
        """Remove a device, with the captures that it began; tell the owner. Raises: as open_device."""
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            if "\x00" in device_id:
                raise _unknown()
            if not self.face.remove_device(connection, owner.id, device_id, origin=origin, now=now):
                raise _unknown()

    def _browser(self, connection: Connection, account_id: str, cookie: str | None, now: datetime) -> str:
        seen = self.known.recognise(connection, cookie, account_id=account_id, now=now)
        if not seen.known or seen.device_id is None:
            raise error_of("face.foreign_browser")
        return seen.device_id


def _unknown() -> NotFound:
    return NotFound("account.device_unknown", "Your account has no such device.")
