"""When an account last answered each of the two questions."""

from sqlalchemy import Column, ForeignKey, String, Table

from authsvc.core.database import UtcDateTime, metadata


def _answers(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
        Column("answered_at", UtcDateTime, nullable=False),
    )


passkey_offers = _answers("passkey_offers")
face_offers = _answers("face_offers")
