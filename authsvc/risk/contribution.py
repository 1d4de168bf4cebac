"""What one signal says: log-odds for or against, a stable code, and a sentence for the analyst. Pure.

Positive speaks for an attack, negative for the owner. The parts shown always add up to the score: what a cap takes away
is taken from the contributions themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Contribution:
    code: str
    log_odds: float
    text: str


def capped(contributions: Iterable[Contribution], *, most: float) -> tuple[Contribution, ...]:
    """Return the contributions of one correlated group, cut in their order so that they add up to at most `most`."""
    room, kept = most, []
    for each in contributions:
        part = min(each.log_odds, room)
        room -= part
        kept.append(replace(each, log_odds=part))
    return tuple(kept)


def step(count: int, steps: Iterable[tuple[int, float]]) -> float:
    """Return the weight of the last step that `count` reaches; 0.0 below the first. Steps are (at least, weight)."""
    return max((weight for least, weight in steps if count >= least), default=0.0)
