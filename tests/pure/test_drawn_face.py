"""Drawn faces stand in for people: found by the detector, near within a person, far between two."""

from itertools import combinations

import numpy as np
import pytest

from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.matching.score import distance, mean_of
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames
from tests.support import pictures

FRAMES = 6


@pytest.fixture(scope="module")
def embeddings() -> dict[str, list[np.ndarray]]:
    begin_worker(EmbedderChoice(kind="dlib"))
    found = {}
    for name in PERSONS:
        measured = measure_frames(pictures.capture(name, count=FRAMES))
        assert isinstance(measured, Measured), (name, measured)
        found[name] = measured.embeddings
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


@pytest.mark.parametrize("name", PERSONS)
def test_a_drawn_head_turns_as_far_as_it_is_told(embeddings: dict[str, list[np.ndarray]], name: str) -> None:
    def yaw(turn_deg: float) -> float:
        frames = [draw_frame(PERSONS[name], number, turn_deg=turn_deg) for number in range(3)]
        measured = measure_frames(frames)
        assert isinstance(measured, Measured), (name, measured)
        return float(np.mean([frame.pose.yaw_deg for frame in measured.frames]))

    straight = yaw(0)
    for turn_deg in (-15, 15):
        assert yaw(turn_deg) - straight == pytest.approx(turn_deg, abs=6)
