"""The operating point: from which distance on two captures are two people, and what that was measured on.

A point belongs to one embedder and to one kind of distance (score.py). Which one decides:

1. the relative one, where this deployment has calibrated it and the cohort has not lost too much since: with fewer
   prototypes the nearest lie further away, every relative distance shrinks, and more strangers pass;
2. else the plain one of this deployment's calibration, else the operator's setting, which is the one that ships.

Calibrating: n impostor pairs of which k lie below a threshold show a false-match rate below p only if so few would be a
surprise otherwise: the upper limit of 95 % of a Poisson count of k must be at most n p. For k = 0 that limit is 3, the
*rule of three*: n pairs can show no rate below 3/n. The pairs of few people are not independent; how many
people they are of stands beside the figure. Pure.
"""

import math
from dataclasses import dataclass

import numpy as np

from authsvc.factors.face.embedder.choice import DLIB_ID
from authsvc.factors.face.matching.cohort import Cohort
from authsvc.factors.face.matching.score import distance, relative_distance
from authsvc.factors.face.measured import FloatArray

CONFIDENCE = 0.95
KEPT_SHARE = 0.8  # of the prototypes that a relative point was calibrated with


class TooFewPairs(Exception):
    """These impostor pairs can't show a rate this small; the message says how many could."""


@dataclass(frozen=True)
class OperatingPoint:
    """Largest distance that matches, and what stands behind it.

    `fmr`: the false-match rate that it was measured at, None where the operator set it. `pairs`, `people`: impostors.
    `prototypes`: how many the cohort had; 0 for a plain distance.
    """

    embedder: str
    threshold: float
    fmr: float | None
    pairs: int
    people: int
    source: str
    prototypes: int = 0

    @property
    def relative(self) -> bool:
        return self.prototypes > 0


# Means of three against means of three, by the command in docs/models/face.md: no impostor pair passes.
SHIPPED = {
    DLIB_ID: OperatingPoint(
        DLIB_ID, threshold=0.40, fmr=2.6e-4, pairs=11_781, people=154, source="Labeled Faces in the Wild"
    )
}


@dataclass(frozen=True)
class Points:
    """What may decide: a plain point always, a relative one after calibration."""

    plain: OperatingPoint
    relative: OperatingPoint | None = None


@dataclass(frozen=True)
class Match:
    """A comparison, and the point that decided it."""

    matched: bool
    distance: float
    measured: float
    point: OperatingPoint


def compare(template: FloatArray, probe: FloatArray, cohort: Cohort, points: Points) -> Match:
    """Return whether both are one person; a distance that is no number is no match."""
    plain = distance(template, probe)
    point = _deciding(cohort, points)
    measured = relative_distance(template, probe, cohort) if point.relative else plain
    return Match(measured <= point.threshold, plain, measured, point)


def calibrated_threshold(impostors: FloatArray, fmr: float) -> float:
    """Return the largest threshold of which these impostors' distances show a rate of at most `fmr`.

    Raises:
        TooFewPairs: see the class.
        ValueError: a distance is no number.
    """
    if not np.isfinite(impostors).all():
        raise ValueError("a distance is not a number")
    if (allowed := allowed_matches(len(impostors), fmr)) is None:
        raise TooFewPairs(
            f"{len(impostors)} impostor pairs can't show a false-match rate of {fmr:g}: "
            f"that takes {math.ceil(poisson_limit(0) / fmr)}; these show {least_rate(len(impostors)):.2g} at best"
        )
    # Below the first distance that would be one too many.
    return float(np.nextafter(np.partition(impostors, allowed)[allowed], -np.inf))


def allowed_matches(pairs: int, fmr: float) -> int | None:
    """Return how many of `pairs` may match for the rate to be shown; None when even none is too many."""
    allowed = None
    while poisson_limit(0 if allowed is None else allowed + 1) <= pairs * fmr:
        allowed = 0 if allowed is None else allowed + 1
    return allowed


def least_rate(pairs: int) -> float:
    """Return the smallest rate that so many pairs can show: the rule of three."""
    return poisson_limit(0) / pairs if pairs else 1.0


def poisson_limit(count: int) -> float:
    """Return the upper confidence limit of a Poisson mean of which `count` were seen."""
    low, high = float(count), count + 10.0 + 5 * math.sqrt(count)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > 1 - CONFIDENCE else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """Return the probability of `count` or fewer."""
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _deciding(cohort: Cohort, points: Points) -> OperatingPoint:
    relative = points.relative
    stands = relative is not None and cohort.stands and len(cohort) >= KEPT_SHARE * relative.prototypes
    return relative if relative is not None and stands else points.plain
