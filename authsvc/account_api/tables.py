"""Requests that were made before, so that one sent twice is done once."""

from sqlalchemy import Column, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

api_requests = Table(
    "api_requests",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("key_hash", LargeBinary(32), primary_key=True),  # of the Idempotency-Key
    Column("fingerprint", LargeBinary(32), nullable=False),  # keyed: of what was asked
    Column("account_id", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)
