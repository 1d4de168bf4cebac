"""Imports of another system's customers, and which account came with which."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

imports = Table(
    "imports",
    metadata,
    Column("id", String(64), primary_key=True),
    # Of the file's size, beginning and end, and of how it is read: the same file read alike goes on where it stopped.
    Column("fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("map", String(16), nullable=False),
    Column("trusts_addresses", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    # Everything before this byte, and up to this line, is done; moved on in the transaction of each batch.
    Column("place", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("created", Integer, nullable=False),
    Column("existing", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)

imported_accounts = Table(
    "imported_accounts",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("import_id", String(64), ForeignKey("imports.id"), nullable=False),
    # What the other system called this person, so that a shop can find its orders again.
    Column("source_id", String(200)),
)
