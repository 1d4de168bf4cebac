"""What is remembered of one account's sign-ins: decayed counts of hashed values, bounded. Pure.

    count(now) = count(then) * 2 ** -((now - then) / HALF_LIFE)

A value that was seen once is forgotten after six months (FORGOTTEN_BELOW), one that is used every week never. At most
MOST_VALUES of a feature are kept, the lightest goes first; at most MOST_LINES lines. So neither a profile nor the cost
of a decision grows with an account's history.

Values are keys here: the service hashes them under a key of the account's own, evaluations may use any number.
A clock that jumps back adds no weight and takes none away: time never runs backwards in a profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import exp2, log
from typing import NamedTuple

from authsvc.risk.history.behaviour.sighting import Feature, Place

DAY_S = 86_400.0
HALF_LIFE_S = 90 * DAY_S
FORGOTTEN_BELOW = 0.25  # two half-lives: six months
MOST_VALUES = 64  # of one feature
MOST_LINES = 16

Key = int


class Count(NamedTuple):  # cheaper to make than a dataclass, and one decision makes hundreds
    weight: float
    at_s: float
    parent: Key  # the value it is conditional on; 0: none


class Line(NamedTuple):
    """Logarithms of round-trip times over one provider: decayed number, mean and sum of squared differences."""

    weight: float
    mean: float
    squares: float
    at_s: float


@dataclass(frozen=True)
class Shown:
    """A sighting with its values as keys."""

    at_s: float
    keys: Mapping[Feature, Key]
    above: Mapping[Feature, Feature]  # what each is conditional on, where there is such a thing
    round_trip_ms: float | None = None
    line: Key = 0
    place: Place | None = None

    def parent(self, feature: Feature) -> Key:
        """Return the key that the feature's value is conditional on; 0: none."""
        above = self.above.get(feature)
        return self.keys[above] if above is not None else 0


@dataclass(frozen=True)
class Profile:
    counts: Mapping[Feature, Mapping[Key, Count]] = field(default_factory=dict)
    lines: Mapping[Key, Line] = field(default_factory=dict)
    last_place: Place | None = None
    last_place_at_s: float | None = None
    sign_ins: float = 0.0  # decayed
    at_s: float = 0.0

    def faded(self, weight: float, at_s: float, now_s: float) -> float:
        """Return a weight as it is now."""
        return weight * exp2(-max(0.0, now_s - at_s) / HALF_LIFE_S)


NOTHING_KNOWN = Profile()


def learned(profile: Profile, shown: Shown) -> Profile:
    """Return the profile with one completed sign-in more."""
    now = max(shown.at_s, profile.at_s)
    counts = dict(profile.counts)
    for feature, key in shown.keys.items():
        counts[feature] = _counted(profile, counts.get(feature, {}), key, shown.parent(feature), now)
    lines = profile.lines
    if shown.round_trip_ms is not None and shown.line:
        lines = _measured(profile, lines, shown.line, log(shown.round_trip_ms), now)
    place, place_at = profile.last_place, profile.last_place_at_s
    if shown.place is not None:
        place, place_at = shown.place, now
    return replace(
        profile,
        counts=counts,
        lines=lines,
        last_place=place,
        last_place_at_s=place_at,
        sign_ins=profile.faded(profile.sign_ins, profile.at_s, now) + 1,
        at_s=now,
    )


def _counted(profile: Profile, before: Mapping[Key, Count], key: Key, parent: Key, now: float) -> Mapping[Key, Count]:
    kept = dict(before)
    old = kept.get(key)
    kept[key] = Count((profile.faded(old.weight, old.at_s, now) if old else 0.0) + 1, now, parent)
    if old is None:  # forget where something is added
        kept = {
            each: count
            for each, count in kept.items()
            if profile.faded(count.weight, count.at_s, now) >= FORGOTTEN_BELOW
        }
        if len(kept) > MOST_VALUES:
            others = (each for each in kept if each != key)
            kept.pop(min(others, key=lambda each: profile.faded(kept[each].weight, kept[each].at_s, now)))
    return kept


def _measured(profile: Profile, before: Mapping[Key, Line], key: Key, value: float, now: float) -> Mapping[Key, Line]:
    """Welford's update, with decayed weights."""
    kept, old = dict(before), before.get(key)
    if old is None:
        kept[key] = Line(1.0, value, 0.0, now)
        if len(kept) > MOST_LINES:
            kept.pop(min((each for each in kept if each != key), key=lambda each: kept[each].at_s))
        return kept
    weight, squares = profile.faded(old.weight, old.at_s, now), profile.faded(old.squares, old.at_s, now)
    mean = old.mean + (value - old.mean) / (weight + 1)
    kept[key] = Line(weight + 1, mean, squares + (value - old.mean) * (value - mean), now)
    return kept
