"""From labels to the weights of a next policy version, with figures of before and after. Pure.

1. What each label counts for is bounded by who said it (labels.py). Under LEAST labels on either side nothing is
   proposed, nor where newer labels lack a side. A label that the present weights find absurd is doubted: it counts
   for as much less as it is likely to be a mistake, when it teaches and when it judges.
2. The older labels teach (fitting.py), the newest HELD_OUT of them judge. What is proposed is exactly what was judged,
   and only if its log-loss on the newer ones is lower.
3. A weight moves by at most the factor STEP from one version to the next, and stays within the groups' own bounds; a
   group that fewer than HEARD older labels of each side speak of stays.
4. The prior moves, by at most PRIOR_STEP, only where whoever asks says that the labelled decisions are a random sample.
   Else it stays: how frequent attacks are among what analysts look at says nothing of how frequent they are.

So one version moves a decision's log-odds by at most STEP - 1 times the sum of its groups' absolute log-odds, whatever
the labels say; `authsvc evaluate poisoning` measures how much of it false ones reach.

Limits: changes are counted by the policy's thresholds alone. Its rules come out of `authsvc policy replay`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from authsvc.risk.feedback.fitting import Examples, Fitted, Floats, brier, fit, log_loss, probabilities, sigmoid
from authsvc.risk.feedback.labels import Labelled, counts_for
from authsvc.risk.policy import Policy, Weights
from authsvc.risk.signals.groups import GROUPS, LEAST_WEIGHT, MOST_WEIGHT

LEAST = 30.0  # labels on each side, by what they count for
LEAST_NEWER = 5.0
HEARD = 5
HELD_OUT = 0.3
DOUBTS = 5
STEP = 1.25
PRIOR_STEP = 0.5
FARTHEST_SHIFT = 20.0  # of labels that are no sample
PRIOR_BOUND = 20.0  # policy_file.py: FARTHEST_PRIOR

NAMES = tuple(group.name for group in GROUPS)


@dataclass(frozen=True)
class Recalibration:
    """What came of it: a policy to propose, or why there is none."""

    policy: Policy | None
    refusal: str | None
    figures: Mapping[str, object]


def recalibrate(policy: Policy, labelled: Sequence[Labelled], *, sample: bool = False) -> Recalibration:
    """Return the policy with weights that fit the labels better, if there are enough of them and it is so.

    Args:
        policy: what is in force.
        labelled: Feedback.gather.
        sample: the labelled decisions were drawn at random from all.
    """
    said = sorted((each for each in labelled if each.attack is not None), key=lambda each: (each.at, each.decision_id))
    examples = examples_of(said)
    figures: dict[str, object] = {"weights_before": policy.weights.source, "labels": _counted(said, examples)}
    if min(examples.on_side(True), examples.on_side(False)) < LEAST:
        return Recalibration(None, f"needs labels that count for {LEAST:g} on each side", figures)  # 1
    newer = np.arange(len(said)) >= round(len(said) * (1 - HELD_OUT))
    older, judges = examples.at(~newer), examples.at(newer)
    if min(each.on_side(side) for each in (older, judges) for side in (True, False)) < LEAST_NEWER:
        return Recalibration(None, "older and newer labels both have to speak of attacks and of owners", figures)  # 1
    prior, present = policy.prior_log_odds, np.array([policy.weights.by_group.get(name, 1.0) for name in NAMES])
    doubted = examples
    for _ in range(DOUBTS):  # the shift depends on which labels are believed
        as_it_is = _shifted(policy, doubted.at(~newer), present, sample)
        doubted = examples.doubted(probabilities(examples, prior, as_it_is))
    older, judges = doubted.at(~newer), doubted.at(newer)
    before, after = _shifted(policy, older, present, sample), _fitted(policy, older, present, sample)
    given = {"before": probabilities(judges, prior, before), "after": probabilities(judges, prior, after)}
    loss = {name: log_loss(judges, each) for name, each in given.items()}  # 2
    figures["judged_on"] = {"newer": int(newer.sum()), "learned_from_older": int((~newer).sum())}
    figures["log_loss"] = loss
    figures["brier"] = {name: brier(judges, each) for name, each in given.items()}
    next_policy = _next(policy, after, len(said), sample)
    figures["weights"] = _moved(present, next_policy)
    figures["prior_log_odds"] = {"before": policy.prior_log_odds, "after": next_policy.prior_log_odds}
    figures["decisions_changed"] = changes(policy, next_policy, said)
    if not loss["after"] < loss["before"]:
        return Recalibration(None, "on the newer labels the new weights are no better", figures)  # 2
    return Recalibration(next_policy, None, figures)


def examples_of(labelled: Sequence[Labelled]) -> Examples:
    """Return labels that say something as numbers."""
    return Examples(
        np.array([[each.groups.get(name, 0.0) for name in NAMES] for each in labelled]).reshape(-1, len(NAMES)),
        np.array([float(bool(each.attack)) for each in labelled]),
        np.array(counts_for(labelled)),
        np.array([each.mistaken for each in labelled]),
    )


def bounds(present: Floats, older: Examples) -> tuple[Floats, Floats]:
    """Return how far each weight may go in this version."""
    heard = np.ones(len(NAMES), np.bool_)
    for side in (0.0, 1.0):
        heard &= (older.groups[(older.attack == side) & (older.counts > 0)] != 0).sum(axis=0) >= HEARD
    least = np.where(heard, np.maximum(present / STEP, LEAST_WEIGHT), present)
    return least, np.where(heard, np.minimum(present * STEP, MOST_WEIGHT), present)  # 3


def log_odds_of(policy: Policy, labelled: Labelled) -> float:
    """Return the log-odds that the policy's weights give the decision."""
    weights = policy.weights.by_group
    return policy.prior_log_odds + sum(part * weights.get(name, 1.0) for name, part in labelled.groups.items())


def by_thresholds(policy: Policy, labelled: Labelled) -> str:
    """Return what the thresholds alone decide."""
    probability = float(sigmoid(np.float64(log_odds_of(policy, labelled))))
    return "deny" if probability >= policy.deny_at else "allow" if probability < policy.step_up_at else "step_up"


def changes(before: Policy, after: Policy, labelled: Sequence[Labelled]) -> dict[str, dict[str, int]]:
    """Return how many labelled decisions would come out otherwise, by label."""
    moved: dict[str, Counter[str]] = {}
    for each in labelled:
        old, new = by_thresholds(before, each), by_thresholds(after, each)
        if old != new:
            moved.setdefault(each.label.value, Counter())[f"{old} to {new}"] += 1
    return {label: dict(sorted(counted.items())) for label, counted in sorted(moved.items())}


def _shifted(policy: Policy, older: Examples, present: Floats, sample: bool) -> Fitted:
    """Return the present weights, with the shift that suits labels that are no sample."""
    return fit(older, policy.prior_log_odds, present, present, present, 0.0 if sample else FARTHEST_SHIFT)


def _fitted(policy: Policy, older: Examples, present: Floats, sample: bool) -> Fitted:
    """Return the new weights, as they will stand in the file."""
    least, most = bounds(present, older)
    found = fit(older, policy.prior_log_odds, present, least, most, PRIOR_STEP if sample else FARTHEST_SHIFT)
    return Fitted(np.clip(np.round(found.weights, 3), least, most), round(found.shift, 3))


def _next(policy: Policy, after: Fitted, labels: int, sample: bool) -> Policy:
    pairs = zip(NAMES, (float(weight) for weight in after.weights), strict=True)
    weights = Weights(tuple(sorted((name, weight) for name, weight in pairs if weight != 1.0)), labels)
    prior = policy.prior_log_odds + after.shift if sample else policy.prior_log_odds  # 4
    return replace(policy, weights=weights, prior_log_odds=min(max(prior, -PRIOR_BOUND), PRIOR_BOUND))


def _counted(said: Sequence[Labelled], examples: Examples) -> dict[str, object]:
    kinds = Counter(each.label.value for each in said)
    return {
        **dict(sorted(kinds.items())),
        "labelled_by": {
            "analysts": len({each.labelled_by for each in said if not each.by_customer}),
            "customers": len({each.labelled_by for each in said if each.by_customer}),
        },
        "count_for": {"attack": examples.on_side(True), "owner": examples.on_side(False)},
    }


def _moved(present: Floats, policy: Policy) -> dict[str, dict[str, float]]:
    after = policy.weights.by_group
    both = ((name, float(old), after.get(name, 1.0)) for name, old in zip(NAMES, present, strict=True))
    return {name: {"before": old, "after": new} for name, old, new in both if old != new}
