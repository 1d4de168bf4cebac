"""SQL for brands, their letters and their files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from authsvc.core.database import insert_into
from authsvc.core.letters.letter import Letter
from authsvc.oidc.branding.brand import ClientBrand
from authsvc.oidc.branding.tables import brand_assets, client_brands, client_letters

KEPT_AFTER_REPLACED = timedelta(days=1)


@dataclass(frozen=True)
class Asset:
    """A file that a client's pages load."""

    hash: str
    media_type: str
    body: bytes


def find_brand(connection: Connection, client_id: str) -> ClientBrand | None:
    row = connection.execute(select(client_brands).where(client_brands.c.client_id == client_id)).one_or_none()
    return ClientBrand(**row._mapping) if row else None


def put_brand(connection: Connection, brand: ClientBrand) -> None:
    """Write a brand, over the one before."""
    values = dict(brand.__dict__)
    changed = {name: value for name, value in values.items() if name != "client_id"}
    connection.execute(
        insert_into(connection, client_brands)
        .values(values)
        .on_conflict_do_update(index_elements=["client_id"], set_=changed)
    )


def delete_brand(connection: Connection, client_id: str) -> bool:
    """Return False when there was none."""
    return connection.execute(delete(client_brands).where(client_brands.c.client_id == client_id)).rowcount == 1


def list_letters(connection: Connection, client_id: str) -> dict[str, Letter]:
    """Return the client's own words, by kind."""
    rows = connection.execute(select(client_letters).where(client_letters.c.client_id == client_id))
    return {row.kind: Letter(row.subject, row.text) for row in rows}


def replace_letters(connection: Connection, client_id: str, letters: Mapping[str, Letter]) -> None:
    """Make these the client's own words, instead of all that it had."""
    connection.execute(delete(client_letters).where(client_letters.c.client_id == client_id))
    rows = [
        {"client_id": client_id, "kind": kind, "subject": letter.subject, "text": letter.text}
        for kind, letter in letters.items()
    ]
    if rows:
        connection.execute(insert(client_letters), rows)


def find_asset(connection: Connection, client_id: str, asset_hash: str) -> Asset | None:
    query = select(brand_assets).where(brand_assets.c.client_id == client_id, brand_assets.c.hash == asset_hash)
    row = connection.execute(query).one_or_none()
    return Asset(row.hash, row.media_type, row.body) if row else None


def insert_asset(connection: Connection, client_id: str, asset: Asset) -> None:
    """Keep a file; one that was replaced is in use again."""
    connection.execute(
        insert_into(connection, brand_assets)
        .values(client_id=client_id, **asset.__dict__)
        .on_conflict_do_update(index_elements=["client_id", "hash"], set_={"replaced_at": None})
    )


def retire_assets(connection: Connection, client_id: str, *, used: Collection[str], now: datetime) -> None:
    """Mark what is not used any more, and drop what was marked a day ago."""
    unused = (brand_assets.c.client_id == client_id) & brand_assets.c.hash.not_in(list(used))
    connection.execute(update(brand_assets).where(unused, brand_assets.c.replaced_at.is_(None)).values(replaced_at=now))
    connection.execute(delete(brand_assets).where(unused, brand_assets.c.replaced_at < now - KEPT_AFTER_REPLACED))
