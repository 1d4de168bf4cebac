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
from math import nan

from authsvc.risk.history.behaviour.likelihood import PART_BOUND, ROUND_TRIP, TRAVEL
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
_WEIGHTS_OF = [(group, [(part, WEIGHTS[part]) for part in group.parts]) for group in GROUPS.values()]


def weighed(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return what each part counts for, one group after the other; parts that say nothing are left out."""
    said: list[tuple[str, float]] = []
    for group, weights in _WEIGHTS_OF:
        counted, total = [], 0.0
        for part, weight in weights:
            known = parts.get(part, nan)
            if known > PART_BOUND:
                known = PART_BOUND
            elif known < -PART_BOUND:
                known = -PART_BOUND
            value = weight * known
            if value >= QUIET or value <= -QUIET:  # what is unknown is NaN, and neither
                counted.append((part, value))
                total += value
        if not group.least <= total <= group.most:
            kept = group.most if total > 0 else group.least
            counted = [(part, value * kept / total) for part, value in counted]
        said += counted
    return said


def score(parts: Mapping[str, float]) -> float:
    """Return the whole model's log-odds."""
    return sum(value for _, value in weighed(parts))
