"""Accounts and what belongs to them. Secrets are stored as hashes only."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

accounts = Table(
    "accounts",
    metadata,
    # Also the `sub` of tokens: random, opaque, never reused.
    Column("id", String(64), primary_key=True),
    # The WebAuthn user handle: random too, and unlinkable to `sub`.
    Column("user_handle", LargeBinary(64), nullable=False, unique=True),
    Column("display_name", String(100), nullable=False),
    Column("status", String(16), nullable=False),  # active | frozen | erased
    Column("created_at", UtcDateTime, nullable=False),
    # Facts for risk and for the step-up ladder.
    Column("password_reset_at", UtcDateTime),
    Column("address_changed_at", UtcDateTime),
    Column("recovered_at", UtcDateTime),
    # "This wasn't me" was pressed: the strongest factor is asked for next.
    Column("guarded_at", UtcDateTime),
    # The client that froze it by the account API; none where the operator did.
    Column("frozen_by_client", String(64)),
    Index("ix_accounts_created_at_id", "created_at", "id"),
)

addresses = Table(
    "addresses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("email", String(320), nullable=False, unique=True),  # normalised, see addresses.py
    Column("verified_at", UtcDateTime, nullable=False),
    Column("verified_at_sign_up", Boolean, nullable=False),
    # Replaced by another one: still told of everything for 72 hours, and kept from others as long.
    Column("retired_at", UtcDateTime),
    Index("ix_addresses_account_id", "account_id"),
)

roles = Table(
    "roles",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("granted_at", UtcDateTime, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("consumed_at", UtcDateTime),
)

devices = Table(
    "devices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    # The value before the last rotation, and when: seen again after the grace it is evidence of theft.
    Column("previous_hash", LargeBinary(32), unique=True),
    Column("rotated_at", UtcDateTime, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)

account_devices = Table(
    "account_devices",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("device_id", String(64), ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("label", String(120), nullable=False),
    Index("ix_account_devices_first_seen_at", "first_seen_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("device_id", String(64), ForeignKey("devices.id", ondelete="SET NULL")),
    Column("kind", String(16), nullable=False),  # customer | staff
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(40)),
    Column("flagged_at", UtcDateTime),  # a refresh token of it was reused
    Index("ix_sessions_account_id_ended_at", "account_id", "ended_at"),
    Index("ix_sessions_expires_at", "expires_at"),
)

session_proofs = Table(
    "session_proofs",
    metadata,
    Column("session_id", String(64), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(24), primary_key=True),  # accounts/levels.py: ProofKind
    Column("proven_at", UtcDateTime, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(24), nullable=False),  # typing | face
    Column("version", Integer, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index("ix_consents_account_id_purpose", "account_id", "purpose"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("consumed_at", UtcDateTime),
    Index("ix_alerts_account_id_kind_created_at", "account_id", "kind", "created_at"),
)
