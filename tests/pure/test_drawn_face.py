"""Drawn faces stand in for people: found by the detector, near within a person, far between two."""

from itertools import combinations

import numpy as np
import pytest

from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.factors.face.comparison import distance, mean_of
from authsvc.factors.face.dlib_embedder import Measured, load_models, measure_frames
from tests.support import faces

FRAMES = 6


@pytest.fixture(scope="module")
def embeddings() -> dict[str, list[np.ndarray]]:
    load_models()
    found = {}
    for name in PERSONS:
        measured = measure_frames(faces.capture(name, count=FRAMES))
        assert isinstance(measured, Measured), (name, measured)
        found[name] = list(measured.embeddings)
    return found


def test_frames_of_a_person_are_alike(embeddings: dict[str, list[np.ndarray]]) -> None:
    for name, vectors in embeddings.items():
        assert max(distance(a, b) for a, b in combinations(vectors, 2)) < 0.25, name


def test_captures_of_two_persons_are_far_apart(embeddings: dict[str, list[np.ndarray]]) -> None:
    for one, other in combinations(embeddings, 2):
        assert distance(mean_of(embeddings[one][:3]), mean_of(embeddings[other][3:])) > 0.50, (one, other)


def test_the_same_frame_is_drawn_the_same() -> None:
    person = PERSONS["anna"]
    assert draw_frame(person, 3) == draw_frame(person, 3) != draw_frame(person, 4)
