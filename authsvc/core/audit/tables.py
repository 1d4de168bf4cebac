"""Audit events as they were written, the chain that links them, and its signed checkpoints.

`audit_events` is append-only: triggers refuse UPDATE and DELETE (triggers.py). The chain is kept beside it,
so that an event is never touched after its insert.
"""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.audit import triggers
from authsvc.core.database import UtcDateTime, metadata

# SQLite only autoincrements a column declared INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("at", UtcDateTime, nullable=False),
    Column("tag", String(80), nullable=False),
    Column("account_id", String(64)),
    Column("request_id", String(64)),
    Column("facts", JSON, nullable=False),
    # Personal fields, sealed under the account's own key (under the master key where there is no account).
    Column("sealed", LargeBinary),
    # PostgreSQL: the writing transaction, so that the sealer never passes one that is still open. SQLite: 0.
    Column("xid", BigInteger, nullable=False, server_default="0"),
    Index("ix_audit_events_account_id_id", "account_id", "id"),
    Index("ix_audit_events_tag_id", "tag", "id"),
    # The sealer looks from the oldest transaction that it has not finished.
    Index("ix_audit_events_xid_id", "xid", "id"),
    # SQLite would hand out the ids of deleted rows again.
    sqlite_autoincrement=True,
)
triggers.install_with(audit_events)

audit_links = Table(
    "audit_links",
    metadata,
    Column("seq", _RowId, primary_key=True, autoincrement=False),
    Column("event_row", _RowId, ForeignKey("audit_events.id"), nullable=False, unique=True),
    Column("mac", LargeBinary, nullable=False),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("count", _RowId, primary_key=True, autoincrement=False),
    Column("head", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
