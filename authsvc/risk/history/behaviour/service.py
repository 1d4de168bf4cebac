"""How usual a sign-in is for its account, and remembering it once it is completed.

1. sight   what the request shows of itself, in canonical words; whatever is missing or odd is unknown
2. compare the account's sealed profile, which look_up.py read, and one query: everybody's counts of the same values
3. learn   after a completed sign-in with a password only: written over the profile that was just compared, if it is
           still that one, or else read again, locked, and written; what everybody's counts gain is left for the sweeper

A sign-in by passkey is neither compared nor learned: what it proves does not depend on where it comes from.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import maxminddb
import structlog
from sqlalchemy import Connection

from authsvc.core.database import noted
from authsvc.core.ids import new_bytes
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.risk.context import BehaviourFacts
from authsvc.risk.history.behaviour import keys
from authsvc.risk.history.behaviour.likelihood import log_odds
from authsvc.risk.history.behaviour.packing import SALT_BYTES, pack, unpack
from authsvc.risk.history.behaviour.population import Cells, cells_of
from authsvc.risk.history.behaviour.profile import NOTHING_KNOWN, Profile, Shown, learned
from authsvc.risk.history.behaviour.sighting import Feature, Sighting, sighting
from authsvc.risk.history.behaviour.store import (
    find_cells,
    insert_news,
    lock_profile,
    replace_profile,
    write_profile,
)
from authsvc.risk.history.behaviour.user_agent import read_agent
from authsvc.risk.history.geo import Geo
from authsvc.risk.history.networks import Networks

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Compared:
    """A sign-in and the profile it was compared with, as learning needs them once more in the same transaction."""

    origin: Origin
    at: datetime
    sealed: bytes
    profile: Profile
    salt: bytes
    shown: Shown
    cells: tuple[int, ...]
    readable: bool


@dataclass(frozen=True)
class Behaviour:
    """Compares and learns."""

    vault: Vault
    geo: Geo
    networks: Networks

    def look_at(
        self, connection: Connection, account_id: str, sealed: bytes | None, origin: Origin, now: datetime
    ) -> tuple[BehaviourFacts, bool]:
        """Return what the sign-in's behaviour says, and whether all of it could be looked at."""
        seen, readable = self._sight(origin, now)
        try:
            profile, salt = self._open(connection, account_id, sealed)
        except (CannotOpen, ValueError):
            log.exception("risk.part_failed", part="behaviour")
            return BehaviourFacts(), False
        if sealed is None or not profile.counts:
            return BehaviourFacts(), readable
        shown, everybody = keys.for_account(seen, salt), keys.for_population(seen, self.vault.keyring)
        counted = [cells_of(each) for each in everybody]
        compared = _Compared(origin, now, sealed, profile, salt, shown, counted[0], readable)
        noted(connection)[_Compared, account_id] = compared
        found = find_cells(connection, sorted({cell for cells in counted for cell in cells}))
        # Rows of before a key rotation count for as long as their key is in the ring.
        merged = dict(found)
        for older in everybody[1:]:
            for feature, key in older.keys.items():
                current = keys.cell_of(feature, everybody[0].keys[feature])
                if (cell := keys.cell_of(feature, key)) != current:
                    merged[current] = merged.get(current, 0.0) + found.get(cell, 0.0)
        parts = log_odds(profile, shown, everybody[0], Cells(merged, seen.at_s))
        return BehaviourFacts(tuple(sorted((str(name), part) for name, part in parts.items()))), readable

    def learn(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> bool:
        """Take a completed sign-in into the account's profile and, by and by, everybody's; False: it was altered."""
        before: _Compared | None = noted(connection).pop((_Compared, account_id), None)
        if before is not None and (before.origin, before.at) == (origin, now):
            sealed = self._seal(connection, account_id, learned(before.profile, before.shown), before.salt, now)
            if replace_profile(connection, account_id, sealed, before=before.sealed, now=now):
                insert_news(connection, before.cells)
                return before.readable
        seen, readable = self._sight(origin, now)
        try:
            profile, salt = self._open(connection, account_id, lock_profile(connection, account_id))
        except (CannotOpen, ValueError):  # begin anew: what nobody can read helps nobody
            log.exception("risk.part_failed", part="behaviour")
            profile, salt, readable = NOTHING_KNOWN, new_bytes(SALT_BYTES), False
        sealed = self._seal(connection, account_id, learned(profile, keys.for_account(seen, salt)), salt, now)
        write_profile(connection, account_id, sealed, now=now)
        insert_news(connection, cells_of(keys.for_population(seen, self.vault.keyring)[0]))
        return readable

    def _seal(self, connection: Connection, account_id: str, profile: Profile, salt: bytes, now: datetime) -> bytes:
        packed = pack(profile, salt)
        return self.vault.seal_for(connection, account_id, packed, context=_context(account_id), now=now)

    def _open(self, connection: Connection, account_id: str, sealed: bytes | None) -> tuple[Profile, bytes]:
        if sealed is None:
            return NOTHING_KNOWN, new_bytes(SALT_BYTES)
        packed = self.vault.open_for(connection, account_id, sealed, context=_context(account_id))
        return (NOTHING_KNOWN, new_bytes(SALT_BYTES)) if packed is None else unpack(packed)

    def _sight(self, origin: Origin, now: datetime) -> tuple[Sighting, bool]:
        agent = read_agent(origin.user_agent)
        country = provider = place = None
        readable = True
        with suppress(maxminddb.InvalidDatabaseError):  # risk/service.py says so
            country, place = self.geo.country(origin.address), self.geo.place(origin.address)
        try:
            provider = self.networks.provider(origin.address)
        except maxminddb.InvalidDatabaseError:
            log.exception("risk.part_failed", part="provider")
            readable = False
        shown = {
            Feature.COUNTRY: country,
            Feature.PROVIDER: _joined(country, provider),
            Feature.NETWORK: _network(origin),
            Feature.DEVICE: agent.device,
            Feature.SYSTEM: _joined(agent.device, agent.system),
            Feature.BROWSER: _joined(agent.device, agent.system, agent.browser),
            Feature.LANGUAGE: origin.language or None,
            Feature.ZONE: origin.time_zone or None,
        }
        return sighting(now, shown, round_trip_ms=origin.round_trip_ms, place=place), readable


def _network(origin: Origin) -> str | None:
    try:
        return origin.network
    except ValueError:
        return None


def _joined(*parts: str | None) -> str | None:
    return None if parts[-1] is None else "|".join(part or "" for part in parts)


def _context(account_id: str) -> str:
    return f"behaviour_profiles:{account_id}"
