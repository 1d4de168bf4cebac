"""Attack detection: what it may look at, that nothing breaks it, and that it judges people whom it never saw."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.cli.drawn_face import PERSONS, draw
from authsvc.evaluate.liveness import evaluate
from authsvc.factors.face.liveness.attack import SHIPPED, LiveFrame, attack_of, shipped_model
from authsvc.factors.face.liveness.classifier import BadModel, load, save
from authsvc.factors.face.liveness.crop import INSIDE, SIDE_PX, face_chip
from authsvc.factors.face.liveness.features import COUNT, RADII, features_of
from authsvc.factors.face.measured import FloatArray, FoundFace, UInt8Array

ROOT = Path(__file__).parents[2]
CARD = ROOT / "docs" / "models" / "liveness.md"
# Where the five points of a drawn face are, about: the right eye's corners, the left eye's, the base of the nose.
POINTS = np.array([[375.0, 215], [345, 215], [265, 215], [295, 215], [320, 270]])
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.floats(-50, 700)


def frame(name: str = "anna", number: int = 0, points: FloatArray = POINTS) -> LiveFrame:
    image = np.ascontiguousarray(draw(PERSONS[name], number)[..., ::-1])
    return LiveFrame(image, FoundFace(220, 130, 420, 330, points))


def noise(seed: int) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


# -- what it looks at


def test_nothing_outside_of_the_ellipse_counts() -> None:
    chip = face_chip(frame().image, POINTS)
    assert chip is not None
    for other in (noise(1), np.zeros_like(chip), np.full_like(chip, 255)):
        elsewhere = np.where(INSIDE[:, :, None], chip, other)
        assert np.array_equal(features_of(elsewhere), features_of(chip))


def test_every_part_of_the_ellipse_counts() -> None:
    chip = noise(2)
    before = features_of(chip)
    for row, column in ((30, 80), (80, 30), (80, 130), (140, 80)):
        changed = chip.copy()
        changed[row - 8 : row + 8, column - 8 : column + 8] = 0
        assert not np.allclose(features_of(changed), before, atol=1e-4)


def test_left_and_right_are_one() -> None:
    chip = face_chip(frame().image, POINTS)
    assert chip is not None
    # Light comes from above left in a drawing: what tells the sides apart would show by far more than this.
    halves = features_of(chip), features_of(np.ascontiguousarray(chip[:, ::-1]))
    texture = 6 * 10 * len(RADII)
    assert np.abs(halves[0] - halves[1])[:texture].max() < 0.01


def test_a_face_measures_the_same_anywhere_turned_and_from_nearer() -> None:
    image = frame().image
    about = features_of_moved(image, np.array([[1.0, 0, 0], [0, 1, 0]]))
    shifted = features_of_moved(image, np.array([[1.0, 0, 40], [0, 1, -25]]))
    assert np.array_equal(about, shifted)
    turned = cv2.getRotationMatrix2D((320.0, 240.0), 12, 1.15)
    spread = np.abs(about).max()
    assert np.abs(features_of_moved(image, turned) - about).mean() < 0.03 * spread


def features_of_moved(image: UInt8Array, by: FloatArray) -> FloatArray:
    moved = np.asarray(cv2.warpAffine(image, by, (640, 480), flags=cv2.INTER_CUBIC), np.uint8)
    chip = face_chip(moved, POINTS @ by[:, :2].T + by[:, 2])
    assert chip is not None
    return features_of(chip)


# -- nothing breaks it


@pytest.mark.parametrize(
    "chip",
    [np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8), noise(3)],
    ids=["black", "white", "noise"],
)
def test_features_are_finite_numbers(chip: UInt8Array) -> None:
    found = features_of(chip)
    assert found.shape == (COUNT,)
    assert np.isfinite(found).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(NUMBERS, min_size=10, max_size=10),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(0, 3),
)
def test_no_points_and_no_picture_break_it(points: list[float], size: tuple[int, int], seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    face = FoundFace(0, 0, 1, 1, np.array(points).reshape(5, 2))
    found = attack_of([LiveFrame(image, face)])
    assert np.isfinite(found.log_odds)
    assert abs(found.log_odds) <= shipped_model().bound


@pytest.mark.parametrize("points", [np.full((5, 2), np.nan), np.full((5, 2), 7.0), np.full((5, 2), 1e300)])
def test_points_that_are_no_face_speak_for_an_attack(points: FloatArray) -> None:
    assert attack_of([frame(points=points)]).log_odds > 0


def test_without_frames_nothing_speaks() -> None:
    assert attack_of([]).log_odds == 0
    assert attack_of([]).frames == ()


def test_the_same_capture_is_always_judged_the_same() -> None:
    capture = [frame(number=number) for number in range(3)]
    first, again = attack_of(capture), attack_of(capture)
    assert first == again
    assert len(first.frames) == 3
    alone = [attack_of([each]).frames[0] for each in capture]
    assert first.frames == pytest.approx(alone, abs=1e-4)


def test_a_view_of_rgb_turned_round_is_as_good() -> None:
    straight = frame()
    view = np.ascontiguousarray(straight.image[..., ::-1])[..., ::-1]
    assert attack_of([replace(straight, image=view)]) == attack_of([straight])


# -- the shipped model


def test_the_card_is_of_the_shipped_model() -> None:
    assert f"`{shipped_model().version}`" in CARD.read_text(encoding="utf-8")
    assert SHIPPED.stat().st_size < 2_000_000


def test_a_saved_model_is_the_same_model(tmp_path: Path) -> None:
    model = shipped_model()
    save(model, tmp_path / "again.npz")
    assert load(tmp_path / "again.npz").version == model.version
    assert (tmp_path / "again.npz").read_bytes() == SHIPPED.read_bytes()


def test_one_changed_number_is_another_version() -> None:
    model = shipped_model()
    assert replace(model, offset=model.offset + 1e-9).version != model.version


@pytest.mark.parametrize("change", [{"mean": np.zeros(3)}, {"gain": np.nan}, {"weights": np.zeros(1)}])
def test_what_is_no_model_of_these_features_is_not_loaded(change: dict[str, object], tmp_path: Path) -> None:
    save(replace(shipped_model(), **change), tmp_path / "other.npz")
    with pytest.raises(BadModel):
        load(tmp_path / "other.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"no model", b"PK\x03\x04 cut short"])
def test_what_is_no_model_at_all_is_not_loaded(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(BadModel):
        load(tmp_path / "x.npz")


def test_frames_alike_count_less_than_frames_apart() -> None:
    model = replace(shipped_model(), bound=100.0)
    five = np.ones(5)
    assert replace(model, correlation=1.0).capture(five) == pytest.approx(1)
    assert replace(model, correlation=0.0).capture(five) == pytest.approx(5)
    assert 1 < replace(model, correlation=0.5).capture(five) < 2


def test_captures_are_served_without_the_libraries_of_training() -> None:
    program = "import sys, authsvc.factors.face.liveness.attack; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not re.findall(r"\b(sklearn|scipy|matplotlib)\b", " ".join(loaded))


# -- people


@pytest.mark.real_faces
def test_people_left_out_are_told_from_their_pictures(research_data: Path, tmp_path: Path) -> None:
    """Three of eight people, one session each; `authsvc evaluate liveness` does all of it (docs/models/liveness.md)."""
    folders = {kind: subset(research_data, kind, tmp_path) for kind in ("live", "print")}
    report, curves = evaluate(folders["live"], {"print": folders["print"]}, leave_out="person")
    assert report["per_frame"]["eer"] <= 0.2
    assert report["per_frame"]["attacks"]["print"]["trials"] == 3 * len(FRAMES)
    assert report["per_capture_of_5"]["attacks"]["print"]["trials"] == 3
    assert report["splits"] == 3
    assert set(curves) == {"print"}


# A session of each person that has a capture, in order of time.
FRAMES = range(6)
SESSIONS = {
    "0001": ("0001_00_00_01", "0001_00_00_01"),
    "0005": ("0005_00_00_01", "0005_00_00_01"),
    "0007": ("0007_01_05_03", "0007_01_00_01"),
}


def subset(research_data: Path, kind: str, into: Path) -> Path:
    for person, sessions in SESSIONS.items():
        session = sessions[kind == "print"]
        files = (research_data / "presentation_attack" / kind / person).glob(f"{session}_*.jpg")
        in_time = sorted(files, key=lambda file: int(file.stem.rpartition("_")[2]))
        (into / kind / person).mkdir(parents=True)
        for number in FRAMES:
            (into / kind / person / in_time[number].name).symlink_to(in_time[number])
    return into / kind
