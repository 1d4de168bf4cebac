"""Set, show and look up a client's brand.

What pages and mails ask for at each step is remembered for a minute per process; so a change shows everywhere
within a minute.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import structlog
from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.letters.letter import Letter, check_again
from authsvc.core.mail import Letterhead
from authsvc.oidc.branding.brand import ClientBrand, read_footer, read_name, read_support
from authsvc.oidc.branding.colours import (
    DARK,
    LIGHT,
    parse_colour,
    readable_shade,
    require_readable,
    stylesheet,
    written,
)
from authsvc.oidc.branding.pillow_logo import read_logo
from authsvc.oidc.branding.store import (
    Asset,
    delete_brand,
    find_asset,
    find_brand,
    insert_asset,
    list_letters,
    put_brand,
    replace_letters,
    retire_assets,
)
from authsvc.oidc.clients.store import find_client

REMEMBERED = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Look:
    """A brand as pages and mails use it: paths of its files, and texts."""

    name: str
    support: str
    mail_footer: str
    style: str | None
    logo: str | None
    logo_width: int
    logo_height: int
    letterhead: Letterhead


@dataclass(frozen=True)
class Branding:
    """The clients' brands."""

    database: Database
    audit: Audit
    clock: Clock
    _known: dict[str, tuple[datetime, Look | None]] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def set_brand(
        self,
        client_id: str,
        *,
        name: str | None = None,
        logo: bytes | None = None,
        accent: str | None = None,
        accent_dark: str | None = None,
        support: str | None = None,
        mail_footer: str | None = None,
    ) -> ClientBrand:
        """Change what is given and keep the rest; return the whole. Everything is checked before anything is kept.

        Raises:
            NotFound: `client.unknown`.
            BadInput: `brand.…`: what can't be used, and why.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            brand = _begin(connection, client_id, now)
        assets: list[Asset] = []
        if accent is not None or accent_dark is not None:
            brand, style = _coloured(brand, accent or brand.accent, accent_dark)
            assets.append(style)
        if logo is not None:
            drawn = read_logo(logo)
            assets.append(_asset("image/png", drawn.png))
            brand = replace(brand, logo_hash=assets[-1].hash, logo_width=drawn.width, logo_height=drawn.height)
        brand = replace(
            brand,
            name=brand.name if name is None else read_name(name),
            support=brand.support if support is None else read_support(support),
            mail_footer=brand.mail_footer if mail_footer is None else read_footer(mail_footer),
            updated_at=now,
        )
        with self.database.write() as connection:
            for asset in assets:
                insert_asset(connection, client_id, asset)
            put_brand(connection, brand)
            self._finish(connection, client_id, _used(brand), "oidc:brand:set", now)
        return brand

    def remove_brand(self, client_id: str) -> None:
        """Raises NotFound: `brand.unknown`: the client has none."""
        now = self.clock.now()
        with self.database.write() as connection:
            if not delete_brand(connection, client_id):
                raise NotFound("brand.unknown", "This client has no brand.")
            self._finish(connection, client_id, (), "oidc:brand:removed", now)

    def find(self, client_id: str) -> ClientBrand | None:
        with self.database.read() as connection:
            return find_brand(connection, client_id)

    def of(self, client_id: str | None, connection: Connection | None = None) -> Look | None:
        """Return a client's look; None where it has none. At most a minute old.

        Args: connection is the caller's, where it is inside a transaction.
        """
        if client_id is None:
            return None
        now = self.clock.now()
        with self._lock:
            known = self._known.get(client_id)
        if known is not None and timedelta(0) <= now - known[0] < REMEMBERED:
            return known[1]
        brand = self.find(client_id) if connection is None else find_brand(connection, client_id)
        look = None if brand is None else look_of(brand, self._letters(client_id, connection))
        with self._lock:
            self._known[client_id] = (now, look)
        return look

    def set_letters(self, client_id: str, letters: Mapping[str, Letter]) -> None:
        """Make these the client's own words in mails, instead of those it had. Raises NotFound: `client.unknown`."""
        now = self.clock.now()
        with self.database.write() as connection:
            brand = replace(_begin(connection, client_id, now), updated_at=now)
            put_brand(connection, brand)
            replace_letters(connection, client_id, letters)
            self._finish(connection, client_id, _used(brand), "oidc:brand:set", now)

    def letterhead(self, client_id: str) -> Letterhead:
        """Return in whose name and words a client's mails are, as kept now. Raises NotFound: `client.unknown`."""
        with self.database.read() as connection:
            brand = _begin(connection, client_id, self.clock.now())
            return look_of(brand, self._letters(client_id, connection)).letterhead

    def _letters(self, client_id: str, connection: Connection | None) -> dict[str, Letter]:
        if connection is not None:
            return _usable(client_id, list_letters(connection, client_id))
        with self.database.read() as own:
            return _usable(client_id, list_letters(own, client_id))

    def asset(self, client_id: str, asset_hash: str) -> Asset | None:
        """Return a file that a page names."""
        with self.database.read() as connection:
            return find_asset(connection, client_id, asset_hash)

    def _finish(self, connection: Connection, client_id: str, used: Iterable[str], tag: str, now: datetime) -> None:
        retire_assets(connection, client_id, used=tuple(used), now=now)
        self.audit.record(connection, tag, now=now, facts={"client": client_id})
        with self._lock:
            self._known.pop(client_id, None)


def look_of(brand: ClientBrand, letters: Mapping[str, Letter] | None = None) -> Look:
    """Return a brand with the paths of its files and the words of its mails."""
    folder = f"/brand/{brand.client_id}"
    return Look(
        name=brand.name,
        support=brand.support,
        mail_footer=brand.mail_footer,
        style=f"{folder}/{brand.style_hash}.css" if brand.style_hash else None,
        logo=f"{folder}/{brand.logo_hash}.png" if brand.logo_hash else None,
        logo_width=brand.logo_width,
        logo_height=brand.logo_height,
        letterhead=Letterhead(brand.name, brand.mail_footer, brand.support, letters or {}, brand.client_id),
    )


def _usable(client_id: str, letters: Mapping[str, Letter]) -> dict[str, Letter]:
    """Return the letters that pass today's rules: of the others ours are mailed, because a sign-in needs its mail."""
    usable = {}
    for kind, letter in letters.items():
        try:
            check_again(kind, letter)
        except BadInput as problem:
            log.error("brand.letter_unusable", client=client_id, kind=kind, problem=problem.detail)
            continue
        usable[kind] = letter
    return usable


def _begin(connection: Connection, client_id: str, now: datetime) -> ClientBrand:
    client = find_client(connection, client_id)
    if client is None:
        raise NotFound("client.unknown", "There is no client with this id.")
    return find_brand(connection, client_id) or ClientBrand(client_id, read_name(client.name[:60]), "", "", "", "", now)


def _coloured(brand: ClientBrand, accent: str, accent_dark: str | None) -> tuple[ClientBrand, Asset]:
    light = parse_colour(accent)
    require_readable(light, LIGHT)
    if accent_dark is not None:
        dark = parse_colour(accent_dark)
        require_readable(dark, DARK)
    else:
        dark = readable_shade(light, DARK)
    style = _asset("text/css", stylesheet(light, dark).encode())
    return replace(brand, accent=written(light), accent_dark=written(dark), style_hash=style.hash), style


def _asset(media_type: str, body: bytes) -> Asset:
    return Asset(hashlib.sha256(body).hexdigest(), media_type, body)


def _used(brand: ClientBrand) -> tuple[str, ...]:
    return tuple(each for each in (brand.style_hash, brand.logo_hash) if each)
