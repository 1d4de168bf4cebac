"""What each part of a sign-in's likelihood counts for: fitted weights, and a cap for each group. Pure.

    group = clamp(sum of weight * part, least, most)

Parts of one group say much the same (a new country is nearly always a new network, too), so a group is capped as a
whole: what it is cut by is taken from its parts in proportion, so that parts always add up to the score. A part that
would count for less than QUIET says nothing.

`weights.json` holds what `authsvc train logins` fitted on *simulated* sign-ins, never less than nought: more against an
account never lowers its risk. Languages, time zones and travel are not simulated; their weights and all caps are
judgement, and are called initial. Caps on the owner's side are the tighter ones: what a browser says of itself, and an
address nearby, can be had by others.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import isnan

from authsvc.risk.history.behaviour.likelihood import ROUND_TRIP, TRAVEL, bounded
from authsvc.risk.history.behaviour.sighting import Feature

QUIET = 0.05


@dataclass(frozen=True)
class Group:
    parts: tuple[str, ...]
    least: float
    most: float


def _names(*parts: str) -> tuple[str, ...]:
    return tuple(map(str, parts))  # an enumeration's member is looked up five times as slowly as its text


GROUPS: Mapping[str, Group] = {
    "where": Group(
        _names(Feature.COUNTRY, Feature.PROVIDER, Feature.NETWORK, Feature.LANGUAGE, Feature.ZONE, TRAVEL), -2.0, 3.5
    ),
    "what": Group(_names(Feature.DEVICE, Feature.SYSTEM, Feature.BROWSER), -0.75, 2.0),
    "when": Group(_names(Feature.HOUR), -0.75, 1.0),
    "line": Group((ROUND_TRIP,), -1.5, 2.0),
}
INITIAL: Mapping[str, float] = {Feature.LANGUAGE: 0.4, Feature.ZONE: 0.4, TRAVEL: 0.6}


def _shipped() -> Mapping[str, float]:
    text = (files("authsvc.risk.history.behaviour") / "weights.json").read_text(encoding="utf-8")
    return {**{str(part): weight for part, weight in INITIAL.items()}, **json.loads(text)["weights"]}


WEIGHTS: Mapping[str, float] = _shipped()


def weighed(parts: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> dict[str, dict[str, float]]:
    """Return what each part counts for, by group; groups of which nothing is known are left out."""
    said: dict[str, dict[str, float]] = {}
    for name, group in GROUPS.items():
        counted = {}
        for part in group.parts:
            if (known := parts.get(part)) is not None and not isnan(known):
                value = weights.get(part, 0.0) * bounded(known)
                if abs(value) >= QUIET:
                    counted[part] = value
        total = sum(counted.values())
        kept = min(max(total, group.least), group.most)
        if kept != total:
            counted = {part: value * kept / total for part, value in counted.items()}
        if counted:
            said[name] = counted
    return said


def score(parts: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """Return the whole model's log-odds."""
    return sum(value for group in weighed(parts, weights).values() for value in group.values())
