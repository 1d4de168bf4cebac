"""Registered credentials, the challenges handed out for ceremonies, and how new the metadata is that was believed."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, ForeignKey, Index, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("credential_id", LargeBinary(1023), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", String(36), nullable=False),
    Column("transports", JSON, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("attested", Boolean, nullable=False, default=False),  # its model was verified, for a client that asked
    Column("name", String(60), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    # A passkey that a browser made by itself was not verified then; it proves nothing until it was.
    Column("uv_at_registration", Boolean, nullable=False, default=False),
    Column("proven_uv_at", UtcDateTime),
    Index("ix_passkeys_account_id", "account_id"),
)

# The newest FIDO metadata that was ever used here: an older one must not come back with a restart.
believed_metadata = Table(
    "believed_metadata",
    metadata,
    Column("signer", String(255), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("next_update", Date, nullable=False),
    Column("believed_at", UtcDateTime, nullable=False),
)

webauthn_challenges = Table(
    "webauthn_challenges",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("challenge", LargeBinary(64), nullable=False),
    Column("purpose", String(16), nullable=False),  # register | conditional | authenticate
    Column("flow_id", String(64), nullable=False),
    Column("account_id", String(64)),
    Column("attestation", JSON(none_as_null=True)),  # what the client asks of a new passkey; none where nothing
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("consumed_at", UtcDateTime),
    Index("ix_webauthn_challenges_challenge", "challenge", unique=True),
    Index("ix_webauthn_challenges_expires_at", "expires_at"),
)
