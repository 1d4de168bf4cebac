"""What a password check costs while imported hashes wait for their owners: one row a kind of hash."""

from sqlalchemy import BigInteger, Column, String, Table

from authsvc.core.database import UtcDateTime, metadata

legacy_tariff = Table(
    "legacy_tariff",
    metadata,
    Column("kind", String(24), primary_key=True),  # legacy/formats.py: Kind
    Column("units", BigInteger, nullable=False),  # the highest that was imported
    Column("since", UtcDateTime, nullable=False),
)
