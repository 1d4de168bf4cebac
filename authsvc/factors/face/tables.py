"""One sealed template per account, and the tickets that each allow one capture. Frames are nowhere."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

face_templates = Table(
    "face_templates",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # under the person's own key, bound to this row
    Column("embedder", String(64), nullable=False),  # vectors of two embedders are never compared
    Column("frames", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

face_tickets = Table(
    "face_tickets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("nonce", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),  # enrol | verify
    Column("flow_id", String(64), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # Set while a capture is being measured, and for good once there is a verdict.
    Column("consumed_at", UtcDateTime),
    Column("verdict", String(16)),  # enrolled | match | no_match | refused
    Column("reason", String(40)),  # of the last capture that was refused
    Index("ix_face_tickets_account_id", "account_id"),
    Index("ix_face_tickets_flow_id", "flow_id"),
    Index("ix_face_tickets_expires_at", "expires_at"),
)
