"""What labels count for, what they do to weights, and how little false ones move."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.evaluate.poisoning import (
    CASES,
    NEW_DEVICE,
    WAYS,
    evaluate_poisoning,
    honest_labels,
    labelled,
    moved_cases,
    poisoned,
)
from authsvc.risk.feedback.fitting import Examples, fit, log_loss, probabilities
from authsvc.risk.feedback.labels import ALONE, CUSTOMER, Label, Labelled, counts_for
from authsvc.risk.feedback.recalibration import (
    NAMES,
    PRIOR_STEP,
    STEP,
    by_thresholds,
    examples_of,
    log_odds_of,
    recalibrate,
)
from authsvc.risk.policy import Weights
from authsvc.risk.policy_file import default_policy, parse_policy, policy_text
from authsvc.risk.signals.groups import LEAST_WEIGHT, MOST_WEIGHT

POLICY = default_policy()
START = datetime(2026, 3, 1, tzinfo=UTC)

log_odds = st.floats(-8, 8).map(lambda value: round(value, 3))
made = st.builds(
    lambda label, by, groups, minutes: Labelled(
        f"dec_{minutes}", START + timedelta(minutes=minutes), groups, 0.5, label, by, START
    ),
    st.sampled_from(Label),
    st.sampled_from(["ada", "bob", "eve"]),
    st.dictionaries(st.sampled_from(NAMES), log_odds, max_size=4),
    st.integers(0, 10_000),
)


def said(label: Label, *by: str) -> list[Labelled]:
    return [Labelled(f"dec_{n}", START, {}, 0.5, label, each, START) for n, each in enumerate(by)]


def test_an_analysts_word_counts_for_one_a_customers_for_less_and_dismissing_for_nothing() -> None:
    words = (
        said(Label.SAFE, "ada") + said(Label.COMPROMISED, "ada") + said(Label.NOT_ME, "c1") + said(Label.DISMISSED, "b")
    )
    assert counts_for(words) == [1.0, 1.0, CUSTOMER, 0.0]


def test_customers_alone_teach_nothing_however_many_they_are() -> None:
    crowd = said(Label.NOT_ME, *(f"customer_{n}" for n in range(5000)))
    assert sum(counts_for(crowd)) == 0
    assert sum(counts_for(crowd + said(Label.COMPROMISED, *["ada"] * 10))) == pytest.approx(15)


def test_one_account_has_one_word_however_often_it_presses() -> None:
    words = said(Label.NOT_ME, *["thief"] * 500) + said(Label.COMPROMISED, *["ada"] * 10)
    assert sum(counts_for(words)[:500]) == pytest.approx(CUSTOMER)


def test_one_analyst_counts_for_as_much_as_all_others_or_as_a_few_labels() -> None:
    assert sum(counts_for(said(Label.SAFE, *["eve"] * 1000))) == pytest.approx(ALONE)
    both = said(Label.SAFE, *["eve"] * 1000, *["ada"] * 60)
    assert sum(counts_for(both)) == pytest.approx(120)


@given(st.lists(made, max_size=60))
def test_what_labels_count_for_is_bounded(words: list[Labelled]) -> None:
    counted = counts_for(words)
    assert all(0 <= each <= 1 for each in counted)
    for attack in (True, False):
        side = [(word, count) for word, count in zip(words, counted, strict=True) if word.attack is attack]
        analysts = sum(count for word, count in side if not word.by_customer)
        assert sum(count for word, count in side if word.by_customer) <= 0.5 * analysts + 1e-9


def test_weights_that_are_wrong_are_mended_and_judged_on_newer_labels() -> None:
    wrong = replace(POLICY, weights=Weights((("device", 0.5), ("place", 2.0)), 0))
    found = recalibrate(wrong, honest_labels())
    assert found.policy is not None and found.refusal is None
    weights = found.policy.weights.by_group
    assert weights["device"] == 0.5 * STEP and weights["place"] < 2.0
    loss = found.figures["log_loss"]
    assert isinstance(loss, dict) and loss["after"] < loss["before"]
    assert found.policy.weights.source == "recalibrated on 420 labels"
    assert found.policy.prior_log_odds == POLICY.prior_log_odds, "labels are no sample"
    assert parse_policy(policy_text(found.policy), source="x").version == found.policy.version
    assert replace(found.policy, weights=wrong.weights) == wrong, "nothing else changes"


def test_the_same_labels_give_the_same_version_in_any_order() -> None:
    words = honest_labels()
    first, second = recalibrate(POLICY, words), recalibrate(POLICY, words[::-1])
    assert first.policy is not None and second.policy is not None
    assert first.policy.version == second.policy.version and first.figures == second.figures


def test_the_prior_moves_by_a_step_and_only_for_a_sample() -> None:
    found = recalibrate(POLICY, honest_labels(), sample=True)
    assert found.policy is not None
    assert found.policy.prior_log_odds == POLICY.prior_log_odds + PRIOR_STEP


@pytest.mark.parametrize("label", [Label.SAFE, Label.COMPROMISED])
def test_too_few_labels_of_a_side_propose_nothing(label: Label) -> None:
    words = [each for each in honest_labels() if each.attack is (label is Label.COMPROMISED)]
    found = recalibrate(POLICY, words)
    assert found.policy is None and found.refusal == "needs labels that count for 30 on each side"


def test_newer_labels_of_one_side_only_can_judge_nothing() -> None:
    words = [
        replace(each, at=each.at + timedelta(days=365)) if each.label is Label.SAFE else each
        for each in honest_labels()
    ]
    found = recalibrate(POLICY, words)
    assert found.policy is None and "older and newer" in str(found.refusal)


def test_weights_that_are_no_better_on_newer_labels_are_not_proposed() -> None:
    words = honest_labels()
    for each in range(60):  # what was an attack for months, is the owner's lately
        words.append(labelled(f"old_{each}", NEW_DEVICE, Label.COMPROMISED, f"analyst_{each % 3}", 0.2))
        words.append(labelled(f"new_{each}", NEW_DEVICE, Label.SAFE, f"analyst_{each % 3}", 0.95))
    found = recalibrate(POLICY, words)
    assert found.policy is None and found.refusal == "on the newer labels the new weights are no better"


@settings(max_examples=40, deadline=None)
@given(st.lists(made, min_size=1, max_size=40), st.booleans())
def test_no_labels_move_a_weight_or_a_decision_beyond_the_bounds(words: list[Labelled], sample: bool) -> None:
    base = replace(POLICY, weights=Weights((("device", 0.6), ("place", 1.9)), 7))
    found = recalibrate(base, [*honest_labels(), *words], sample=sample)
    after = found.policy or base
    old, new = base.weights.by_group, after.weights.by_group
    for name in NAMES:
        before, now = old.get(name, 1.0), new.get(name, 1.0)
        assert LEAST_WEIGHT <= now <= MOST_WEIGHT
        assert before / STEP - 1e-9 <= now <= before * STEP + 1e-9
    for each in words:
        most = (STEP - 1) * sum(abs(part) * old.get(name, 1.0) for name, part in each.groups.items())
        most += PRIOR_STEP if sample else 0.0
        assert abs(log_odds_of(after, each) - log_odds_of(base, each)) <= most + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(made.filter(lambda each: each.attack is not None), min_size=2, max_size=40))
def test_fitting_never_makes_it_worse_than_the_present_weights(words: list[Labelled]) -> None:
    examples = examples_of(words)
    examples = Examples(examples.groups, examples.attack, np.ones(len(words)), examples.mistaken)
    present = np.ones(len(NAMES))
    still = fit(examples, -6.0, present, present, present, 20.0)
    moved = fit(examples, -6.0, present, present / STEP, present * STEP, 20.0)
    before, after = (log_loss(examples, probabilities(examples, -6.0, each)) for each in (still, moved))
    assert after <= before + 1e-6


def test_a_label_against_all_evidence_is_doubted() -> None:
    words = [labelled("a", CASES["owner, as always"], label, "ada", 0.5) for label in (Label.SAFE, Label.NOT_ME)]
    examples = Examples(examples_of(words).groups, np.array([0.0, 1.0]), np.ones(2), np.array([0.02, 0.1]))
    owner, customer = examples.doubted(np.array([0.001, 0.001])).counts
    assert owner > 0.99 and customer < 0.01


HONEST = honest_labels()
CLEAN = recalibrate(POLICY, HONEST).policy or POLICY


@pytest.mark.parametrize("number", [30, 300, 3000])
def test_no_number_of_customers_moves_a_decision_in_one_version(number: int) -> None:
    assert moved_cases(CLEAN, poisoned(POLICY, HONEST, WAYS["customers"], number).policy or POLICY) == {}


@pytest.mark.parametrize("number", [30, 3000])
def test_one_account_moves_next_to_nothing(number: int) -> None:
    after = poisoned(POLICY, HONEST, WAYS["one_account"], number).policy or POLICY
    for context in CASES.values():
        case = labelled("case", context, Label.DISMISSED, "", 0.0)
        assert abs(log_odds_of(after, case) - log_odds_of(CLEAN, case)) < 0.05


@pytest.mark.parametrize("way", ["analyst_calls_owners_attacks", "analyst_calls_thieves_safe"])
def test_one_analyst_lets_no_thief_in_from_another_network_in_one_version(way: str) -> None:
    after = poisoned(POLICY, HONEST, WAYS[way], 3000).policy or POLICY
    for name in ("thief, own device, same country", "thief, own device, another country", "list of stolen passwords"):
        assert by_thresholds(after, labelled("case", CASES[name], Label.DISMISSED, "", 0.0)) == "step_up"


def test_the_report_says_that_its_labels_are_simulated_and_from_how_many_on_a_decision_moves() -> None:
    report = evaluate_poisoning((10,))
    assert report["labels"] == "simulated"
    ways = report["ways"]
    assert isinstance(ways, dict) and set(ways) == set(WAYS)
    assert all(each["moves_a_decision_from"] is None for each in ways.values()), "ten false labels move none"
