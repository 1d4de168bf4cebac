"""Failed tries of typed factors, one bucket per account and factor."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from authsvc.core.database import UtcDateTime, metadata

typed_tries = Table(
    "typed_tries",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(24), primary_key=True),  # accounts/levels.py: ProofKind
    Column("failures", Integer, nullable=False),  # in a row
    Column("last_failed_at", UtcDateTime, nullable=False),
)
