"""Reads sign-ins in the columns of the public rba-dataset. Pure, but for the file.

Columns that are missing are unknown; a row without a time or a user can't be placed and is counted as unreadable. The
kind of an attack stands in the column `Attacker` where there is one (authsvc simulate logins writes it); else every
account takeover is of the kind "all".
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from authsvc.core.origin import network_of
from authsvc.risk.history.behaviour.sighting import Feature, Sighting, sighting

TIME, USER, DONE, TAKEOVER = "Login Timestamp", "User ID", "Login Successful", "Is Account Takeover"
NEEDED = (TIME, USER, "IP Address", "Country", "ASN", "User Agent String", DONE, TAKEOVER)
ATTACKER = "Attacker"
ALL = "all"
YES = {"true", "1", "yes"}
MISSING = {"", "-", "nan", "none", "null"}


@dataclass(frozen=True)
class Login:
    """One row: who, what it shows, and what the baseline is given of it."""

    user: str
    attacker: str  # "": the owner
    succeeded: bool
    sighting: Sighting
    network: tuple[str, ...]  # from the finest to the coarsest
    agent: tuple[str, ...]


@dataclass
class LoginsFile:
    """Reads a file once, in its order; `unreadable` counts rows that can't be placed."""

    path: Path
    unreadable: int = 0
    attackers: bool = False  # the file says of which kind they are

    def rows(self, most: int | None = None) -> Iterator[Login]:
        """Yield the rows.

        Raises:
            ValueError: a column that is needed is missing, or a line is no CSV.
        """
        try:
            yield from self._rows(most)
        except csv.Error as problem:
            raise ValueError(f"{self.path}: {problem}") from problem

    def _rows(self, most: int | None) -> Iterator[Login]:
        with self.path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{self.path}: the columns {', '.join(missing)} are missing")
            self.attackers = ATTACKER in (reader.fieldnames or ())
            for number, row in enumerate(reader):
                if most is not None and number >= most:
                    return
                login = self._login({name: value or "" for name, value in row.items() if isinstance(name, str)})
                if login is None:
                    self.unreadable += 1
                else:
                    yield login

    def _login(self, row: dict[str, str]) -> Login | None:
        at, user = _time(row[TIME]), row[USER].strip()
        if at is None or not user:
            return None
        network = _network(row["IP Address"])
        country, provider = _known(row["Country"]), _known(row["ASN"])
        system, browser = _known(row.get("OS Name and Version", "")), _known(row.get("Browser Name and Version", ""))
        device = _known(row.get("Device Type", ""))
        takeover = row[TAKEOVER].strip().lower() in YES
        kind = row[ATTACKER].strip() if self.attackers else ALL if takeover else ""
        shown = {
            Feature.COUNTRY: country,
            Feature.PROVIDER: provider,
            Feature.NETWORK: network,
            Feature.DEVICE: device,
            Feature.SYSTEM: _joined(device, _family(system)),
            Feature.BROWSER: _joined(device, _family(system), _family(browser)),
        }
        return Login(
            user=user,
            attacker=kind,
            succeeded=row[DONE].strip().lower() in YES,
            sighting=sighting(at, shown, round_trip_ms=_number(row.get("Round-Trip Time [ms]", ""))),
            network=(network or "", provider or "", country or ""),
            agent=(row["User Agent String"], browser or "", system or "", device or ""),
        )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        return None


def _network(address: str) -> str | None:
    try:
        return network_of(address.strip())
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _known(text: str) -> str | None:
    text = text.strip()
    return None if text.lower() in MISSING else text


def _joined(*parts: str | None) -> str | None:
    return None if parts[-1] is None else "|".join(part or "" for part in parts)


def _family(name: str | None) -> str | None:
    """Return `Mobile Safari` of `Mobile Safari 17.4`."""
    words = (name or "").split(" ")
    while len(words) > 1 and words[-1][:1].isdigit():
        words.pop()
    return " ".join(words) or None
