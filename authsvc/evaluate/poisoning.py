"""How many false labels move a decision. Pure, but for the draws of a fixed seed.

Labels of a small deployment are drawn (nobody's: owners who are mostly in familiar places, thieves who mostly are not)
and three honest analysts and their customers label them rightly. Then somebody adds false labels to them, in one of the
ways of WAYS, and the weights are recalibrated as `authsvc feedback propose` would. Judged is what a policy with these
weights decides on CASES, beside what it decides after the honest labels alone.

What the attacker wants is that thieves are let in, so the false labels speak for lower weights: familiar sign-ins that
were "attacks", unfamiliar ones that were "safe". Each way is tried with up to 3,000 labels, spread evenly over the
time, for one version; and with the most of them for version after version, as if people activated each of them.

Limits: whoever controls two analysts is not looked at, because they can activate any policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from authsvc.accounts.levels import Level
from authsvc.risk.context import DeviceSeen, FailureCounts, RiskContext, Seen, Trigger, TypingFacts, TypingState
from authsvc.risk.feedback.labels import Label, Labelled
from authsvc.risk.feedback.recalibration import STEP, Recalibration, by_thresholds, log_odds_of, recalibrate
from authsvc.risk.feedback.service import said_by_group
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import default_policy

HONEST = {Label.SAFE: 240, Label.COMPROMISED: 120, Label.NOT_ME: 60}
ANALYSTS = 3
NUMBERS = (10, 30, 100, 300, 1000, 3000)
BEGIN, SPAN = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=90)
MOST_VERSIONS = 8
MONTH_S = 30 * 86_400.0

USUAL = RiskContext(
    Trigger.PASSWORD, Level.PWD, DeviceSeen(known=True, age_s=MONTH_S), Seen.KNOWN, Seen.KNOWN, sign_ins=20
)
NEW_DEVICE = replace(USUAL, device=DeviceSeen())
THIEF = replace(NEW_DEVICE, network=Seen.NEW)

CASES: dict[str, RiskContext] = {
    "owner, as always": USUAL,
    "owner, new telephone at home": NEW_DEVICE,
    "owner, own device abroad": replace(USUAL, network=Seen.NEW, country=Seen.NEW),
    "thief, own device, owner's network, after six guesses": replace(NEW_DEVICE, failures=FailureCounts(account=6)),
    "thief, own device, same country": THIEF,
    "thief, own device, another country": replace(THIEF, country=Seen.NEW),
    "thief at the owner's device": replace(USUAL, typing=TypingFacts(TypingState.SCORED, -4.0)),
    "list of stolen passwords": replace(
        THIEF, country=Seen.NEW, failures=FailureCounts(address=40, address_accounts=60)
    ),
}

Who = Literal["customers", "one_account", "one_analyst"]


@dataclass(frozen=True)
class Way:
    """Who says what of which sign-ins."""

    about: str
    who: Who
    label: Label
    of: RiskContext


WAYS: dict[str, Way] = {
    "customers": Way("as many accounts disown a familiar sign-in each", "customers", Label.NOT_ME, USUAL),
    "one_account": Way("one account disowns its familiar sign-ins", "one_account", Label.NOT_ME, USUAL),
    "analyst_calls_owners_attacks": Way(
        "one analyst calls familiar sign-ins attacks", "one_analyst", Label.COMPROMISED, USUAL
    ),
    "analyst_calls_thieves_safe": Way("one analyst calls thieves' sign-ins safe", "one_analyst", Label.SAFE, THIEF),
}


def evaluate_poisoning(numbers: Sequence[int] = NUMBERS, seed: int = 1) -> dict[str, object]:
    """Return the report."""
    policy, honest = default_policy(), honest_labels(seed)
    clean = recalibrate(policy, honest)
    before = clean.policy or policy
    return {
        "labels": "simulated",
        "weights_after_honest_labels": before.weights.by_group,
        "honest_labels": {str(label): count for label, count in HONEST.items()},
        "one_version_at_most": f"every weight times or divided by {STEP}",
        "cases": {name: _case(policy, before, context) for name, context in CASES.items()},
        "ways": {
            name: {"what": way.about, **_tried(policy, before, honest, way, numbers)} for name, way in WAYS.items()
        },
    }


def poisoned(policy: Policy, honest: Sequence[Labelled], way: Way, number: int) -> Recalibration:
    """Return what is proposed when this many false labels lie among the honest ones."""
    return recalibrate(policy, [*honest, *false_labels(way, number)])


def false_labels(way: Way, number: int) -> list[Labelled]:
    """Return the labels that one of the ways adds."""
    return [
        labelled(f"false_{each}", way.of, way.label, by if way.who != "customers" else f"{by}_{each}", each / number)
        for by in (f"false_{way.who}",)
        for each in range(number)
    ]


def honest_labels(seed: int = 1) -> list[Labelled]:
    """Return drawn labels that are right, in no order of time."""
    draw = np.random.default_rng(seed)
    made = []
    for label, count in HONEST.items():
        for number in range(count):
            context = _drawn(draw, attack=label is not Label.SAFE)
            by = f"customer_{number}" if label is Label.NOT_ME else f"analyst_{number % ANALYSTS}"
            made.append(labelled(f"{label}_{number}", context, label, by, float(draw.random())))
    return made


def labelled(name: str, context: RiskContext, label: Label, by: str, when: float) -> Labelled:
    """Return a labelled decision. Args: when, from 0 to 1 of the span."""
    at = BEGIN + SPAN * when
    return Labelled(name, at, said_by_group(context), 0.0, label, by, at)


def _drawn(draw: np.random.Generator, *, attack: bool) -> RiskContext:
    """Return a sign-in of a population in which the shipped weights are nearly right."""
    device, network, country, typing, failures = (0.05, 0.3, 0.75, -1.0, 2.0) if attack else (0.9, 0.7, 0.95, 1.0, 1.0)
    known, at_home = draw.random() < device, draw.random() < network
    return replace(
        USUAL,
        device=DeviceSeen(known, MONTH_S if known else None),
        network=Seen.KNOWN if at_home else Seen.NEW,
        country=Seen.KNOWN if at_home or draw.random() < country else Seen.NEW,
        failures=FailureCounts(account=int(draw.poisson(failures))),
        typing=TypingFacts(TypingState.SCORED, float(draw.normal(typing, 2**0.5))),
    )


def _case(policy: Policy, before: Policy, context: RiskContext) -> dict[str, object]:
    case = labelled("case", context, Label.DISMISSED, "", 0.0)
    parts = case.groups
    span = [sum(value * (STEP if (value > 0) is up else 1 / STEP) for value in parts.values()) for up in (False, True)]
    return {
        "log_odds": policy.prior_log_odds + sum(parts.values()),
        "decision": by_thresholds(policy, case),
        "after_honest_labels": by_thresholds(before, case),
        "log_odds_whatever_the_labels": [policy.prior_log_odds + each for each in span],
    }


def _tried(
    policy: Policy, before: Policy, honest: Sequence[Labelled], way: Way, numbers: Sequence[int]
) -> dict[str, object]:
    rows: dict[str, object] = {}
    first = None
    for number in numbers:
        found = poisoned(policy, honest, way, number)
        after = found.policy or policy
        moved = moved_cases(before, after)
        shift = max((log_odds_of(after, each) - log_odds_of(before, each) for each in _CASES.values()), key=abs)
        rows[str(number)] = {"proposed": found.policy is not None, "largest_shift": shift, "decisions_moved": moved}
        first = number if first is None and moved else first
    return {
        "moves_a_decision_from": first,
        "by_number_of_false_labels": rows,
        "versions_until_one_moves": versions_until_one_moves(policy, honest, way, max(numbers)),
    }


def moved_cases(before: Policy, after: Policy) -> dict[str, str]:
    """Return the cases that the two decide differently."""
    both = {name: (by_thresholds(before, case), by_thresholds(after, case)) for name, case in _CASES.items()}
    return {name: f"{old} to {new}" for name, (old, new) in both.items() if old != new}


def versions_until_one_moves(policy: Policy, honest: Sequence[Labelled], way: Way, number: int) -> int | None:
    """Return after how many versions a case comes out otherwise than without the false labels."""
    clean = false = policy
    for version in range(1, MOST_VERSIONS + 1):
        clean = recalibrate(clean, honest).policy or clean
        false = poisoned(false, honest, way, number).policy or false
        if moved_cases(clean, false):
            return version
    return None


_CASES = {name: labelled(name, context, Label.DISMISSED, "", 0.0) for name, context in CASES.items()}
