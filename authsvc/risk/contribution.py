"""What one signal says: log-odds for or against, a stable code, and a sentence for the analyst. Pure.

Positive speaks for an attack, negative for the owner. The parts shown always add up to the score (signals/groups.py).
"""

from collections.abc import Iterable
from typing import NamedTuple


class Contribution(NamedTuple):  # not a dataclass: a decision makes a score of them, and a tuple is made in a third
    code: str
    log_odds: float
    text: str


def step(count: int, steps: Iterable[tuple[int, float]]) -> float:
    """Return the weight of the last of the rising (at least, weight) that `count` reaches; 0.0 below the first."""
    reached = 0.0
    for least, weight in steps:
        if count < least:
            break
        reached = weight
    return reached
