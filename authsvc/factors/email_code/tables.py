"""Codes and links that were mailed; only hashes of them are stored."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

email_codes = Table(
    "email_codes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("flow_id", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),  # factors/email_code/service.py: CodePurpose
    Column("address_index", LargeBinary(32), nullable=False),
    Column("code_hash", LargeBinary(32), nullable=False),
    # The link in the same mail: another spelling of the same code, spent with it.
    Column("link_hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("consumed_at", UtcDateTime),
    Index("ix_email_codes_flow_id_purpose", "flow_id", "purpose"),
    Index("ix_email_codes_expires_at", "expires_at"),
)
