"""Recoveries: one open at a time for an account, stopped by its owner or finished after its wait."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from authsvc.core.database import UtcDateTime, metadata

recoveries = Table(
    "recoveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("started_by", String(16), nullable=False),  # customer | staff
    Column("started_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # The flow in which a recovery code was shown: that one, and no other, need not wait.
    Column("code_flow_id", String(64)),
    Column("reminded_at", UtcDateTime),
    Column("stopped_at", UtcDateTime),
    Column("stop_reason", String(24)),  # disowned | session | signed_in | frozen | expired
    Column("finished_at", UtcDateTime),
    Index("ix_recoveries_account_id_stopped_at", "account_id", "stopped_at"),
)
# Starting again changes nothing: the clock of the first one runs on.
Index(
    "uq_recoveries_open",
    recoveries.c.account_id,
    unique=True,
    postgresql_where=recoveries.c.stopped_at.is_(None) & recoveries.c.finished_at.is_(None),
    sqlite_where=recoveries.c.stopped_at.is_(None) & recoveries.c.finished_at.is_(None),
)
