"""Devices: browsers that an account has completed a sign-in from.

The cookie carries a random secret signed with a key of the service (so that garbage costs no query) and lives for
two years; only the secret's hash is stored. A device is *known to an account* by a row written after a completed
sign-in, never by the cookie alone, and the cookie is evidence, never a factor.

The value rotates at each sign-in. An old value seen again is evidence of a copied cookie, except within a short grace
(two tabs, a page restored by the browser).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from authsvc.accounts.tables import account_devices, devices
from authsvc.core.database import insert_into
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.sealing.cipher import Keyring

COOKIE_DAYS = 730
ROTATION_GRACE = timedelta(minutes=10)  # two tabs that were open before the sign-in


# Built once: every sign-in asks these.
_FIND_DEVICE = select(devices).where(
    or_(devices.c.secret_hash == bindparam("hashed"), devices.c.previous_hash == bindparam("hashed"))
)
_FIND_SEEN = select(account_devices.c.first_seen_at, account_devices.c.last_seen_at).where(
    account_devices.c.account_id == bindparam("account_id"), account_devices.c.device_id == bindparam("device_id")
)


@dataclass(frozen=True)
class DeviceFacts:
    """What the device cookie of a request says about its browser and one account."""

    device_id: str | None = None
    known: bool = False
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    stolen: bool = False


NO_DEVICE = DeviceFacts()


@dataclass(frozen=True)
class Devices:
    """Recognises browsers and remembers them, inside the caller's transaction."""

    keyring: Keyring

    def recognise(
        self, connection: Connection, cookie: str | None, *, account_id: str | None, now: datetime
    ) -> DeviceFacts:
        """Return what is known of the browser behind this cookie, for this account."""
        secret = self._unsigned(cookie)
        if secret is None:
            return NO_DEVICE
        hashed = hash_secret(secret)
        found = connection.execute(_FIND_DEVICE, {"hashed": hashed}).one_or_none()
        if found is None:
            return NO_DEVICE
        stolen = found.secret_hash != hashed and now - found.rotated_at > ROTATION_GRACE
        if stolen:
            return DeviceFacts(device_id=found.id, stolen=True)
        seen = self._seen(connection, found.id, account_id)
        if seen is None:
            return DeviceFacts(device_id=found.id)
        return DeviceFacts(found.id, True, seen.first_seen_at, seen.last_seen_at)

    def remember(
        self, connection: Connection, facts: DeviceFacts, *, account_id: str, label: str, now: datetime
    ) -> tuple[str, str]:
        """After a completed sign-in: make the browser known to the account; return (device id, new cookie value).

        A copied cookie's device is not reused: its browser becomes a new device.
        """
        secret = new_secret()
        device_id = None if facts.stolen else facts.device_id
        if device_id is None or not self._rotate(connection, device_id, secret, now):
            device_id = new_id("dev")
            connection.execute(
                insert(devices).values(id=device_id, secret_hash=hash_secret(secret), rotated_at=now, created_at=now)
            )
        connection.execute(
            insert_into(connection, account_devices)
            .values(
                account_id=account_id,
                device_id=device_id,
                first_seen_at=now,
                last_seen_at=now,
                label=label[:120],
            )
            .on_conflict_do_update(
                index_elements=["account_id", "device_id"], set_={"last_seen_at": now, "label": label[:120]}
            )
        )
        return device_id, self._signed(secret)

    def forget(self, connection: Connection, *, account_id: str, device_id: str) -> None:
        """Make a device unknown to an account (ten failures in a row, or its owner's wish)."""
        connection.execute(
            delete(account_devices).where(
                account_devices.c.account_id == account_id, account_devices.c.device_id == device_id
            )
        )

    def _rotate(self, connection: Connection, device_id: str, secret: str, now: datetime) -> bool:
        statement = (
            update(devices)
            .where(devices.c.id == device_id)
            .values(previous_hash=devices.c.secret_hash, secret_hash=hash_secret(secret), rotated_at=now)
        )
        return connection.execute(statement).rowcount == 1

    def _seen(self, connection: Connection, device_id: str, account_id: str | None) -> Row[Any, Any] | None:
        if account_id is None:
            return None
        return connection.execute(_FIND_SEEN, {"account_id": account_id, "device_id": device_id}).one_or_none()

    def _signed(self, secret: str) -> str:
        return f"{secret}.{_tag(self.keyring.derived('device-cookie')[0], secret)}"

    def _unsigned(self, cookie: str | None) -> str | None:
        secret, _, tag = (cookie or "").rpartition(".")
        keys = self.keyring.derived("device-cookie") if secret else ()
        return secret if any(hmac.compare_digest(_tag(key, secret).encode(), tag.encode()) for key in keys) else None


def _tag(key: bytes, secret: str) -> str:
    digest = hmac.new(key, secret.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
