"""Features, profiles, the detector, and signs of automation."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.risk.keystroke.automation import (
    IMPOSSIBLE_SPEED,
    REPLAYED,
    ZERO_VARIANCE,
    findings,
    fingerprint,
)
from authsvc.risk.keystroke.background import from_json, to_json
from authsvc.risk.keystroke.comparison import FIGURES, compare
from authsvc.risk.keystroke.detector import MOST, log_ratio, log_ratios, shipped
from authsvc.risk.keystroke.features import features_of, features_s, kinds_of, log_times, neighbourhoods
from authsvc.risk.keystroke.profile import READY_AT, WINDOW, TypingProfile, fit_logs, fit_profile, weighted_median
from authsvc.risk.keystroke.sample import InputKind, TypedField, TypingSample
from authsvc.risk.keystroke.training import LEAST_TYPINGS, fit_logistic, keys_of, train
from tests.support.typists import Typist, as_sample


def sample_of(*events: tuple[float, float], kind: str = "keyboard") -> TypingSample:
    return as_sample([list(event) for event in events], kind=kind)


def profile_of(newest_first: list[TypingSample], like: TypingSample) -> TypingProfile | None:
    return fit_profile(newest_first, like, shipped())


def loop(*, hold_ms: float, gap_ms: float, keys: int = 16, kind: str = "keyboard") -> TypingSample:
    return sample_of(*((n * gap_ms, n * gap_ms + hold_ms) for n in range(keys)), kind=kind)


def test_features_are_holds_then_gaps_then_overlaps_in_seconds() -> None:
    features = features_s(sample_of((0, 100), (80, 200), (300, 350)))
    assert features == pytest.approx([0.1, 0.12, 0.05, 0.08, 0.22, -0.02, 0.1])
    assert features.shape == (3 * 3 - 2,)
    assert list(kinds_of(7)) == [0, 0, 0, 1, 1, 2, 2]
    # Four keys: two times three in a row, each hold, gap, hold, gap, hold.
    assert neighbourhoods(10).tolist() == [[0, 4, 1, 5, 2], [1, 5, 2, 6, 3]]


@pytest.mark.parametrize("overlap_ms", [0, 200, 249, 5_000])
def test_log_times_are_finite_whatever_overlaps(overlap_ms: float) -> None:
    logs = log_times(features_s(sample_of((0, overlap_ms), (0, 0), (0, 0), (0, overlap_ms))))
    assert np.isfinite(logs).all()


def test_a_profile_waits_for_enough_samples() -> None:
    typist = Typist(1)
    like = typist.sample()
    few = [typist.sample() for _ in range(READY_AT - 1)]
    assert profile_of(few, like=like) is None
    assert profile_of([*few, typist.sample()], like=like) is not None


@pytest.mark.parametrize("other", ["another number of keys", "touch", "pasted"])
def test_a_profile_only_takes_samples_like_the_one_compared(other: str) -> None:
    typist = Typist(1)
    like = typist.sample()
    strangers = {
        "another number of keys": [Typist(1, keys=12).sample() for _ in range(WINDOW)],
        "touch": [typist.sample(kind="touch") for _ in range(WINDOW)],
        "pasted": [TypingSample(like.field, like.input_kind, like.events, pasted=True)] * WINDOW,
    }[other]
    assert profile_of(strangers, like=like) is None


def test_only_the_newest_samples_count() -> None:
    owner, former = Typist(1), Typist(2)
    newest = [owner.sample() for _ in range(WINDOW)]
    alone = profile_of(newest, like=newest[0])
    followed = profile_of([*newest, *(former.sample() for _ in range(20))], like=newest[0])
    assert alone is not None and followed is not None
    assert np.array_equal(alone.location, followed.location) and np.array_equal(alone.spread, followed.spread)


def test_the_owner_scores_above_everybody_else() -> None:
    for seed in range(5):
        owner = Typist(seed)
        profile = profile_of([owner.sample() for _ in range(WINDOW)], like=owner.sample())
        assert profile is not None
        own = [log_ratio(profile, owner.sample(), shipped()) for _ in range(20)]
        others = [log_ratio(profile, Typist(100 + other).sample(), shipped()) for other in range(20)]
        assert min(own) > 1.0
        assert np.mean(others) < -2.0
        assert max(others) < np.median(own)


def test_a_profile_of_another_length_is_no_comparison() -> None:
    owner = Typist(1)
    profile = profile_of([owner.sample() for _ in range(WINDOW)], like=owner.sample())
    assert profile is not None
    with pytest.raises(ValueError, match="number of keys"):
        log_ratio(profile, Typist(1, keys=9).sample(), shipped())


EVENTS = st.lists(st.tuples(st.integers(0, 10_000_000), st.integers(0, 10_000_000)), min_size=8, max_size=8).map(
    lambda pairs: tuple((press, press + hold) for press, hold in sorted(pairs))
)


@given(st.lists(EVENTS, min_size=READY_AT, max_size=12), EVENTS)
def test_any_rhythm_has_a_bounded_score(
    kept: list[tuple[tuple[int, int], ...]], typed: tuple[tuple[int, int], ...]
) -> None:
    samples = [TypingSample(TypedField.PASSWORD, InputKind.KEYBOARD, events) for events in [typed, *kept]]
    profile = profile_of(samples[1:], like=samples[0])
    assert profile is not None
    ratio = log_ratio(profile, samples[0], shipped())
    assert math.isfinite(ratio) and abs(ratio) <= MOST
    assert np.isfinite(compare(profile, log_times(features_of(samples)), shipped())).all()
    findings(samples[0], samples[1:])


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (loop(hold_ms=80, gap_ms=150), (ZERO_VARIANCE,)),
        (loop(hold_ms=1, gap_ms=150), (ZERO_VARIANCE, IMPOSSIBLE_SPEED)),
        (loop(hold_ms=0, gap_ms=1), (ZERO_VARIANCE, IMPOSSIBLE_SPEED)),
        (loop(hold_ms=80, gap_ms=150, keys=5), ()),
        (sample_of(*((n * n * 9, n * n * 9 + 1) for n in range(12))), (IMPOSSIBLE_SPEED,)),
        (sample_of(*((n * n * 9, n * n * 9 + 1) for n in range(12)), kind="touch"), ()),
        (sample_of(*((n * 9 + n % 4, n * 9 + 60 + n * n) for n in range(12))), (IMPOSSIBLE_SPEED,)),
        (Typist(1).sample(), ()),
        (None, ()),
    ],
    ids=[
        "even loop",
        "fast presses",
        "instant",
        "too short",
        "no holds",
        "touch has no holds",
        "too fast",
        "human",
        "none",
    ],
)
def test_signs_of_automation(sample: TypingSample | None, expected: tuple[str, ...]) -> None:
    assert findings(sample) == expected


def test_nobody_is_taken_for_a_program() -> None:
    for seed in range(40):
        typist = Typist(seed)
        kept = [typist.sample() for _ in range(20)]
        assert findings(typist.sample(), kept) == ()


def test_a_replay_is_found_at_once() -> None:
    sample = Typist(1).sample()
    assert findings(sample, [sample]) == (REPLAYED,)
    assert findings(sample, seen_before=True) == (REPLAYED,)


@pytest.mark.parametrize("noise_ms", [0.5, 1, 2, 3])
def test_a_replay_with_noise_is_found(noise_ms: float) -> None:
    random = np.random.default_rng(5)
    for seed in range(20):
        events = Typist(seed).events()
        shaken = [sorted(float(time + random.uniform(-noise_ms, noise_ms)) for time in event) for event in events]
        assert findings(as_sample(shaken), [as_sample(events)]) == (REPLAYED,)


def test_who_varies_much_does_not_come_very_near_to_an_earlier_typing() -> None:
    random, typist = np.random.default_rng(5), Typist(1)
    kept = [as_sample(typist.events(unsteady=0.3)) for _ in range(20)]
    stolen = typist.events(unsteady=0.3)
    shaken = [sorted(float(time + random.uniform(-5, 5)) for time in event) for event in stolen]
    assert findings(as_sample(shaken), [*kept, as_sample(stolen)]) == (REPLAYED,)
    assert findings(as_sample(typist.events(unsteady=0.3)), kept) == ()


def test_a_recording_started_later_has_the_same_fingerprint() -> None:
    events = Typist(1).events()
    later = [[press + 3_456.7, release + 3_456.7] for press, release in events]
    assert fingerprint("acc_1", as_sample(events)) == fingerprint("acc_1", as_sample(later))
    assert fingerprint("acc_1", as_sample(events)) != fingerprint("acc_2", as_sample(events))


def test_the_newest_weigh_most() -> None:
    owner, former = Typist(1), Typist(2)
    now, then = ([log_times(features_s(each.sample())) for _ in range(WINDOW // 2)] for each in (owner, former))
    typed = log_times(features_of([owner.sample(), former.sample()]))
    own, earlier = log_ratios(fit_logs(np.array([*now, *then]), shipped()), typed, shipped())
    assert own > earlier
    own, earlier = log_ratios(fit_logs(np.array([*then, *now]), shipped()), typed, shipped())
    assert own < earlier


def test_a_weighted_median_is_where_half_of_the_weight_lies() -> None:
    values = np.array([[5.0], [1.0], [3.0]])
    assert weighted_median(values, np.array([0.2, 0.2, 0.6])) == pytest.approx([3.0])
    assert weighted_median(values, np.array([0.6, 0.2, 0.2])) == pytest.approx([5.0])
    assert weighted_median(values, np.full(3, 1 / 3)) == pytest.approx([3.0])


def test_a_part_of_the_keys_has_their_features() -> None:
    sample = Typist(3).sample()
    part = TypingSample(sample.field, sample.input_kind, sample.events[4:11])
    assert keys_of(features_s(sample), 4, 11) == pytest.approx(features_s(part))


def test_training_finds_what_separates_owners_from_others() -> None:
    people = {}
    for seed in range(6):
        typist = Typist(seed, keys=10)
        people[f"p{seed}"] = log_times(features_of([typist.sample() for _ in range(LEAST_TYPINGS)]))
    background = train(people)
    assert (background.within > 0).all() and (background.between > background.within).all()
    again = from_json(to_json(background, names=FIGURES, trained_on={"people": 6}), names=FIGURES)
    assert again.weights == pytest.approx(background.weights, rel=1e-5)
    owner = Typist(50, keys=10)
    profile = fit_logs(log_times(features_of([owner.sample() for _ in range(10)])), again)
    own = log_ratios(profile, log_times(features_of([owner.sample() for _ in range(20)])), again)
    others = log_ratios(profile, log_times(features_of([Typist(70 + n, keys=10).sample() for n in range(20)])), again)
    assert own.min() > others.max()


def test_training_takes_enough_people_and_typings() -> None:
    logs = log_times(features_of([Typist(1).sample() for _ in range(LEAST_TYPINGS - 1)]))
    with pytest.raises(ValueError, match="training takes"):
        train({f"p{n}": logs for n in range(6)})


@pytest.mark.parametrize(
    "changes", [{"format": 0}, {"weights": {}}, {"within": [1.0]}], ids=["format", "figures", "another length"]
)
def test_a_background_of_another_version_is_refused(changes: dict[str, object]) -> None:
    content = json.loads(to_json(shipped(), names=FIGURES, trained_on={})) | changes
    with pytest.raises(ValueError, match="background's file"):
        from_json(json.dumps(content), names=FIGURES)


def test_the_weights_are_a_likelihood_ratio() -> None:
    random = np.random.default_rng(7)
    # Two normal classes of variance 1 at +1 and -1: the log-likelihood ratio is exactly 2x, whatever the shares.
    own, others = random.normal(1, 1, 20_000), random.normal(-1, 1, 5_000)
    weight = np.repeat([0.5 / len(own), 0.5 / len(others)], [len(own), len(others)])
    owner = np.repeat([1.0, 0.0], [len(own), len(others)])
    weights, offset = fit_logistic(np.concatenate([own, others])[:, None], owner, weight)
    assert weights[0] == pytest.approx(2.0, abs=0.25)  # the ridge takes a little
    assert offset == pytest.approx(0.0, abs=0.1)
