"""The public keys that sign captures, and the tickets on which they are registered. Private keys never come here."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

face_devices = Table(
    "face_devices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),  # app | browser
    Column("name", String(60), nullable=False),
    Column("point", LargeBinary(65), nullable=False, unique=True),  # a key is one device of one account
    # Of a browser: the device whose cookie has to come along (accounts/devices).
    Column("browser_device_id", String(64), ForeignKey("devices.id", ondelete="CASCADE")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Index("ix_face_devices_account_id", "account_id"),
)

face_device_tickets = Table(
    "face_device_tickets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("nonce", String(64), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("session_id", String(64), nullable=False),  # which asked for it, and has to be alive still
    Column("kind", String(16), nullable=False),
    Column("browser_device_id", String(64)),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("consumed_at", UtcDateTime),
    Column("device_id", String(64)),  # what came of it
    Index("ix_face_device_tickets_account_id", "account_id"),
    Index("ix_face_device_tickets_expires_at", "expires_at"),
)
