"""Changes of an account's address: asked for, proven, and perhaps put back."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

address_changes = Table(
    "address_changes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    # Who asked: only that session goes on with it.
    Column("session_id", String(64), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("new_email", String(320), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("dropped_at", UtcDateTime),  # asked anew, or "this wasn't me" was pressed
    # Once the new address is proven:
    Column("old_email", String(320)),
    Column("changed_at", UtcDateTime),
    Column("token_hash", LargeBinary(32), unique=True),  # of the link that puts the old one back
    Column("revert_until", UtcDateTime),
    Column("reverted_at", UtcDateTime),
    Index("ix_address_changes_account_id_changed_at", "account_id", "changed_at"),
    Index("ix_address_changes_session_id", "session_id"),
)
