"""The figures of docs/models/face.md for a webcam, measured again on four of its people.

All of them take minutes: authsvc evaluate face-captures.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from authsvc.evaluate import face_captures
from authsvc.evaluate.face_captures import Capture
from authsvc.evaluate.face_vectors import Reader
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.settings import FaceSettings

PEOPLE = ("0001", "0002", "0005", "0007")
LIBRARY_THRESHOLD = 0.6

pytestmark = pytest.mark.real_faces


@pytest.fixture(scope="module")
def some_people(research_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    for person in PEOPLE:
        (folder / person).symlink_to(research_data / "presentation_attack" / "live" / person)
    return folder


@pytest.fixture(scope="module")
def report(some_people: Path) -> dict[str, Any]:
    reader = Reader(EmbedderChoice())
    return face_captures.evaluate(
        reader, some_people, cohort=None, members=5, own_members=2, limit=FaceSettings().threshold
    )[0]


def test_no_frame_is_refused(report: dict[str, Any]) -> None:
    assert report["failure_to_acquire"] == 0
    assert report["people"] == len(PEOPLE)
    assert report["captures"] == 51


def test_captures_of_other_sessions_are_told_apart_at_the_shipped_threshold(report: dict[str, Any]) -> None:
    assert report["at_limit"]["fmr"] < 0.005
    assert report["at_limit"]["fnmr"] < 0.15
    assert report["plain"]["genuine"] > 100
    assert report["plain"]["eer"] < 0.05


def test_looking_at_each_frame_refuses_mixtures_and_no_owner(report: dict[str, Any]) -> None:
    found = report["mixtures"]
    assert found["passed"] < found["by_mean"] / 2
    assert found["owners_lost"] < 0.01


def test_a_rate_that_so_few_pairs_cannot_carry_is_not_given(report: dict[str, Any]) -> None:
    assert report["plain"]["fnmr_at_fmr_1e-2"] is not None
    assert report["plain"]["fnmr_at_fmr_1e-4"] is None
    assert "can't carry" in report["plain"]["reasons"]["fnmr_at_fmr_1e-4"]


def test_the_threshold_of_the_library_would_let_most_others_in(some_people: Path) -> None:
    captures = face_captures.read_captures(Reader(EmbedderChoice()), some_people)
    others = [
        float(np.linalg.norm(one.vector - other.vector))
        for number, one in enumerate(captures)
        for other in captures[:number]
        if one.person != other.person
    ]
    assert np.mean(np.array(others) <= LIBRARY_THRESHOLD) > 0.6


def test_a_cohort_of_people_like_these_is_left_without_the_two_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors drawn at random: every pair is measured beside prototypes of exactly the other people."""
    draw = np.random.default_rng(1)
    people = [f"p{number}" for number in range(8)]
    captures = [Capture(each, session, (draw.normal(size=16),) * 3) for each in people for session in ("one", "two")]
    seen: list[tuple[set[str], int]] = []
    real = face_captures._by_cohort
    monkeypatch.setattr(
        face_captures,
        "_by_cohort",
        lambda both, cohort: (seen.append(({each.person for each in both}, len(cohort))), real(both, cohort))[1],
    )
    scored = list(face_captures._by_own_cohort(captures, 2))
    assert len(scored) == sum(1 for _ in face_captures._pairs(captures))
    assert sum(each.genuine for each in scored) == len(people)
    assert {size for both, size in seen if len(both) == 2} == {3}  # six others, two in each prototype
    assert {size for both, size in seen if len(both) == 1} == {3}  # seven others
