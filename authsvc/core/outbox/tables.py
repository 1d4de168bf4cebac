"""What still has to be sent. A row is deleted when it was delivered."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("topic", String(40), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("recipient", LargeBinary(32), index=True),  # a keyed hash of the address, so that a person can be forgotten
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("ix_outbox_due_at", "due_at"),
)
