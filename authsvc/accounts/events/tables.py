"""Where events go: at most one webhook for each client."""

from sqlalchemy import Column, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client_id", String(64), nullable=False, unique=True),
    Column("url", String(2000), nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    # The secret before the last rotation signs too, until then.
    Column("previous_sealed", LargeBinary),
    Column("previous_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("disable_reason", String(40)),
)
