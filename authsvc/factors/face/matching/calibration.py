"""Choose a deployment's operating points on its own impostor pairs: templates of different accounts.

Every pair of up to PEOPLE accounts is compared, plainly and, where a cohort stands, relative to it. In a relative
distance neither side is measured against a prototype that one of the two is part of: an impostor at the door is part of
none. Beside each point stands the account that most others would match at it: a false-match rate is a mean, and
somebody's own may be far above it.

Limits: templates are of captures taken at enrolment, alike in camera and light only by chance; they may hold one
person with two accounts, who counts as an impostor and makes the point stricter; and somebody who opens many accounts
with odd faces makes it laxer, so look at how many people stand behind it. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from authsvc.factors.face.matching.cohort import NONE, Cohort, distances, nearness_without
from authsvc.factors.face.matching.operating_point import OperatingPoint, calibrated_threshold
from authsvc.factors.face.measured import FloatArray

PEOPLE = 3000  # 4.5 million pairs
ROWS = 256


@dataclass(frozen=True)
class Known:
    """A template in the plain, and which prototype its owner is part of."""

    account_id: str
    vector: FloatArray = field(repr=False)
    prototype_id: str | None = None


@dataclass(frozen=True)
class Found:
    """A point, how many impostor pairs pass it, and what share of the others the worst account would match."""

    point: OperatingPoint
    passed: int
    worst_account_fmr: float


@dataclass(frozen=True)
class Calibration:
    """The templates of one embedder, and the cohort of the same moment."""

    embedder: str
    known: tuple[Known, ...] = field(repr=False)
    cohort: Cohort

    def points(self, fmr: float) -> tuple[Found, ...]:
        """Return the plain point at this false-match rate, and the relative one where the cohort stands.

        Raises:
            TooFewPairs: these pairs can't show the rate.
        """
        people = self.known[:PEOPLE]
        vectors = np.stack([each.vector for each in people]) if people else np.empty((0, 0))
        found = [self._found(_plain(vectors), fmr, len(people), prototypes=0)]
        if self.cohort.stands:
            pairs = _relative(people, vectors, self.cohort)
            found.append(self._found(pairs, fmr, len(people), prototypes=len(self.cohort)))
        return tuple(found)

    def _found(
        self, pairs: Iterator[tuple[NDArray[np.int32], FloatArray]], fmr: float, people: int, *, prototypes: int
    ) -> Found:
        parts = list(pairs)
        impostors = np.concatenate([apart for _, apart in parts]) if parts else np.empty(0)
        threshold = calibrated_threshold(impostors, fmr)
        matched = np.zeros(people, np.int32)
        for both, apart in parts:
            np.add.at(matched, both[apart <= threshold].ravel(), 1)
        point = OperatingPoint(self.embedder, threshold, fmr, len(impostors), people, "this deployment", prototypes)
        return Found(point, int((impostors <= threshold).sum()), float(matched.max() / (people - 1)))


def _plain(vectors: FloatArray) -> Iterator[tuple[NDArray[np.int32], FloatArray]]:
    """Yield each pair once: their numbers (n, 2), and their distances (n,)."""
    for first in range(0, len(vectors), ROWS):
        rows = vectors[first : first + ROWS]
        apart = distances(rows, vectors[first:])
        one, other = np.nonzero(np.triu(np.ones(apart.shape, bool), 1))
        yield np.stack([one + first, other + first], axis=1).astype(np.int32), apart[one, other]


def _relative(
    people: Sequence[Known], vectors: FloatArray, cohort: Cohort
) -> Iterator[tuple[NDArray[np.int32], FloatArray]]:
    places = {each: number for number, each in enumerate(cohort.ids)}
    own = np.array([places.get(each.prototype_id or "", NONE) for each in people])
    near = nearness_without(vectors, own, cohort.prototypes)
    for both, apart in _plain(vectors):
        one, other = both[:, 0], both[:, 1]
        beside = (near[one, own[other]] + near[other, own[one]]) / 2
        yield both, apart / beside
