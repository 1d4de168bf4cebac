"""The cohort: faces like these, that a distance is measured against. And who goes into which prototype.

The network crowds some populations together: strangers of one of them lie as near as two pictures of one person do in
another. So a distance means little by itself. It means more beside the distances from both faces to their nearest of a
cohort (cohort normalisation; score.py).

1. A *prototype* is the mean of MEMBERS people's vectors. Each person is in one prototype only: two that share people
   could be subtracted from one another.
2. A person waits until MEMBERS people do. Until then their vector is only kept, sealed, and never compared.
3. When one of them takes their consent back, the whole prototype goes: a mean of five minus four is the fifth.
4. A cohort *stands* from MIN_PROTOTYPES on.

That a prototype is no one's template has limits: the mean of people of one population lies near all of them, members
or not. docs/models/face.md says how near, measured. So prototypes are sealed as templates are. Pure.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from authsvc.factors.face.measured import FloatArray

# Measured on webcam captures with cohorts of 60 and 300 other people (docs/models/face.md): means of 3 to 5 people
# serve best, of 8 nearly as well, single people worse; the more people, the less a member stands out.
MEMBERS = 5
NEAREST = 3
MIN_PROTOTYPES = 12
NONE = -1
MAX_PROTOTYPES = 1000  # 5,000 people: more change nothing that was measured, and are kept without need


@dataclass(frozen=True)
class Cohort:
    """Prototypes, float64, shape (n, d), and their ids."""

    ids: tuple[str, ...]
    prototypes: FloatArray = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def stands(self) -> bool:
        return len(self) >= MIN_PROTOTYPES

    def without(self, ids: Collection[str]) -> "Cohort":
        """Return the others: nobody is measured against a prototype that they are part of."""
        kept = [number for number, each in enumerate(self.ids) if each not in ids]
        return Cohort(tuple(self.ids[number] for number in kept), self.prototypes[kept])


def prototype_of(vectors: FloatArray) -> FloatArray:
    """Return the mean of different people's vectors, (MEMBERS, d).

    Raises:
        ValueError: fewer than MEMBERS, or a value that is no number.
    """
    if len(vectors) < MEMBERS or not np.isfinite(vectors).all():
        raise ValueError(f"a prototype is the mean of {MEMBERS} people")
    mean: FloatArray = np.mean(vectors, axis=0, dtype=np.float64)
    return mean


def nearness(vector: FloatArray, cohort: Cohort) -> float:
    """Return the mean distance from a vector to the NEAREST prototypes."""
    apart = np.linalg.norm(cohort.prototypes - vector, axis=1)
    return float(np.partition(apart, NEAREST - 1)[:NEAREST].mean())


def distances(vectors: FloatArray, others: FloatArray) -> FloatArray:
    """Return the distance of each to each, float64, (n, m), in the memory of its result."""
    squares = (vectors**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None, :] - 2 * vectors @ others.T
    apart: FloatArray = np.sqrt(np.maximum(squares, 0.0))
    return apart


def nearness_without(vectors: FloatArray, own: NDArray[np.int_], prototypes: FloatArray) -> FloatArray:
    """Return each vector's nearness when its own prototype, and beside it each prototype in turn, is left out.

    Args: own: (n,), the row of `prototypes` that a vector is part of, or NONE. Result: float64, (n, prototypes + 1);
        in the last column, which NONE finds, no other is left out.
    """
    rows = np.arange(len(vectors))
    apart = distances(vectors, prototypes)
    apart[rows[own >= 0], own[own >= 0]] = np.inf
    nearest = np.argsort(apart, axis=1)[:, : NEAREST + 1]
    near = np.take_along_axis(apart, nearest, axis=1)
    found = np.repeat(near[:, :NEAREST].mean(axis=1, keepdims=True), len(prototypes) + 1, axis=1)
    for place in range(NEAREST):
        found[rows, nearest[:, place]] = (near.sum(axis=1) - near[:, place]) / NEAREST
    return found
