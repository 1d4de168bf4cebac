"""Features, profiles, the detector, and signs of automation."""

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
from authsvc.risk.keystroke.background import BACKGROUND
from authsvc.risk.keystroke.detector import CLIP, log_ratio
from authsvc.risk.keystroke.features import features_s, kinds_of, log_times
from authsvc.risk.keystroke.profile import READY_AT, WINDOW, fit_profile
from authsvc.risk.keystroke.sample import InputKind, TypedField, TypingSample
from authsvc.risk.keystroke.training import calibrate, train
from tests.support.typists import Typist, as_sample


def sample_of(*events: tuple[float, float], kind: str = "keyboard") -> TypingSample:
    return as_sample([list(event) for event in events], kind=kind)


def loop(*, hold_ms: float, gap_ms: float, keys: int = 16, kind: str = "keyboard") -> TypingSample:
    return sample_of(*((n * gap_ms, n * gap_ms + hold_ms) for n in range(keys)), kind=kind)


def test_features_are_holds_then_gaps_then_overlaps_in_seconds() -> None:
    features = features_s(sample_of((0, 100), (80, 200), (300, 350)))
    assert features == pytest.approx([0.1, 0.12, 0.05, 0.08, 0.22, -0.02, 0.1])
    assert features.shape == (3 * 3 - 2,)
    assert list(kinds_of(7)) == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("overlap_ms", [0, 200, 249, 5_000])
def test_log_times_are_finite_whatever_overlaps(overlap_ms: float) -> None:
    logs = log_times(features_s(sample_of((0, overlap_ms), (0, 0), (0, 0), (0, overlap_ms))))
    assert np.isfinite(logs).all()


def test_a_profile_waits_for_enough_samples() -> None:
    typist = Typist(1)
    like = typist.sample()
    few = [typist.sample() for _ in range(READY_AT - 1)]
    assert fit_profile(few, like=like) is None
    assert fit_profile([*few, typist.sample()], like=like) is not None


@pytest.mark.parametrize("other", ["another number of keys", "touch", "pasted"])
def test_a_profile_only_takes_samples_like_the_one_compared(other: str) -> None:
    typist = Typist(1)
    like = typist.sample()
    strangers = {
        "another number of keys": [Typist(1, keys=12).sample() for _ in range(WINDOW)],
        "touch": [typist.sample(kind="touch") for _ in range(WINDOW)],
        "pasted": [TypingSample(like.field, like.input_kind, like.events, pasted=True)] * WINDOW,
    }[other]
    assert fit_profile(strangers, like=like) is None


def test_only_the_newest_samples_count() -> None:
    owner, former = Typist(1), Typist(2)
    newest = [owner.sample() for _ in range(WINDOW)]
    alone = fit_profile(newest, like=newest[0])
    followed = fit_profile([*newest, *(former.sample() for _ in range(20))], like=newest[0])
    assert alone is not None and followed is not None
    assert np.array_equal(alone.location, followed.location) and np.array_equal(alone.spread, followed.spread)


def test_the_owner_scores_above_everybody_else() -> None:
    for seed in range(5):
        owner = Typist(seed)
        profile = fit_profile([owner.sample() for _ in range(WINDOW)], like=owner.sample())
        assert profile is not None
        own = [log_ratio(profile, owner.sample()) for _ in range(20)]
        others = [log_ratio(profile, Typist(100 + other).sample()) for other in range(20)]
        assert min(own) > 1.0
        assert np.mean(others) < -2.0
        assert max(others) < np.median(own)


def test_a_profile_of_another_length_is_no_comparison() -> None:
    owner = Typist(1)
    profile = fit_profile([owner.sample() for _ in range(WINDOW)], like=owner.sample())
    assert profile is not None
    with pytest.raises(ValueError, match="number of keys"):
        log_ratio(profile, Typist(1, keys=9).sample())


EVENTS = st.lists(st.tuples(st.integers(0, 10_000_000), st.integers(0, 10_000_000)), min_size=8, max_size=8).map(
    lambda pairs: tuple((press, press + hold) for press, hold in sorted(pairs))
)


@given(st.lists(EVENTS, min_size=READY_AT, max_size=12), EVENTS)
def test_any_rhythm_has_a_bounded_score(
    kept: list[tuple[tuple[int, int], ...]], typed: tuple[tuple[int, int], ...]
) -> None:
    samples = [TypingSample(TypedField.PASSWORD, InputKind.KEYBOARD, events) for events in [typed, *kept]]
    profile = fit_profile(samples[1:], like=samples[0])
    assert profile is not None
    ratio = log_ratio(profile, samples[0])
    assert math.isfinite(ratio)
    assert abs(ratio) <= BACKGROUND.gain * CLIP + abs(BACKGROUND.offset) + 1e-9
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


def test_a_recording_started_later_has_the_same_fingerprint() -> None:
    events = Typist(1).events()
    later = [[press + 3_456.7, release + 3_456.7] for press, release in events]
    assert fingerprint("acc_1", as_sample(events)) == fingerprint("acc_1", as_sample(later))
    assert fingerprint("acc_1", as_sample(events)) != fingerprint("acc_2", as_sample(events))


def test_training_finds_what_separates_owners_from_others() -> None:
    people = {}
    for seed in range(6):
        typist = Typist(seed, keys=9)
        people[f"p{seed}"] = np.array([log_times(features_s(typist.sample())) for _ in range(60)])
    background = train(people)
    assert background.gain > 0
    assert (background.within > 0).all() and (background.between > background.within).all()


def test_calibration_recovers_a_known_relation() -> None:
    random = np.random.default_rng(7)
    # Two normal classes of variance 1 at +1 and -1: the log-likelihood ratio is exactly 2x.
    gain, offset = calibrate(random.normal(1, 1, 20_000), random.normal(-1, 1, 5_000))
    assert gain == pytest.approx(2.0, abs=0.1)
    assert offset == pytest.approx(0.0, abs=0.1)
