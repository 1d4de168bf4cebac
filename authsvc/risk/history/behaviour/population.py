"""Everybody's decayed counts, in cells. Pure.

    weight grows by 2 ** ((now - EPOCH) / HALF_LIFE); a count now is  weight * 2 ** -((now - EPOCH) / HALF_LIFE)

so that counting is one addition, and nothing has to be faded (forward decay: Cormode et al., ICDE 2009). Cells are
fewer than values, so one may hold the counts of several: a rare value can look commoner than it is, which makes its
absence from an account say less, never more. A count is never larger than its feature's total.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp2

from authsvc.risk.history.behaviour.keys import TOTAL, cell_of
from authsvc.risk.history.behaviour.profile import HALF_LIFE_S, Key, Shown
from authsvc.risk.history.behaviour.sighting import Feature

EPOCH_S = 1_767_225_600.0  # 2026-01-01
FARTHEST = 900.0  # half-lives; a clock beyond them (two centuries) counts as there


@dataclass(frozen=True)
class Cells:
    """Some cells as they are now."""

    weights: Mapping[int, float]
    now_s: float

    def count(self, feature: Feature, key: Key) -> float:
        return min(self._now(cell_of(feature, key)), self.total(feature))

    def total(self, feature: Feature) -> float:
        return self._now(cell_of(feature, TOTAL))

    def _now(self, cell: int) -> float:
        return self.weights.get(cell, 0.0) / self._growth

    @cached_property
    def _growth(self) -> float:
        return growth(self.now_s)


def growth(now_s: float) -> float:
    """Return what one sign-in adds now."""
    return exp2(min(max((now_s - EPOCH_S) / HALF_LIFE_S, -FARTHEST), FARTHEST))


def cells_of(shown: Shown) -> tuple[int, ...]:
    """Return the cells that a sign-in counts in: each value's, and each feature's total."""
    values = (cell_of(feature, key) for feature, key in shown.keys.items())
    return (*values, *(cell_of(feature, TOTAL) for feature in shown.keys))


def added(news: Iterable[Iterable[int]], now_s: float) -> dict[int, float]:
    """Return what sign-ins add to each cell, cells rising: whoever else adds does so in the same order."""
    step, sums = growth(now_s), dict[int, float]()
    for cells in news:
        for cell in cells:
            sums[cell] = sums.get(cell, 0.0) + step
    return dict(sorted(sums.items()))
