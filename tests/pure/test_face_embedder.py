"""The worker's work: one face found, its vector equal to face_recognition's, bad images answered and not raised."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from authsvc.cli.drawn_face import PERSONS, draw, encode_jpeg
from authsvc.factors.face.comparison import distance
from authsvc.factors.face.dlib_embedder import Measured, load_models, measure_frames
from authsvc.factors.face.refusals import FrameRefusal
from tests.support import pictures

EQUAL = 1e-6


@pytest.fixture(scope="module", autouse=True)
def models() -> None:
    load_models()


@pytest.fixture
def face_recognition(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)  # importing it sets this; undone afterwards
    import face_recognition

    yield face_recognition


def measured(*frames: bytes) -> Measured:
    found = measure_frames(frames)
    assert isinstance(found, Measured), found
    return found


@pytest.mark.parametrize("person", PERSONS)
def test_vectors_equal_those_of_face_recognition(face_recognition: Any, person: str) -> None:
    frame = pictures.frame(person, 0)
    found = measured(frame)
    image = face_recognition.load_image_file(io.BytesIO(frame))
    theirs = face_recognition.face_encodings(image, [found.boxes[0]], model="small")[0]
    assert np.abs(found.embeddings[0] - theirs).max() < EQUAL


def test_vectors_of_people_equal_those_of_face_recognition(face_recognition: Any, research_data: Path) -> None:
    people = sorted((research_data / "presentation_attack" / "live").iterdir())
    for file in [next(iter(sorted(person.glob("*.jpg")))) for person in people]:
        found = measured(file.read_bytes())
        image = face_recognition.load_image_file(str(file))
        theirs = face_recognition.face_encodings(image, [found.boxes[0]], model="small")[0]
        assert np.abs(found.embeddings[0] - theirs).max() < EQUAL


def test_the_model_trained_on_non_commercial_data_is_not_loaded() -> None:
    """Importing face_recognition would; so a worker process must not."""
    program = (
        "import sys, builtins, dlib\n"
        "opened, real = [], dlib.shape_predictor\n"
        "dlib.shape_predictor = lambda path: (opened.append(path), real(path))[1]\n"
        "from authsvc.factors.face.dlib_embedder import load_models\n"
        "load_models()\n"
        "assert 'face_recognition' not in sys.modules\n"
        "assert [path.rsplit('/', 1)[-1] for path in opened] == ['shape_predictor_5_face_landmarks.dat'], opened\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (pictures.no_face, "face.no_face"),
        (pictures.two_faces, "face.two_faces"),
        (pictures.small_face, "face.face_too_small"),
        (pictures.truncated, "face.not_an_image"),
    ],
)
def test_a_frame_without_one_large_face_is_refused(bad: Any, code: str) -> None:
    assert measure_frames([pictures.frame("anna", 0), bad()]) == FrameRefusal(code, 1)


@pytest.mark.parametrize("name", pictures.unreadable_headers())
def test_nothing_raises_out_of_the_worker(name: str) -> None:
    assert measure_frames([pictures.unreadable_headers()[name]]) == FrameRefusal("face.not_an_image", 0)


def test_a_corrupt_scan_is_answered() -> None:
    whole = bytearray(pictures.frame("anna", 0))
    noise = np.random.default_rng(5)
    for _ in range(20):
        spoiled = bytearray(whole)
        for at in noise.integers(2, len(whole), 60):
            spoiled[at] = noise.integers(0, 256)
        assert isinstance(measure_frames([bytes(spoiled)]), Measured | FrameRefusal)


def test_a_large_photograph_is_searched_small_and_measured_whole() -> None:
    picture = Image.fromarray(draw(PERSONS["anna"], 0)).resize((1920, 1440), Image.Resampling.BICUBIC)
    large = measured(encode_jpeg(np.array(picture)))
    small = measured(pictures.frame("anna", 0))
    assert large.boxes[0][1] - large.boxes[0][3] > 400
    assert distance(large.embeddings[0], small.embeddings[0]) < 0.25


def test_a_sideways_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(draw(PERSONS["anna"], 0)).transpose(Image.Transpose.ROTATE_90)
    found = measured(pictures.saved(sideways, "JPEG", exif=exif, quality=90))
    assert distance(found.embeddings[0], measured(pictures.frame("anna", 0)).embeddings[0]) < 0.1
