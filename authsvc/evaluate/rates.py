"""Error rates of anything that answers with a score, and what stands behind them. Pure.

A *genuine* score should be high and an *impostor* score low; who has distances passes them negated. A threshold accepts
scores at or above it, so at a threshold t

    FNMR(t) = share of genuine scores < t         (false non-match; for attack detection BPCER)
    FMR(t)  = share of impostor scores >= t       (false match; for attack detection APCER)

Terms as in ISO/IEC 19795-1 and 30107-3. Where two thresholds would do, the one that accepts fewer impostors is taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

FloatVector = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """FNMR and FMR at every threshold that changes either, thresholds rising."""

    thresholds: FloatVector
    fnmr: FloatVector
    fmr: FloatVector


@dataclass(frozen=True)
class Interval:
    """A rate with its confidence interval."""

    rate: float
    low: float
    high: float


def curve(genuine: ArrayLike, impostor: ArrayLike) -> Curve:
    """Return the whole trade-off of two sets of scores.

    Raises:
        ValueError: one of them is empty, or a score is NaN.
    """
    own, others = _sorted(genuine), _sorted(impostor)
    thresholds = np.append(np.unique(np.concatenate([own, others])), np.inf)
    missed = np.searchsorted(own, thresholds, side="left") / len(own)
    passed = 1 - np.searchsorted(others, thresholds, side="left") / len(others)
    return Curve(thresholds, missed, passed)


def equal_error_rate(genuine: ArrayLike, impostor: ArrayLike) -> float:
    """Return the rate where FNMR and FMR meet, halfway between them where they jump past one another."""
    both = curve(genuine, impostor)
    nearest = int(np.argmin(np.abs(both.fnmr - both.fmr)))
    return float((both.fnmr[nearest] + both.fmr[nearest]) / 2)


def threshold_at_fmr(genuine: ArrayLike, impostor: ArrayLike, fmr: float) -> float:
    """Return the lowest threshold whose FMR is at most `fmr`; infinity where only accepting nobody does."""
    both = curve(genuine, impostor)
    return float(both.thresholds[int(np.argmax(both.fmr <= fmr))])


def fnmr_at_fmr(genuine: ArrayLike, impostor: ArrayLike, fmr: float) -> float:
    """Return the lowest FNMR among the thresholds whose FMR is at most `fmr`."""
    both = curve(genuine, impostor)
    return float(both.fnmr[int(np.argmax(both.fmr <= fmr))])


def exact_interval(hits: int, of: int, confidence: float = 0.95) -> Interval:
    """Return the Clopper-Pearson interval of `hits` among `of` independent trials.

    Scores of one person are not independent: report by person, or use bootstrap_interval over people.

    Raises:
        ValueError: no trials, or more hits than trials.
    """
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no rate")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return Interval(hits / of, low, high)


def bootstrap_interval(
    people: Sequence[str],
    figure: Callable[[Sequence[str]], float],
    *,
    seed: int = 1,
    rounds: int = 1000,
    confidence: float = 0.95,
) -> Interval:
    """Return `figure` of all people, and the percentile interval of it over people drawn again with replacement."""
    draw = np.random.default_rng(seed)
    found = [figure([people[n] for n in draw.integers(0, len(people), len(people))]) for _ in range(rounds)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return Interval(figure(people), float(low), float(high))


def _sorted(scores: ArrayLike) -> FloatVector:
    values = np.sort(np.asarray(scores, np.float64).ravel())
    if len(values) == 0 or np.isnan(values[-1]):
        raise ValueError("scores are empty, or not all numbers")
    return values
