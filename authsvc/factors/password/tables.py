"""Password hashes, and the buckets that count failures."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

passwords = Table(
    "passwords",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", String(256), nullable=False),
    Column("version", Integer, nullable=False),  # typing profiles are bound to it
    Column("changed_at", UtcDateTime, nullable=False),
    # "This wasn't me" was pressed: it signs nobody in any more, and another one takes its place.
    Column("must_change_since", UtcDateTime),
    # Less was asked of it, as it stood beside a second factor. Its length is not kept: a thief would begin with these.
    Column("chosen_beside", Boolean, nullable=False),
)

password_failures = Table(
    "password_failures",
    metadata,
    # A keyed hash of the tried address: the same for addresses that nobody has.
    Column("address_index", LargeBinary(32), primary_key=True),
    Column("bucket", String(64), primary_key=True),  # a device known to the account, or "others"
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", UtcDateTime, nullable=False, index=True),
)
