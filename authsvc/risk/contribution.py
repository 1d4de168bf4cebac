"""What one signal says: log-odds for or against, a stable code, and a sentence for the analyst. Pure.

Positive speaks for an attack, negative for the owner. The parts shown always add up to the score (signals/groups.py).
"""

from collections.abc import Iterable

import msgspec


# Neither a dataclass nor a named tuple: a decision makes a score of them, and this is made in a seventh and a fifth of
# their time. It holds nothing that could lead back to it, so the garbage collector need not look.
class Contribution(msgspec.Struct, frozen=True, gc=False):
    code: str
    log_odds: float
    text: str

    def to_json(self) -> dict[str, str | float]:
        """Return the JSON value that is stored with a decision."""
        return msgspec.structs.asdict(self)


def step(count: int, steps: Iterable[tuple[int, float]]) -> float:
    """Return the weight of the last of the rising (at least, weight) that `count` reaches; 0.0 below the first."""
    reached = 0.0
    for least, weight in steps:
        if count < least:
            break
        reached = weight
    return reached
