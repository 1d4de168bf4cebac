"""One stored decision decided again, from the inputs that it saw. Pure.

Under the policy that decided it, decision, required level, log-odds and probability must come out equal, bit for bit.
Where that can't be asked, the reason is counted and nothing is guessed:

    erased          its person is gone, and the inputs with them
    unreadable      the row was altered, or its inputs are of a version that this code can't read
    other_model     signals or their weights in the code have changed since (MODEL_VERSION)
    unknown_policy  the policy that decided is not kept
    mismatch        none of these, and yet not equal
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from authsvc.accounts.levels import Level
from authsvc.risk.context import parse_inputs
from authsvc.risk.policy import Decision, Policy, decide
from authsvc.risk.signals import MODEL_VERSION, score


class Verdict(StrEnum):
    EQUAL = "equal"
    MISMATCH = "mismatch"
    OTHER_MODEL = "other_model"
    UNKNOWN_POLICY = "unknown_policy"
    UNREADABLE = "unreadable"
    ERASED = "erased"


_NAME_OF = tuple(level.name.lower() for level in Level)


class Stored(NamedTuple):
    """What was decided."""

    decision: str
    required: str
    log_odds: float
    probability: float
    policy_version: str
    model_version: str


class Judged(NamedTuple):
    """`after` and the two facts are empty where the inputs could not be read."""

    verdict: Verdict
    after: str = ""
    device: str = ""
    country: str = ""


@dataclass(frozen=True)
class Judge:
    """`old` are the policies that are kept, by version; `new` is the one that is tried."""

    old: Mapping[str, Policy]
    new: Policy

    def judge(self, stored: Stored, inputs: bytes) -> Judged:
        """Return what came of deciding again, under both policies."""
        try:
            context = parse_inputs(inputs)
        except ValueError:
            return Judged(Verdict.UNREADABLE)
        old = self.old.get(stored.policy_version)
        said = score(context, self.new.weights.by_group)
        after = decide(said, self.new, context)
        again: Decision | None = after
        if old is not self.new:
            if old is not None and old.weights != self.new.weights:
                said = score(context, old.weights.by_group)
            again = None if old is None else decide(said, old, context)
        device = "copied" if context.device.stolen else "known" if context.device.known else "new"
        return Judged(_verdict(stored, again), after.decision.value, device, context.country.value)


def _verdict(stored: Stored, again: Decision | None) -> Verdict:
    if stored.model_version != MODEL_VERSION:
        return Verdict.OTHER_MODEL
    if again is None:
        return Verdict.UNKNOWN_POLICY
    equal = (
        again.decision == stored.decision
        and _NAME_OF[again.required] == stored.required
        and again.log_odds == stored.log_odds
        and again.probability == stored.probability
    )
    return Verdict.EQUAL if equal else Verdict.MISMATCH
