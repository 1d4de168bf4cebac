"""The one set of recovery codes that an account may have; of each code only a keyed hash."""

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

recovery_code_sets = Table(
    "recovery_code_sets",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("set_id", String(64), nullable=False),
    Column("used_at", UtcDateTime),
)
