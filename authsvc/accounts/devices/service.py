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

from sqlalchemy import Connection, String, and_, bindparam, delete, insert, or_, select, update

from authsvc.accounts.tables import account_devices, devices
from authsvc.core.database import written_once
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.sealing.cipher import Keyring

COOKIE_DAYS = 730
ROTATION_GRACE = timedelta(minutes=10)  # two tabs that were open before the sign-in


# Built once: every sign-in asks these.
_of_account = and_(
    account_devices.c.device_id == devices.c.id, account_devices.c.account_id == bindparam("account_id", type_=String)
)
_FIND_DEVICE = (
    select(devices, account_devices.c.first_seen_at, account_devices.c.last_seen_at)
    .outerjoin_from(devices, account_devices, _of_account)
    .where(or_(devices.c.secret_hash == bindparam("hashed"), devices.c.previous_hash == bindparam("hashed")))
)
_ROTATE = (
    update(devices)
    .where(devices.c.id == bindparam("device"))
    .values(previous_hash=devices.c.secret_hash, secret_hash=bindparam("hashed"), rotated_at=bindparam("now"))
)
_REMEMBER = written_once(
    account_devices,
    lambda made: made.on_conflict_do_update(
        index_elements=["account_id", "device_id"],
        set_={"last_seen_at": made.excluded.last_seen_at, "label": made.excluded.label},
    ),
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
        found = connection.execute(_FIND_DEVICE, {"hashed": hashed, "account_id": account_id}).one_or_none()
        if found is None:
            return NO_DEVICE
        stolen = found.secret_hash != hashed and now - found.rotated_at > ROTATION_GRACE
        if stolen:
            return DeviceFacts(device_id=found.id, stolen=True)
        if found.first_seen_at is None:
            return DeviceFacts(device_id=found.id)
        return DeviceFacts(found.id, True, found.first_seen_at, found.last_seen_at)

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
            _REMEMBER[connection.dialect.name],
            {
                "account_id": account_id,
                "device_id": device_id,
                "first_seen_at": now,
                "last_seen_at": now,
                "label": label[:120],
            },
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
        values = {"device": device_id, "hashed": hash_secret(secret), "now": now}
        return connection.execute(_ROTATE, values).rowcount == 1

    def _signed(self, secret: str) -> str:
        return f"{secret}.{_tag(self.keyring.derived('device-cookie')[0], secret)}"

    def _unsigned(self, cookie: str | None) -> str | None:
        secret, _, tag = (cookie or "").rpartition(".")
        keys = self.keyring.derived("device-cookie") if secret else ()
        return secret if any(hmac.compare_digest(_tag(key, secret).encode(), tag.encode()) for key in keys) else None


def sweep_devices(connection: Connection, now: datetime) -> None:
    """Drop devices whose cookie no browser can hold any more."""
    connection.execute(delete(devices).where(devices.c.rotated_at < now - timedelta(days=COOKIE_DAYS)))


def _tag(key: bytes, secret: str) -> str:
    digest = hmac.new(key, secret.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
