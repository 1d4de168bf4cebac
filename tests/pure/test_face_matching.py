"""Scores, the cohort that they are relative to, and the point that decides: what holds for any vectors."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from authsvc.factors.face.embedder.choice import DLIB_ID
from authsvc.factors.face.matching.calibration import Calibration, Known
from authsvc.factors.face.matching.cohort import (
    MEMBERS,
    MIN_PROTOTYPES,
    NONE,
    Cohort,
    distances,
    nearness,
    nearness_without,
    prototype_of,
)
from authsvc.factors.face.matching.operating_point import (
    SHIPPED,
    OperatingPoint,
    Points,
    TooFewPairs,
    allowed_matches,
    calibrated_threshold,
    compare,
    least_rate,
    poisson_limit,
)
from authsvc.factors.face.matching.score import distance, mean_of, one_face, relative_distance
from authsvc.factors.face.measured import FloatArray

D = 6
NOBODY = Cohort((), np.empty((0, D)))
PLAIN = OperatingPoint("e", 0.4, 1e-4, 50_000, 300, "a set")

vectors = arrays(np.float64, D, elements=st.floats(-1, 1, width=32))
some_vectors = arrays(np.float64, (4, D), elements=st.floats(-1, 1, width=32))


def people(count: int, *, seed: int = 1, spread: float = 1.0) -> FloatArray:
    return np.random.default_rng(seed).normal(scale=spread / math.sqrt(2 * D), size=(count, D))


def cohort_of(rows: FloatArray) -> Cohort:
    return Cohort(tuple(f"fpr_{number}" for number in range(len(rows))), rows)


# -- distances


@given(vectors, vectors)
def test_a_distance_does_not_depend_on_who_is_the_template(one: FloatArray, other: FloatArray) -> None:
    cohort = cohort_of(people(MIN_PROTOTYPES))
    assert distance(one, other) == distance(other, one)
    assert relative_distance(one, other, cohort) == pytest.approx(relative_distance(other, one, cohort))


@given(vectors, vectors)
def test_nobody_is_more_like_somebody_than_they_are(one: FloatArray, other: FloatArray) -> None:
    cohort = cohort_of(people(MIN_PROTOTYPES))
    assert relative_distance(one, one, cohort) == distance(one, one) == 0.0
    assert relative_distance(one, other, cohort) >= 0.0
    assert distance(one, other) >= 0.0


@given(vectors, vectors, st.floats(0.1, 10))
def test_a_relative_distance_does_not_know_the_scale_of_its_population(
    one: FloatArray, other: FloatArray, scale: float
) -> None:
    rows = people(MIN_PROTOTYPES)
    small = relative_distance(one, other, cohort_of(rows))
    assert relative_distance(one * scale, other * scale, cohort_of(rows * scale)) == pytest.approx(small, abs=1e-9)


@given(vectors, vectors, vectors)
def test_more_people_in_the_cohort_make_nobody_a_match(one: FloatArray, other: FloatArray, more: FloatArray) -> None:
    """Who adds prototypes, even wild ones, can make verifications fail, never succeed."""
    rows = people(MIN_PROTOTYPES)
    before = relative_distance(one, other, cohort_of(rows))
    assert relative_distance(one, other, cohort_of(np.vstack([rows, more]))) >= before - 1e-12


@given(some_vectors)
def test_distances_in_one_product_are_distances(rows: FloatArray) -> None:
    wanted = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert np.abs(distances(rows, rows) - wanted).max() < 1e-6


def test_a_mean_needs_three_frames_of_one_shape() -> None:
    frames = people(3)
    assert mean_of(list(frames)) == pytest.approx(frames.mean(axis=0))
    for bad in ([], list(frames[:2]), [*frames[:2], np.zeros(D + 1)]):
        with pytest.raises(ValueError):
            mean_of(bad)


def test_two_people_are_not_one_face() -> None:
    near, far = np.zeros(D), np.eye(D)[0]
    assert one_face([near, near + 0.1 / math.sqrt(D), near])
    assert not one_face([near, near, far])


# -- the cohort


def test_a_prototype_is_the_mean_of_enough_people() -> None:
    assert prototype_of(people(MEMBERS)) == pytest.approx(people(MEMBERS).mean(axis=0))
    with pytest.raises(ValueError):
        prototype_of(people(MEMBERS - 1))
    with pytest.raises(ValueError):
        prototype_of(people(MEMBERS) * np.nan)


def test_a_cohort_without_somebody() -> None:
    cohort = cohort_of(people(MIN_PROTOTYPES))
    assert cohort.stands
    left = cohort.without(("fpr_3",))
    assert "fpr_3" not in left.ids
    assert not left.stands
    assert np.array_equal(left.prototypes, np.delete(cohort.prototypes, 3, axis=0))
    assert cohort.without(("fpr_other",)).ids == cohort.ids


@settings(max_examples=50)
@given(st.integers(0, 1000), st.integers(-1, 9), st.integers(-1, 9))
def test_what_is_left_out_of_a_nearness(seed: int, own: int, other: int) -> None:
    """All at once, for a calibration, is what one by one is, for a verification."""
    rows, vector = people(10, seed=seed), people(1, seed=seed + 5000)
    found = nearness_without(vector, np.array([own]), rows)[0, other]
    kept = [row for row in range(10) if row not in (own, other)]
    assert found == pytest.approx(nearness(vector[0], cohort_of(rows[kept])), abs=1e-6)
    assert NONE == -1


# -- the operating point


def test_the_plain_point_decides_without_a_cohort() -> None:
    template, probe = np.zeros(D), np.eye(D)[0] * 0.4
    match = compare(template, probe, NOBODY, Points(PLAIN))
    assert match.matched
    assert match.point is PLAIN
    assert not compare(template, probe * 1.001, NOBODY, Points(PLAIN)).matched


def test_the_relative_point_decides_where_it_was_calibrated_and_the_cohort_is_still_there() -> None:
    template, probe = people(2)
    cohort = cohort_of(people(20, seed=2))
    relative = replace(PLAIN, threshold=0.9, prototypes=20)
    assert compare(template, probe, cohort, Points(PLAIN, relative)).point is relative
    kept = cohort.without(cohort.ids[:4])  # four fifths are left
    assert compare(template, probe, kept, Points(PLAIN, relative)).point is relative
    lost = cohort.without(cohort.ids[:5])
    assert lost.stands
    assert compare(template, probe, lost, Points(PLAIN, relative)).point is PLAIN


def test_a_vector_that_is_no_number_matches_nobody() -> None:
    cohort, relative = cohort_of(people(20)), replace(PLAIN, threshold=0.9, prototypes=20)
    wild = np.full(D, np.nan)
    for points in (Points(PLAIN), Points(PLAIN, relative)):
        assert not compare(wild, wild, cohort, points).matched
        assert not compare(np.zeros(D), wild, cohort, points).matched


def test_a_vector_on_three_prototypes_is_no_face() -> None:
    spot = np.ones(D)
    cohort = cohort_of(np.vstack([people(20), np.tile(spot, (3, 1))]))
    assert not compare(spot, spot, cohort, Points(PLAIN, replace(PLAIN, threshold=0.9, prototypes=20))).matched


def test_the_shipped_point_is_the_setting_and_of_the_default_network(make_settings) -> None:
    assert SHIPPED[DLIB_ID].threshold == make_settings().face.threshold
    shipped = SHIPPED[DLIB_ID]
    assert shipped.fmr is not None
    assert least_rate(shipped.pairs) <= shipped.fmr


# -- what so many pairs can show


@pytest.mark.parametrize("count", [0, 1, 2, 10, 500])
def test_the_limit_of_a_count_is_that_of_the_textbook(count: int) -> None:
    assert poisson_limit(count) == pytest.approx(chi2.ppf(0.95, 2 * (count + 1)) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("pairs", "fmr", "allowed"),
    [(0, 1e-3, None), (2_995, 1e-3, None), (2_996, 1e-3, 0), (4_744, 1e-3, 1), (100_000, 1e-3, 83), (10, 0.5, 1)],
)
def test_how_many_matches_still_show_a_rate(pairs: int, fmr: float, allowed: int | None) -> None:
    assert allowed_matches(pairs, fmr) == allowed


def test_too_few_pairs_promise_nothing() -> None:
    with pytest.raises(TooFewPairs, match=r"2000 impostor pairs can't show .* 0\.001: that takes 2996; .* 0\.0015"):
        calibrated_threshold(np.linspace(0.5, 1.0, 2_000), 1e-3)
    with pytest.raises(TooFewPairs):
        calibrated_threshold(np.empty(0), 0.1)


@given(st.integers(3_000, 20_000), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_threshold_passes_no_more_than_the_pairs_can_carry(pairs: int, seed: int) -> None:
    impostors = np.random.default_rng(seed).normal(0.8, 0.1, pairs)
    threshold = calibrated_threshold(impostors, 1e-3)
    passed = int((impostors <= threshold).sum())
    assert passed == allowed_matches(pairs, 1e-3)
    assert poisson_limit(passed) <= pairs * 1e-3


def test_a_threshold_lies_below_many_equal_distances() -> None:
    assert calibrated_threshold(np.full(5_000, 0.7), 1e-3) < 0.7
    with pytest.raises(ValueError, match="not a number"):
        calibrated_threshold(np.array([0.5, np.nan]), 0.5)


def test_a_calibration_gives_both_points_and_names_the_worst_account() -> None:
    accounts = people(120, seed=4)
    accounts[1] = accounts[0] + 1e-3  # two accounts of one person
    cohort = cohort_of(people(30, seed=5, spread=0.5))
    known = tuple(Known(f"acc_{number}", vector) for number, vector in enumerate(accounts))
    plain, relative = Calibration("e", known, cohort).points(1e-3)
    for found, prototypes in ((plain, 0), (relative, 30)):
        assert found.point.pairs == 120 * 119 // 2
        assert (found.point.people, found.point.prototypes, found.point.fmr) == (120, prototypes, 1e-3)
        assert found.passed == allowed_matches(7_140, 1e-3)
        assert found.worst_account_fmr >= 1 / 119
    assert relative.point.relative
    assert not plain.point.relative
    (alone,) = Calibration("e", known, NOBODY).points(1e-3)
    assert alone == plain


def test_a_calibration_measures_as_a_verification_does() -> None:
    """Neither side is compared with a prototype that one of the two is part of."""
    accounts, rows = people(60, seed=6), people(20, seed=7)
    cohort = cohort_of(rows)
    known = tuple(Known(f"acc_{n}", vector, f"fpr_{n % 25}") for n, vector in enumerate(accounts))  # some are in none
    _, relative = Calibration("e", known, cohort).points(0.1)
    apart = [
        relative_distance(one.vector, other.vector, cohort.without((str(one.prototype_id), str(other.prototype_id))))
        for number, one in enumerate(known)
        for other in known[:number]
    ]
    assert relative.point.threshold == pytest.approx(calibrated_threshold(np.array(apart), 0.1), rel=1e-6)


def test_nobody_to_calibrate_with_is_too_few() -> None:
    with pytest.raises(TooFewPairs, match="0 impostor pairs"):
        Calibration("e", (), NOBODY).points(0.01)
    with pytest.raises(TooFewPairs):
        Calibration("e", (Known("acc_1", np.zeros(D)),), NOBODY).points(0.01)
