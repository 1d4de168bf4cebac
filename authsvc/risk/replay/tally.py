"""Counts what a policy would have changed, by segment. Pure; tallies of several processes add up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from authsvc.risk.replay.judge import Verdict

MOST_NAMED = 20  # mismatches that are named
MOST_VALUES = 20  # of one segment, the most frequent first; the others are summed up
OUTCOMES = ("allow", "step_up", "deny")


class Segment(NamedTuple):
    """What a decision is counted under. The names are those of the report."""

    label: str
    client: str
    trigger: str
    device: str
    country: str


@dataclass
class Tally:
    """What was seen so far."""

    verdicts: Counter[str] = field(default_factory=Counter)
    moved: Counter[tuple[Segment, str, str]] = field(default_factory=Counter)  # (segment, before, after)
    policies: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.verdicts += other.verdicts
        self.moved += other.moved
        self.policies += other.policies
        self.mismatches += other.mismatches

    def excuse(self, decision_ids: Iterable[str]) -> None:
        """Count these mismatches as decisions that were made without scoring: the engine had failed."""
        gone = set(decision_ids)
        self.mismatches = [each for each in self.mismatches if each not in gone]
        self.verdicts[Verdict.MISMATCH] -= len(gone)
        self.verdicts["failed_closed"] += len(gone)

    def report(self) -> dict[str, object]:
        """Return the JSON value of it."""
        by: dict[str, dict[str, Counter[tuple[str, str]]]] = {name: {} for name in Segment._fields}
        total: Counter[tuple[str, str]] = Counter()
        for (segment, before, after), count in self.moved.items():
            total[before, after] += count
            for name, value in zip(Segment._fields, segment, strict=True):
                by[name].setdefault(value, Counter())[before, after] += count
        return {
            "decisions": self.verdicts.total(),
            "recomputed": {str(verdict): self.verdicts[verdict] for verdict in [*Verdict, "failed_closed"]},
            "mismatches": sorted(self.mismatches)[:MOST_NAMED],
            "policies": dict(self.policies.most_common()),
            "all": _moves(total),
            "by": {name: _values(values) for name, values in by.items()},
        }


def _values(values: dict[str, Counter[tuple[str, str]]]) -> dict[str, object]:
    ordered = sorted(values.items(), key=lambda each: (-each[1].total(), each[0]))
    shown: dict[str, object] = {value: _moves(moves) for value, moves in ordered[:MOST_VALUES]}
    if rest := ordered[MOST_VALUES:]:
        shown["(others)"] = _moves(sum((moves for _, moves in rest), Counter()))
    return shown


def _moves(moves: Counter[tuple[str, str]]) -> dict[str, object]:
    """Return counts before and after, and how many went from where to where."""
    before, after = Counter[str](), Counter[str]()
    for (left, right), count in moves.items():
        before[left] += count
        after[right] += count
    return {
        "decisions": moves.total(),
        "before": {outcome: before[outcome] for outcome in OUTCOMES},
        "after": {outcome: after[outcome] for outcome in OUTCOMES},
        "changed": {f"{left} -> {right}": moves[left, right] for left, right in sorted(moves) if left != right},
    }
