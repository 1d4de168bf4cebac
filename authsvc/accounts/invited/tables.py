"""Accounts to be. A row goes when its owner has proven the address, or when it expires."""

from sqlalchemy import Column, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

invited_accounts = Table(
    "invited_accounts",
    metadata,
    Column("id", String(64), primary_key=True),  # what the account's id will be
    Column("email", String(320), nullable=False, unique=True),  # normalised, and proven by nobody yet
    Column("display_name", String(100), nullable=False),
    Column("client_id", String(64), nullable=False),  # who asked
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),  # of the mail's link
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
