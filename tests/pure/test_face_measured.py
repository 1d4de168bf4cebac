"""The figures of docs/measurements.md for a webcam, measured again on people in front of one.

All captures of three frames take a minute to measure; every third of them is measured here. EVERY = 1 is all.
"""

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

from authsvc.factors.face.comparison import FloatVector, distance, mean_of, one_face
from authsvc.factors.face.dlib_embedder import Measured, load_models, measure_frames
from authsvc.settings import FaceSettings

EVERY = 3
FRAMES = 3
THRESHOLD = FaceSettings().threshold
LIBRARY_THRESHOLD = 0.6

pytestmark = pytest.mark.real_faces


@pytest.fixture(scope="module")
def captures(research_data: Path) -> dict[str, list[FloatVector]]:
    """Means of three frames taken one after another, by person."""
    load_models()
    return {
        person.name: [capture_of(files[at : at + FRAMES]) for at in range(0, len(files) - FRAMES + 1, FRAMES * EVERY)]
        for person in sorted((research_data / "presentation_attack" / "live").iterdir())
        if (files := sorted(person.glob("*.jpg")))
    }


def capture_of(files: list[Path]) -> FloatVector:
    found = measure_frames([file.read_bytes() for file in files])
    assert isinstance(found, Measured), (files, found)  # no frame is refused
    assert one_face(found.embeddings)
    return mean_of(found.embeddings)


def test_nearly_all_captures_match_their_owner(captures: dict[str, list[FloatVector]]) -> None:
    genuine = np.array([distance(a, b) for own in captures.values() for a, b in permutations(own, 2)])
    assert len(genuine) == 160
    assert np.mean(genuine <= THRESHOLD) == pytest.approx(0.95, abs=0.01)


def test_the_threshold_of_the_library_would_let_most_others_in(captures: dict[str, list[FloatVector]]) -> None:
    impostors = np.array(
        [distance(a, b) for one, other in combinations(captures.values(), 2) for a in one for b in other]
    )
    assert len(impostors) == 700
    assert np.mean(impostors <= THRESHOLD) < 0.01
    assert np.mean(impostors <= LIBRARY_THRESHOLD) > 0.7
