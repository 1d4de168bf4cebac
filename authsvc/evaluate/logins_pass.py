"""One pass over sign-ins in their order of time: each is scored by what was known before it, then learned. Pure.

Only sign-ins with a right password are scored, because only they reach the risk engine. An attack is never learned: it
is assumed to have been stopped, for both models alike. The first sign-in of a user has nothing to be compared with and
is learned alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp2

import numpy as np
from numpy.typing import NDArray

from authsvc.evaluate.logins_file import Login
from authsvc.risk.history.behaviour.freeman import Freeman
from authsvc.risk.history.behaviour.likelihood import ROUND_TRIP, log_odds
from authsvc.risk.history.behaviour.profile import HALF_LIFE_S, NOTHING_KNOWN, Key, Profile, Shown, learned
from authsvc.risk.history.behaviour.sighting import Feature, Sighting

PARTS = (
    Feature.COUNTRY,
    Feature.PROVIDER,
    Feature.NETWORK,
    Feature.DEVICE,
    Feature.SYSTEM,
    Feature.BROWSER,
    Feature.HOUR,
    ROUND_TRIP,
)


@dataclass(frozen=True)
class Scored:
    """Sign-ins with what both models make of them; `parts` in the order of PARTS, 0 where nothing is said."""

    user: NDArray[np.int64]
    attacker: NDArray[np.str_]
    past: NDArray[np.int64]
    freeman: NDArray[np.float64]
    parts: NDArray[np.float64]

    def at(self, index: NDArray[np.bool_]) -> "Scored":
        return Scored(self.user[index], self.attacker[index], self.past[index], self.freeman[index], self.parts[index])


@dataclass
class Everybody:
    """The population's decayed counts, exact: the service keeps them in a table of fixed size."""

    counts: dict[tuple[Feature, Key], tuple[float, float]] = field(default_factory=dict)
    totals: dict[Feature, tuple[float, float]] = field(default_factory=dict)
    now_s: float = 0.0

    def count(self, feature: Feature, key: Key) -> float:
        return self._faded(self.counts.get((feature, key), (0.0, 0.0)))

    def total(self, feature: Feature) -> float:
        return self._faded(self.totals.get(feature, (0.0, 0.0)))

    def add(self, shown: Shown) -> None:
        for feature, key in shown.keys.items():
            self.counts[feature, key] = (self.count(feature, key) + 1, self.now_s)
            self.totals[feature] = (self.total(feature) + 1, self.now_s)

    def _faded(self, counted: tuple[float, float]) -> float:
        return counted[0] * exp2(-max(0.0, self.now_s - counted[1]) / HALF_LIFE_S) if counted[0] else 0.0


@dataclass
class Keys:
    """Numbers for texts. An evaluation needs no secret ones."""

    known: dict[tuple[Feature, str], Key] = field(default_factory=dict)

    def of(self, sighting: Sighting) -> Shown:
        keys = {
            feature: int(text) + 1 if feature is Feature.HOUR else self._key(feature, text)
            for feature, text in sighting.values.items()
        }
        above = {feature: parent for feature in keys if (parent := sighting.parent_of(feature)) is not None}
        line = 0 if sighting.line is None else self._key(Feature.PROVIDER, sighting.line)
        return Shown(sighting.at_s, keys, above, sighting.round_trip_ms, line, sighting.place)

    def _key(self, feature: Feature, text: str) -> Key:
        return self.known.setdefault((feature, text), len(self.known) + 1)


def score_all(logins: Iterable[Login]) -> Scored:
    """Return every sign-in that could be scored. They must come in order of time."""
    keys, everybody, baseline = Keys(), Everybody(), Freeman()
    profiles: dict[str, Profile] = {}
    past: dict[str, int] = defaultdict(int)
    users: dict[str, int] = {}
    rows: list[tuple[int, str, int, float]] = []
    parts: list[tuple[float, ...]] = []
    for login in logins:
        if not login.succeeded:
            continue
        shown = keys.of(login.sighting)
        everybody.now_s = max(everybody.now_s, shown.at_s)
        features = {"network": login.network, "agent": login.agent}
        if past[login.user]:
            said = log_odds(profiles[login.user], shown, shown, everybody)
            number = users.setdefault(login.user, len(users))
            rows.append((number, login.attacker, past[login.user], baseline.score(login.user, features)))
            parts.append(tuple(said.get(name, 0.0) for name in PARTS))
        if not login.attacker:
            profiles[login.user] = learned(profiles.get(login.user, NOTHING_KNOWN), shown)
            everybody.add(shown)
            baseline.add(login.user, features)
            past[login.user] += 1
    return Scored(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.str_),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
        np.array(parts, np.float64).reshape(-1, len(PARTS)),
    )
