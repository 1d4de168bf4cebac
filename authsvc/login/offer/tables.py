"""When an account last answered the offer of a passkey."""

from sqlalchemy import Column, ForeignKey, String, Table

from authsvc.core.database import UtcDateTime, metadata

passkey_offers = Table(
    "passkey_offers",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("answered_at", UtcDateTime, nullable=False),
)
