"""Clients' brands, their own words in mails, and the files that their pages load."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from authsvc.core.database import UtcDateTime, metadata

client_brands = Table(
    "client_brands",
    metadata,
    Column("client_id", String(64), ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("accent", String(7), nullable=False),  # #rrggbb, or empty
    Column("accent_dark", String(7), nullable=False),
    Column("support", String(200), nullable=False),
    Column("mail_footer", String(500), nullable=False),
    Column("style_hash", String(64)),
    Column("logo_hash", String(64)),
    Column("logo_width", Integer, nullable=False),
    Column("logo_height", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

# A client's own words for a kind of mail; the kinds that are not here are written in ours.
client_letters = Table(
    "client_letters",
    metadata,
    Column("client_id", String(64), ForeignKey("client_brands.client_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(60), primary_key=True),
    Column("subject", String(200), nullable=False),
    Column("text", Text, nullable=False),
)

# Named by the hash of their content, so that browsers may keep them for ever. One that was replaced stays for a day:
# another process still shows pages that name it.
brand_assets = Table(
    "brand_assets",
    metadata,
    Column("client_id", String(64), ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("media_type", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("replaced_at", UtcDateTime),
)
