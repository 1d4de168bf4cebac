"""Templates, distances and verdicts."""

import numpy as np
import pytest

from authsvc.factors.face.comparison import (
    DIMENSIONS,
    distance,
    mean_of,
    one_face,
    template_from_bytes,
    template_to_bytes,
    verdict,
)


def vector(*leading: float) -> np.ndarray:
    return np.array([*leading, *[0.0] * (DIMENSIONS - len(leading))])


def test_a_template_is_the_mean_of_its_frames() -> None:
    assert mean_of([vector(1, 0), vector(0, 1), vector(2, 2)])[:3].tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("embeddings", [[], [vector(1)] * 2, [vector(1), vector(1), np.zeros(127)]])
def test_a_mean_needs_three_embeddings_of_the_right_shape(embeddings: list[np.ndarray]) -> None:
    with pytest.raises(ValueError):
        mean_of(embeddings)


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [(0.0, "match"), (0.40, "match"), (0.400001, "no_match"), (2.0, "no_match"), (float("nan"), "no_match")],
)
def test_the_threshold_itself_still_matches(measured: float, outcome: str) -> None:
    assert verdict(measured, threshold=0.40) == outcome


def test_distance_is_euclids() -> None:
    assert distance(vector(3, 0), vector(0, 4)) == 5.0


@pytest.mark.parametrize(("apart", "same"), [(0.0, True), (0.59, True), (0.61, False)])
def test_frames_far_apart_are_not_one_face(apart: float, same: bool) -> None:
    assert one_face([vector(0), vector(0), vector(apart)]) is same


def test_a_template_survives_its_bytes() -> None:
    template = np.random.default_rng(1).normal(size=DIMENSIONS)
    assert len(template_to_bytes(template)) == 1024
    assert np.array_equal(template_from_bytes(template_to_bytes(template)), template)
