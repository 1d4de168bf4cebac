"""How much more likely a sign-in is from anybody than from its account's owner, part by part. Pure.

After Freeman et al., "Who Are You? A Statistical Approach to Measuring User Authenticity" (NDSS 2016), the ratio of the
population's likelihood and the account's. Here each value is conditional on its parent (the network on the provider on
the country), and the account's share is smoothed towards the population's by a Pitman-Yor process (Teh, "A Hierarchical
Bayesian Language Model based on Pitman-Yor Processes", ACL 2006):

    q(v)   = (c_v + B / V) / (c_parent + B)                             of the population, V possible values
    p(v)   = (max(n_v - D, 0) + (A + D K) q(v)) / (n_parent + A)        of the account, K values seen under the parent
    log_odds = ln q(v) - ln p(v)

so that an account which often has something new is not asked each time, and one that never had is. Positive speaks for
an attack. A child of a parent that is new says nothing more: its part is 0.

- Hours: counts of three-hour bins, spread over their neighbours of the day and the same hour of other days; the other
  side is half population, half no hour in particular.
- Round-trip times: the logarithm's predictive Student t of the provider's earlier ones (normal-inverse-gamma prior),
  against a wide normal of everybody's. Most of an attacker's way leads through a proxy, which adds to it.
- Travel: how fast the owner would have to travel between the two places if both lie as near as their radii allow.
  Slower than an airliner says nothing.

Until the population is known (TRUSTED_AFTER sign-ins), what speaks for the owner counts for less: nobody knows yet how
usual it is. Missing values make no part at all. Every part lies within PART_BOUND, whatever goes in.
"""

from collections.abc import Mapping
from math import exp, isfinite, lgamma, log, pi
from typing import Protocol

from authsvc.risk.history.behaviour.profile import Key, Profile, Shown
from authsvc.risk.history.behaviour.sighting import HOURS_A_BIN, WEEK_BINS, Feature

CONCENTRATION = 0.6  # A
DISCOUNT = 0.25  # D
POPULATION_PRIOR = 1.0  # B
TRUSTED_AFTER = 100.0
POSSIBLE: Mapping[Feature, float] = {  # V: roughly how many there are under one parent
    Feature.COUNTRY: 200,
    Feature.PROVIDER: 20,
    Feature.NETWORK: 200,
    Feature.DEVICE: 4,
    Feature.SYSTEM: 5,
    Feature.BROWSER: 6,
    Feature.LANGUAGE: 100,
    Feature.ZONE: 200,
}
PART_BOUND = 8.0
ROUND_TRIP = "round_trip"
TRAVEL = "travel"

AIRLINER_KM_H = 1000.0  # cruising speed, rounded up
SKEW_S = 600.0  # further in the future than clocks differ: one had jumped, and nobody knows how long ago that was
LEAST_KM = 100.0  # nearer than this is no journey
TRAVEL_LOG_ODDS = 4.0  # judgement: databases of places are wrong now and then

ROUND_TRIP_MEAN, ROUND_TRIP_SD = log(60.0), 1.0  # of anybody's, wide on purpose
_PRIOR_WEIGHT, _PRIOR_SHAPE, _PRIOR_SCALE = 0.3, 1.5, 0.08


class Population(Protocol):
    """Everybody's decayed counts."""

    def count(self, feature: Feature, key: Key) -> float: ...

    def total(self, feature: Feature) -> float: ...


def log_odds(profile: Profile, shown: Shown, everybody: Shown, population: Population) -> dict[str, float]:
    """Return the parts by name: a feature, ROUND_TRIP or TRAVEL.

    Args:
        shown: the sign-in under the account's keys.
        everybody: the same under the population's.
    """
    parts: dict[str, float] = {}
    for feature, key in shown.keys.items():
        if not profile.counts.get(feature):
            continue  # the account never showed it: unknown
        if feature is Feature.HOUR:
            parts[feature] = _hour(profile, shown, everybody, population)
        else:
            parts[feature] = _value(profile, feature, key, shown, everybody, population)
    if (trip := _round_trip(profile, shown)) is not None:
        parts[ROUND_TRIP] = trip
    if (travel := _travel(profile, shown)) is not None:
        parts[TRAVEL] = travel
    return {name: bounded(part) for name, part in parts.items() if isfinite(part)}


def bounded(part: float) -> float:
    return max(-PART_BOUND, min(PART_BOUND, part))


def _value(
    profile: Profile, feature: Feature, key: Key, shown: Shown, everybody: Shown, population: Population
) -> float:
    parent, now = shown.parent(feature), shown.at_s
    siblings = [
        profile.faded(each.weight, each.at_s, now) for each in profile.counts[feature].values() if each.parent == parent
    ]
    under = sum(siblings)
    if not under:
        return 0.0  # the parent is new, and says so itself
    own = profile.counts[feature].get(key)
    seen = profile.faded(own.weight, own.at_s, now) if own is not None and own.parent == parent else 0.0
    anybody = _share(feature, everybody, population)
    smoothing = CONCENTRATION + DISCOUNT * len(siblings)
    owner = (max(seen - DISCOUNT, 0.0) + smoothing * anybody) / (under + CONCENTRATION)
    return _trusted(log(anybody) - log(owner), population.total(feature))


def _trusted(part: float, total: float) -> float:
    return part * total / (total + TRUSTED_AFTER) if part < 0 else part


def _share(feature: Feature, everybody: Shown, population: Population) -> float:
    """Return q: how usual the value is among everybody under its parent."""
    count = population.count(feature, everybody.keys[feature])
    parent = everybody.above.get(feature)
    under = population.total(feature) if parent is None else population.count(parent, everybody.keys[parent])
    return min(1.0, (count + POPULATION_PRIOR / POSSIBLE[feature]) / (max(under, count) + POPULATION_PRIOR))


def _hour(profile: Profile, shown: Shown, everybody: Shown, population: Population) -> float:
    now, bin_now = shown.at_s, bin_of(everybody.keys[Feature.HOUR])
    weight = near = 0.0
    for key, count in profile.counts[Feature.HOUR].items():
        faded = profile.faded(count.weight, count.at_s, now)
        weight += faded
        near += faded * KERNEL[bin_of(key)][bin_now]
    total = population.total(Feature.HOUR)
    usual = (population.count(Feature.HOUR, everybody.keys[Feature.HOUR]) + 1) / (total + WEEK_BINS)
    owner = (near + HOUR_PRIOR * usual) / (weight + HOUR_PRIOR)
    return _trusted(log(0.5 * usual + 0.5 / WEEK_BINS) - log(owner), total)


def bin_of(key: Key) -> int:
    """Return the three hours of the week that a key of HOUR stands for. They are no secret: hours are not hashed."""
    return (key - 1) % WEEK_BINS


def _kernel() -> tuple[tuple[float, ...], ...]:
    day = 24 // HOURS_A_BIN
    rows = []
    for own in range(WEEK_BINS):
        row = []
        for other in range(WEEK_BINS):
            apart = abs(own % day - other % day)
            apart = min(apart, day - apart) * HOURS_A_BIN
            same_kind = (own // day < 5) == (other // day < 5)
            row.append(exp(-((apart / 2.5) ** 2) / 2) * (1.0 if same_kind else 0.5))
        total = sum(row)
        rows.append(tuple(each / total for each in row))
    return tuple(rows)


KERNEL = _kernel()
HOUR_PRIOR = 2.0


def _round_trip(profile: Profile, shown: Shown) -> float | None:
    line = profile.lines.get(shown.line) if shown.line else None
    if line is None or shown.round_trip_ms is None:
        return None
    value = log(shown.round_trip_ms)
    weight = profile.faded(line.weight, line.at_s, shown.at_s)
    squares = profile.faded(line.squares, line.at_s, shown.at_s)
    trust = _PRIOR_WEIGHT + weight
    mean = (_PRIOR_WEIGHT * ROUND_TRIP_MEAN + weight * line.mean) / trust
    shape = _PRIOR_SHAPE + weight / 2
    pull = _PRIOR_WEIGHT * weight * (line.mean - ROUND_TRIP_MEAN) ** 2 / (2 * trust)
    scale = _PRIOR_SCALE + squares / 2 + min(pull, 0.1)
    owner = _student(value, 2 * shape, mean, scale * (trust + 1) / (shape * trust))
    anybody = -((value - ROUND_TRIP_MEAN) ** 2) / (2 * ROUND_TRIP_SD**2) - log(ROUND_TRIP_SD) - log(2 * pi) / 2
    return anybody - owner


def _student(value: float, freedom: float, mean: float, variance: float) -> float:
    """Return the logarithm of Student's t density."""
    apart = (value - mean) ** 2 / (freedom * variance)
    return (
        lgamma((freedom + 1) / 2)
        - lgamma(freedom / 2)
        - log(freedom * pi * variance) / 2
        - (freedom + 1) / 2 * log(1 + apart)
    )


def _travel(profile: Profile, shown: Shown) -> float | None:
    if shown.place is None or profile.last_place is None or profile.last_place_at_s is None:
        return None
    before, apart_s = profile.last_place, shown.at_s - profile.last_place_at_s
    if apart_s < -SKEW_S:
        return None
    # 67 % of addresses lie within the radius, 95 % within two in a normal plane.
    least_km = shown.place.km_to(before) - 2 * (shown.place.radius_km + before.radius_km)
    if least_km < LEAST_KM:
        return 0.0
    hours = max(apart_s, 60.0) / 3600
    over = least_km / hours / AIRLINER_KM_H
    return min(TRAVEL_LOG_ODDS, TRAVEL_LOG_ODDS * log(over)) if over > 1 else 0.0
