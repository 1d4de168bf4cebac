"""One row per person: the data key that seals their personal fields, itself sealed under a master key.

Of an erased person the row stays, without the key.
"""

from sqlalchemy import Column, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

personal_keys = Table(
    "personal_keys",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
