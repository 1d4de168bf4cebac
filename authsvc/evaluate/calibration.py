"""Does a probability come true as often as it says? Against labels only. Pure.

    Brier score  mean of (probability - outcome)^2                                     (Brier, 1950)
    ECE          mean distance between what a bin said and what came of it, weighed by how many lie in the bin
                 (Naeini et al., AAAI 2015); bins hold equally many, because most probabilities are tiny

Intervals are percentiles over people drawn again with replacement, and Clopper-Pearson's within a bin. ECE is biased
upwards where bins are small, and so is its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from authsvc.evaluate.rates import FloatVector, Interval, bootstrap_interval, exact_interval

BINS = 10
LEAST_IN_A_BIN = 20
ROUNDS = 200


@dataclass(frozen=True)
class Bin:
    """Probabilities next to one another: what they said, and what came of it."""

    said: float
    came_true: Interval
    count: int


@dataclass(frozen=True)
class Calibration:
    """How right probabilities are."""

    brier: Interval
    ece: Interval
    bins: tuple[Bin, ...]


def calibration(said: FloatVector, came_true: FloatVector, people: Sequence[str]) -> Calibration:
    """Return how right the probabilities are. Args: people, whose each is; repeated rows of one are not independent.

    Raises:
        ValueError: there is nothing, or a probability is none.
    """
    if len(said) == 0 or not np.all((said >= 0) & (said <= 1)):
        raise ValueError("needs probabilities between 0 and 1, and at least one")
    named, person = np.unique(np.array(people), return_inverse=True)
    order = np.argsort(person, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(person))[:-1])
    by_person = {str(name): each for name, each in zip(named, rows, strict=True)}

    def of(figure: "partial[float]", chosen: Sequence[str]) -> float:
        at = np.concatenate([by_person[name] for name in chosen])
        return float(figure(said[at], came_true[at]))

    everybody = sorted(by_person)
    return Calibration(
        bootstrap_interval(everybody, partial(of, partial(brier)), rounds=ROUNDS),
        bootstrap_interval(everybody, partial(of, partial(expected_calibration_error)), rounds=ROUNDS),
        tuple(
            Bin(float(said[each].mean()), exact_interval(int(came_true[each].sum()), len(each)), len(each))
            for each in bins_of(said)
        ),
    )


def brier(said: FloatVector, came_true: FloatVector) -> float:
    return float(np.mean((said - came_true) ** 2))


def expected_calibration_error(said: FloatVector, came_true: FloatVector) -> float:
    apart = [len(each) * abs(float(said[each].mean() - came_true[each].mean())) for each in bins_of(said)]
    return sum(apart) / len(said)


def bins_of(said: FloatVector) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return which probabilities share a bin; equal ones are never parted."""
    wanted = max(1, min(BINS, len(said) // LEAST_IN_A_BIN))
    edges = np.unique(np.quantile(said, np.linspace(0, 1, wanted + 1)[1:-1])) if wanted > 1 else np.array([])
    place = np.searchsorted(edges, said, side="left")
    return [np.flatnonzero(place == each) for each in np.unique(place)]
