"""One sealed template per account, what is kept against guessing and replay, and the tickets. Frames are nowhere."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

face_templates = Table(
    "face_templates",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # projected, under the person's own key, bound to this row
    Column("projection", LargeBinary, nullable=False),  # the projection's key, under the master key
    Column("embedder", String(64), nullable=False),  # vectors of two embedders are never compared
    Column("frames", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("renewed_at", UtcDateTime),
)

face_tickets = Table(
    "face_tickets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    # New, both of them, when a capture was looked at and could not be used.
    Column("nonce", String(64), nullable=False),
    Column("prompts", String(40), nullable=False),  # prompts.py, separated by spaces
    Column("purpose", String(16), nullable=False),  # enrol | verify
    Column("flow_id", String(64), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("session_id", String(64)),  # to enrol: which asked for it, and has to be alive still
    # The browser that asked for it: the hash of its flow secret, and whether the account knew it.
    Column("browser_hash", LargeBinary(32)),
    Column("browser_known", Boolean, nullable=False),
    Column("asked", JSON),  # for whom: ticket.py's Asked, which the app shows before it captures
    # The device key that began it; nobody else goes on with it.
    Column("device_id", String(64)),
    Column("begun_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # Set while a capture is being measured, and for good once there is a verdict.
    Column("consumed_at", UtcDateTime),
    Column("verdict", String(16)),  # enrolled | match | no_match | refused
    Column("reason", String(40)),  # of the last capture that was refused
    Column("satisfies", Boolean, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("redeemed_at", UtcDateTime),  # its match completed a step-up, once
    Index("ix_face_tickets_account_id", "account_id"),
    Index("ix_face_tickets_flow_id", "flow_id"),
    Index("ix_face_tickets_expires_at", "expires_at"),
)

face_looks = Table(
    "face_looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("tokens", LargeBinary(64), nullable=False),  # looks.py: keyed, and of no use without the key
    Index("ix_face_looks_account_id", "account_id"),
)

face_failures = Table(
    "face_failures",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    # In a row; attempts.py says what follows.
    Column("live", Integer, nullable=False),
    Column("unproven", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)
