"""Which provider (autonomous system) an address belongs to, by a database in MaxMind's format. Wraps geoip2.

Without one every provider is unknown, which is neither safe nor suspicious. A file that can't be used refuses at start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import maxminddb
from geoip2.database import Reader
from geoip2.errors import AddressNotFoundError

from authsvc.risk.history.geo import PROBE
from authsvc.settings import SettingsProblem

SETTING = "AUTHSVC_RISK__ASN_DATABASE"


class Networks(Protocol):
    def provider(self, address: str) -> str | None:
        """Return the autonomous system's number as text, None when it is not known."""
        ...


@dataclass(frozen=True)
class NoNetworks:
    """Stands in where no database is configured."""

    def provider(self, address: str) -> str | None:  # noqa: ARG002  # as every Networks
        return None


NO_NETWORKS = NoNetworks()


@dataclass(frozen=True)
class NetworkDatabase:
    """A database of autonomous systems, held in memory."""

    reader: Reader

    def provider(self, address: str) -> str | None:
        """Raises maxminddb.InvalidDatabaseError: the database is broken at this address."""
        try:
            number = self.reader.asn(address).autonomous_system_number
        except (AddressNotFoundError, ValueError):
            return None
        return None if number is None else str(number)


def open_networks(path: Path | None) -> Networks:
    """Open the database that the settings name.

    Raises:
        SettingsProblem: it can't be read, or is no database of autonomous systems.
    """
    if path is None:
        return NO_NETWORKS
    try:
        networks = NetworkDatabase(Reader(path, mode=maxminddb.MODE_MEMORY))
        networks.provider(PROBE)
    except (OSError, TypeError, maxminddb.InvalidDatabaseError) as problem:
        raise SettingsProblem(
            f"authsvc can't start:\n  {SETTING}: {path}: {problem} (an ASN database in MaxMind's format; "
            "leave the variable empty to do without)"
        ) from problem
    return networks
