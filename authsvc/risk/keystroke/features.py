"""From the times of n keys to the vector that is compared: float64, shape (3n - 2,), seconds. Pure.

    n holds, n - 1 press-to-press, n - 1 release-to-press (negative when keys overlap)

The same three kinds as in the CMU fixed-text set (Killourhy & Maxion, DSN 2009), in this order.

Comparisons are made on log times: people differ by factors, not by milliseconds, and a log keeps one long pause from
outweighing ten keys. Release-to-press can be negative, so OVERLAP_S is added to it first.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from authsvc.risk.keystroke.sample import TypingSample

FloatVector = NDArray[np.float64]
KindVector = NDArray[np.intp]

HOLD, PRESS_TO_PRESS, RELEASE_TO_PRESS = 0, 1, 2
KINDS = (HOLD, PRESS_TO_PRESS, RELEASE_TO_PRESS)
NEARBY = 5  # hold, gap, hold, gap, hold: three keys in a row

FLOOR_S = 0.005  # shorter than any measured key (CMU: 0.01 s); keeps the log finite
OVERLAP_S = 0.25  # how far keys usually overlap; longer overlaps are floored

_US_PER_S = 1_000_000.0


def features_s(sample: TypingSample) -> FloatVector:
    """Return holds, press-to-press and release-to-press times, in seconds."""
    features: FloatVector = features_of([sample])[0]
    return features


def features_of(samples: Sequence[TypingSample]) -> FloatVector:
    """Return the features of samples of n keys each, shape (samples, 3n - 2): together, as numpy is slow one by one."""
    times = np.array([sample.events for sample in samples], dtype=np.float64).reshape(len(samples), -1, 2) / _US_PER_S
    press, release = times[:, :, 0], times[:, :, 1]
    parts = [release - press, press[:, 1:] - press[:, :-1], press[:, 1:] - release[:, :-1]]
    return np.concatenate(parts, axis=1)


@lru_cache(maxsize=256)
def kinds_of(size: int) -> KindVector:
    """Return the kind of each of `size` features; size is 3n - 2. Read-only, as it is shared."""
    keys = (size + 2) // 3
    kinds = np.repeat(np.array(KINDS, dtype=np.intp), [keys, keys - 1, keys - 1])
    kinds.setflags(write=False)
    return kinds


@lru_cache(maxsize=256)
def places_of(size: int) -> tuple[KindVector, slice, slice]:
    """Return the kind of each of `size` features, where the holds stand, and where the press-to-press times."""
    keys = (size + 2) // 3
    return kinds_of(size), slice(0, keys), slice(keys, 2 * keys - 1)


@lru_cache(maxsize=256)
def neighbourhoods(size: int) -> KindVector:
    """Return where the five features of each three keys in a row stand, shape (n - 2, NEARBY). Read-only."""
    keys = (size + 2) // 3
    key = np.arange(keys - 2)
    places = np.stack([key, keys + key, key + 1, keys + key + 1, key + 2], axis=1).astype(np.intp)
    places.setflags(write=False)
    return places


def mean_by_kind(values: FloatVector) -> FloatVector:
    """Return the mean over the features of each kind, shape (…, 3n - 2) -> (…, 3)."""
    means: FloatVector = values @ _averaging(values.shape[-1])
    return means


@lru_cache(maxsize=256)
def _averaging(size: int) -> FloatVector:
    """Return the matrix that averages `size` features by kind, shape (3n - 2, 3). Read-only."""
    one_of = kinds_of(size)[:, None] == np.array(KINDS)
    matrix: FloatVector = one_of / one_of.sum(axis=0)
    matrix.setflags(write=False)
    return matrix


def log_times(features: FloatVector) -> FloatVector:
    """Return the logs that profiles and the detector work on, shape (…, 3n - 2); finite for every finite input."""
    shifted = features + np.where(kinds_of(features.shape[-1]) == RELEASE_TO_PRESS, OVERLAP_S, 0.0)
    return np.log(np.maximum(shifted, FLOOR_S))
