"""What is to be expected of a count in the next five minutes, and whether what came leaves its band. Pure.

    expected = level * season[hour of the week]
    high     = expected + Z * sqrt(spread * max(expected, 1)),  low the same below, never under nought

Level, season and spread are exponentially weighted means: of the count without its season, of the count by its level,
and of the squared error by the expectation (1 for a Poisson count, more where people come in waves). After Holt and
Winters' multiplicative seasonal method (Winters, Management Science 6(3), 1960), without a trend: shops grow slowly.

An attack must not teach that attacks are usual: what strays by more than LEARNED deviations is learned as if it strayed
by so many (after Gelper, Fried and Croux, Robust forecasting with exponential and Holt-Winters smoothing, Journal of
Forecasting 29(3), 2010). Learned as the band's edge, five deviations away, a flood made the band wider by a twelfth of
its variance every five minutes, and was usual within hours. A lasting change of habits is accepted within days, of a
hundred times as much within a week.

Until a week was seen (READY_AFTER) nothing is known to be unusual: a shop that has just opened, or moved here, sees new
devices and forgotten passwords all day. Z, the weights and the bounds are judgement.

Limits: a flood in the first week is learned, and no alert. Afterwards, whoever stays just inside the band for days
widens it, by less than three times a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite, sqrt
from typing import Any

INTERVAL = timedelta(minutes=5)
SLOTS = 168  # hours of the week
READY_AFTER = 7 * 24 * 12  # intervals: a week
LEVEL_WEIGHT = 1 / 288  # a day of intervals
SEASON_WEIGHT = 1 / 48  # four weeks of one hour's intervals
SPREAD_WEIGHT = 1 / READY_AFTER
Z = 5.0
LEARNED = 2.0  # deviations
KEPT_SPREAD = 0.92  # what is left of a normal's variance when it is cut at LEARNED deviations
LEAST = 20  # fewer than so many in five minutes are no attack worth the name
MOST = 1e12


@dataclass(frozen=True)
class Baseline:
    level: float = 0.0
    season: tuple[float, ...] = (1.0,) * SLOTS
    times: tuple[int, ...] = (0,) * SLOTS  # how often each hour's season was learned
    spread: float = 1.0
    intervals: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether enough was seen to call something unusual."""
        return self.intervals >= READY_AFTER

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "season": list(self.season), "times": list(self.times)}


@dataclass(frozen=True)
class Band:
    expected: float
    low: float
    high: float

    def left_by(self, seen: int) -> bool:
        """Return whether so many are an alert, once the baseline is ready."""
        return seen > self.high and seen >= LEAST


def from_json(value: Mapping[str, Any]) -> Baseline:
    """Return what `to_json` wrote. Raises ValueError: it is something else."""
    try:
        made = Baseline(**{**value, "season": tuple(value["season"]), "times": tuple(value["times"])})
        numbers = (made.level, made.spread, made.intervals, *made.season, *made.times)
        sound = all(isfinite(number) and number >= 0 for number in numbers)
    except (KeyError, TypeError, OverflowError) as problem:
        raise ValueError("not a baseline") from problem
    if not sound or len(made.season) != SLOTS or len(made.times) != SLOTS:
        raise ValueError("not a baseline")
    return made


def slot_of(at: datetime) -> int:
    """Return the hour of the week (UTC)."""
    return at.weekday() * 24 + at.hour


def band(baseline: Baseline, slot: int) -> Band:
    """Return what is expected in that hour."""
    expected = baseline.level * baseline.season[slot]
    reach = Z * sqrt(baseline.spread * max(expected, 1.0))
    return Band(expected, max(0.0, expected - reach), expected + reach)


def learned(baseline: Baseline, slot: int, seen: int) -> Baseline:
    """Return the baseline with one interval more."""
    expected = baseline.level * baseline.season[slot]
    count, kept_spread = _believed(baseline, slot, min(float(max(seen, 0)), MOST))
    factor = max(baseline.season[slot], 0.01)
    number = baseline.intervals + 1
    level = baseline.level + max(LEVEL_WEIGHT, 1 / number) * (min(count / factor, MOST) - baseline.level)
    season, times = list(baseline.season), list(baseline.times)
    if level > 0:
        times[slot] += 1
        season[slot] += max(SEASON_WEIGHT, 1 / (times[slot] + 1)) * (min(count / level, 100.0) - season[slot])
    error = (count - expected) ** 2 / max(expected, 1.0) / kept_spread
    spread = baseline.spread + max(SPREAD_WEIGHT, 1 / (number + 10)) * (min(error, 10_000.0) - baseline.spread)
    made = replace(
        baseline, level=level, season=tuple(season), times=tuple(times), spread=max(1.0, spread), intervals=number
    )
    return made if isfinite(made.level) and isfinite(made.spread) else baseline


def _believed(baseline: Baseline, slot: int, seen: float) -> tuple[float, float]:
    """Return as how many a count is learned, and what share of the variance that leaves."""
    if baseline.intervals < READY_AFTER:
        return (min(seen, band(baseline, slot).high) if baseline.intervals else seen), 1.0
    expected = baseline.level * baseline.season[slot]
    most = LEARNED * sqrt(baseline.spread * max(expected, 1.0))
    return min(max(seen, expected - most), expected + most), KEPT_SPREAD
