"""The secret that an account shares with its app, and one that is being set up. Both sealed under the person's key."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

totp_secrets = Table(
    "totp_secrets",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The newest time step whose code was taken: it and all before it are spent.
    Column("last_used_step", Integer, nullable=False),
    Column("last_used_at", UtcDateTime),
)

totp_enrolments = Table(
    "totp_enrolments",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), nullable=False),
    # Whoever began it: nobody is shown a secret that somebody else has seen.
    Column("session_id", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
