"""Which country an address is in, by a database in MaxMind's format. Wraps geoip2.

Without a database every country is unknown, which is neither safe nor suspicious. A file that is missing, broken or of
another kind refuses at start: a deployment that believes it sees countries must see them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import maxminddb
from geoip2.database import Reader
from geoip2.errors import AddressNotFoundError

from authsvc.risk.history.behaviour.sighting import Place
from authsvc.settings import SettingsProblem

PROBE = "192.0.2.1"  # RFC 5737: documentation, in no database
SETTING = "AUTHSVC_RISK__GEOIP_DATABASE"
UNKNOWN_RADIUS_KM = 1000.0


class Geo(Protocol):
    def country(self, address: str) -> str | None:
        """Return the ISO 3166-1 code of the country, None when it is not known."""
        ...

    def place(self, address: str) -> Place | None:
        """Return where the address seems to be; None when that is not known, or only the country is."""
        ...


@dataclass(frozen=True)
class NoGeo:
    """Stands in where no database is configured."""

    def country(self, address: str) -> str | None:  # noqa: ARG002  # as every Geo
        return None

    def place(self, address: str) -> Place | None:  # noqa: ARG002  # as every Geo
        return None


@dataclass(frozen=True)
class GeoDatabase:
    """A country or city database, held in memory: readers of a mapped file end with the file they map."""

    reader: Reader

    def country(self, address: str) -> str | None:
        """Raises maxminddb.InvalidDatabaseError: the database is broken at this address."""
        try:
            found = self.reader.city(address) if self._has_places else self.reader.country(address)
            return found.country.iso_code
        except (AddressNotFoundError, ValueError):
            return None

    def place(self, address: str) -> Place | None:
        """Raises maxminddb.InvalidDatabaseError: the database is broken at this address."""
        if not self._has_places:
            return None
        try:
            found = self.reader.city(address).location
        except (AddressNotFoundError, ValueError):
            return None
        if found.latitude is None or found.longitude is None:
            return None
        radius = UNKNOWN_RADIUS_KM if found.accuracy_radius is None else float(found.accuracy_radius)
        return Place(float(found.latitude), float(found.longitude), radius)

    @property
    def _has_places(self) -> bool:  # a database of one kind refuses to be read as the other
        return "City" in self.reader.metadata().database_type


def open_geo(path: Path | None) -> Geo:
    """Open the database that the settings name.

    Raises:
        SettingsProblem: it can't be read, or is no database of countries.
    """
    if path is None:
        return NoGeo()
    try:
        geo = GeoDatabase(Reader(path, mode=maxminddb.MODE_MEMORY))
        geo.country(PROBE)
    except (OSError, TypeError, maxminddb.InvalidDatabaseError) as problem:
        raise SettingsProblem(
            f"authsvc can't start:\n  {SETTING}: {path}: {problem} (a country or city database in MaxMind's format; "
            "leave the variable empty to do without)"
        ) from problem
    return geo
