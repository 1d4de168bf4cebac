"""Who sends a capture: checks 2 to 4 of service.py's list.

What is sent in an app comes without cookies. A browser's key is only as good as the browser that it was made in: it
counts beside the cookie of the flow that asked for the capture, and of the device that registered it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.devices.service import Devices
from authsvc.factors.face.claim import Capture
from authsvc.factors.face.devices.key import BadSignature, capture_bytes, require_signature
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.devices.store import DeviceKey
from authsvc.factors.face.store import Ticket


@dataclass(frozen=True)
class Sender:
    """What came along with a capture, where a page sent it: its cookies."""

    browser_hash: bytes | None = None
    device_cookie: str | None = None


NOBODY = Sender()


@dataclass(frozen=True)
class Senders:
    """Tells whether a capture comes from where it says."""

    keys: DeviceKeys
    devices: Devices

    def fault_of(
        self, connection: Connection, ticket: Ticket, capture: Capture, sender: Sender, *, now: datetime
    ) -> str | None:
        """Return what is wrong with who sends this, as a code, or None."""
        claim = capture.claim
        if ticket.begun_at is None or claim.device != ticket.device_id:
            return "face.foreign_device"  # 2
        if claim.device is None or claim.signature is None:
            return None
        key = self.keys.find(connection, ticket.account_id, claim.device)
        if key is None:
            return "face.device_unknown"  # 3
        if not self._signed(key, capture):
            return "face.signature_invalid"
        known = key.kind == "app" or self._same_browser(connection, ticket, key, sender, now)
        return None if known else "face.foreign_browser"  # 4

    def _signed(self, key: DeviceKey, capture: Capture) -> bool:
        claim = capture.claim
        if claim.signature is None or len(claim.frames) != len(capture.frames):
            return False
        message = capture_bytes(nonce=claim.nonce, server=self.keys.server, device_id=key.id, frames=capture.signed())
        try:
            require_signature(key.point, claim.signature, message)
        except BadSignature:
            return False
        return True

    def _same_browser(
        self, connection: Connection, ticket: Ticket, key: DeviceKey, sender: Sender, now: datetime
    ) -> bool:
        if sender.browser_hash is None or sender.browser_hash != ticket.browser_hash:
            return False
        seen = self.devices.recognise(connection, sender.device_cookie, account_id=ticket.account_id, now=now)
        return seen.known and seen.device_id == key.browser_device_id
