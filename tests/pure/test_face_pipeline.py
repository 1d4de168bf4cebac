"""The worker's work: one face found, its chip dlib's own, bad images answered and not raised."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from authsvc.cli.drawn_face import PERSONS, draw, encode_jpeg
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.embedder.embedder import dlib_chip
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.pipeline.decode import decode
from authsvc.factors.face.pipeline.detect import Box, one_face
from authsvc.factors.face.pipeline.dlib_faces import DlibFaces
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames
from authsvc.factors.face.refusals import FrameRefusal
from tests.support import pictures

SAME_CHIP = 1  # grey levels: a pixel's place is computed in another order
SAME_VECTOR = 1e-2  # of 0.40; what the rest of the search may add


@pytest.fixture(scope="module", autouse=True)
def worker(tmp_path_factory: pytest.TempPathFactory) -> None:
    begin_worker(EmbedderChoice(folder=tmp_path_factory.mktemp("models")))


@pytest.fixture
def face_recognition(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)  # importing it sets this; undone afterwards
    import face_recognition

    yield face_recognition


def measured(*frames: bytes) -> Measured:
    found = measure_frames(frames)
    assert isinstance(found, Measured), found
    return found


@pytest.mark.parametrize("person", PERSONS)
def test_a_chip_is_the_one_that_dlib_cuts(person: str) -> None:
    import dlib

    faces = DlibFaces()
    image = decode(pictures.frame(person, 0))
    found = measured(pictures.frame(person, 0)).frames[0].face
    box = dlib.rectangle(found.left, found.top, found.right, found.bottom)
    parts = faces._points(image, box)
    assert [(part.x, part.y) for part in parts.parts()] == [tuple(point) for point in found.landmarks]
    theirs = dlib.get_face_chip(image, parts, size=150, padding=0.25)
    ours = faces.cut(image, found, dlib_chip())
    assert np.abs(ours.astype(int) - theirs).max() <= SAME_CHIP


@pytest.mark.parametrize("person", PERSONS)
def test_a_vector_is_the_one_of_face_recognition_for_the_same_box(face_recognition: Any, person: str) -> None:
    frame = pictures.frame(person, 0)
    found = measured(frame).frames[0]
    image = face_recognition.load_image_file(io.BytesIO(frame))
    box = (found.face.top, found.face.right, found.face.bottom, found.face.left)
    theirs = face_recognition.face_encodings(image, [box], model="small")[0]
    assert np.linalg.norm(found.embedding - theirs) < SAME_VECTOR


def test_the_model_trained_on_non_commercial_data_is_not_loaded() -> None:
    """Importing face_recognition would; so a worker process must not."""
    program = (
        "import sys, builtins, dlib\n"
        "opened, real = [], dlib.shape_predictor\n"
        "dlib.shape_predictor = lambda path: (opened.append(path), real(path))[1]\n"
        "from authsvc.factors.face.embedder.choice import EmbedderChoice\n"
        "from authsvc.factors.face.pipeline.measure import begin_worker\n"
        "begin_worker(EmbedderChoice(kind='dlib'))\n"
        "assert 'face_recognition' not in sys.modules\n"
        "assert [path.rsplit('/', 1)[-1] for path in opened] == ['shape_predictor_5_face_landmarks.dat'], opened\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_worker_that_was_not_begun_says_so() -> None:
    program = (
        "from authsvc.factors.face.pipeline.measure import measure_frames\n"
        "try:\n    measure_frames((b'',))\nexcept RuntimeError as problem:\n    print(problem)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True)
    assert said.stdout == "begin_worker comes first\n"


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


@pytest.mark.parametrize(("share", "refused"), [(0.4, False), (0.8, True)])
def test_somebody_in_the_background_is_no_second_face(share: float, refused: bool) -> None:
    front = Image.fromarray(draw(PERSONS["anna"], 1, centre_x=0.3))
    small = Image.fromarray(draw(PERSONS["bruno"], 1)).resize((int(640 * share), int(480 * share)))
    behind = small.crop((int(small.width * 0.22), 0, int(small.width * 0.78), small.height))
    front.paste(behind, (640 - behind.width, 480 - behind.height))
    found = measure_frames([encode_jpeg(np.array(front))])
    if refused:
        assert found == FrameRefusal("face.two_faces", 0)
    else:
        assert isinstance(found, Measured)
        assert found.frames[0].face.right < 320


@pytest.mark.parametrize(
    ("widths", "meant"), [((100,), 100), ((100, 60), 100), ((60, 100), 100), ((100, 61), None), ((90, 90, 20), None)]
)
def test_the_largest_face_is_meant_unless_another_compares(widths: tuple[int, ...], meant: int | None) -> None:
    found = one_face([Box(0, 0, width, width) for width in widths])
    assert found == ("face.two_faces" if meant is None else Box(0, 0, meant, meant))


def test_a_corrupt_scan_is_answered() -> None:
    whole = pictures.frame("anna", 0)
    noise = np.random.default_rng(5)
    for _ in range(10):
        spoiled = bytearray(whole)
        for at in noise.integers(700, len(whole), 60):
            spoiled[at] = noise.integers(0, 256)
        assert isinstance(measure_frames([bytes(spoiled)]), Measured | FrameRefusal)


def test_a_large_photograph_is_searched_small_and_measured_whole() -> None:
    picture = Image.fromarray(draw(PERSONS["anna"], 0)).resize((1920, 1440), Image.Resampling.BICUBIC)
    large = measured(encode_jpeg(np.array(picture))).frames[0]
    small = measured(pictures.frame("anna", 0)).frames[0]
    assert large.face.width > 400
    assert large.pose.eyes_px == pytest.approx(3 * small.pose.eyes_px, rel=0.05)
    assert np.linalg.norm(large.embedding - small.embedding) < 0.25


def test_a_sideways_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(draw(PERSONS["anna"], 0)).transpose(Image.Transpose.ROTATE_90)
    turned = measured(pictures.saved(sideways, "JPEG", exif=exif, quality=90)).frames[0]
    upright = measured(pictures.frame("anna", 0)).frames[0]
    assert np.linalg.norm(turned.embedding - upright.embedding) < 0.1
    assert abs(turned.pose.roll_deg) < 10


def test_frames_keep_their_order_and_their_looks() -> None:
    frames = [pictures.frame("anna", number) for number in (2, 0, 1)]
    together = measured(*frames)
    alone = [measured(frame).frames[0] for frame in frames]
    assert [frame.look for frame in together.frames] == [frame.look for frame in alone]
    for one, other in zip(together.frames, alone, strict=True):
        assert np.abs(one.embedding - other.embedding).max() < 1e-5
    assert len(together.attack.frames) == 3


@pytest.mark.real_faces
def test_every_frame_of_people_before_a_webcam_is_usable(research_data: Path) -> None:
    """None of the live frames is refused (docs/measurements.md); every eighth of them here."""
    people = sorted((research_data / "presentation_attack" / "live").iterdir())
    files = [file for person in people for file in sorted(person.glob("*.jpg"))[::8]]
    assert len(files) == 40
    assert {type(measure_frames([file.read_bytes()])) for file in files} == {Measured}
