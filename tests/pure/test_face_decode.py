"""What a frame's header has to say before anything is decoded, and how the rest is decoded."""

import numpy as np
import pytest
from PIL import Image

from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames, decode, read_size
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage
from authsvc.factors.face.refusals import FrameRefusal
from tests.support import pictures

BOUNDS = FrameBounds(max_frames=8, max_frame_bytes=1_500_000, max_pixels=4_000_000)
GOOD = pictures.saved(Image.new("RGB", (640, 480), (90, 100, 110)), "JPEG")
ORIENTATION = 0x0112


def test_three_photographs_pass() -> None:
    assert check_frames([GOOD] * 3, BOUNDS) is None


def test_a_grey_photograph_passes() -> None:
    assert check_frames([GOOD, GOOD, pictures.saved(Image.new("L", (640, 480)), "JPEG")], BOUNDS) is None


@pytest.mark.parametrize("name", pictures.unreadable_headers())
def test_what_is_no_photograph_is_refused_by_its_header(name: str) -> None:
    bad = pictures.unreadable_headers()[name]
    assert check_frames([GOOD, bad, GOOD], BOUNDS) == FrameRefusal("face.not_an_image", 1)
    with pytest.raises(NotAnImage):
        decode(bad)


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"optimize": True, "quality": 30},
        {"icc_profile": bytes(200_000), "comment": b"a note"},
        {"restart_marker_blocks": 1},
        {"exif": b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0\0\0\0\0", "dpi": (72, 72)},
    ],
)
def test_whatever_else_a_camera_writes_passes(options: dict[str, object]) -> None:
    photograph = pictures.saved(Image.new("RGB", (640, 480), (90, 100, 110)), "JPEG", **options)
    assert check_frames([photograph] * 3, BOUNDS) is None
    assert decode(photograph).shape == (480, 640, 3)


def test_a_bomb_is_refused_by_what_its_header_declares() -> None:
    assert len(pictures.bomb()) < 1000
    assert check_frames([GOOD, GOOD, pictures.bomb()], BOUNDS) == FrameRefusal("face.too_many_pixels", 2)


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [(2000, 2000, None), (2001, 2000, "face.too_many_pixels"), (1, 2000, None), (9000, 500, "face.too_many_pixels")],
)
def test_the_pixel_cap_counts_width_times_height(width: int, height: int, code: str | None) -> None:
    frame = pictures.saved(Image.new("L", (width, height)), "JPEG")
    assert read_size(frame) == (width, height)
    refusal = check_frames([frame, GOOD, GOOD], BOUNDS)
    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(("count", "code"), [(0, "few"), (2, "few"), (3, None), (8, None), (9, "many")])
def test_a_capture_has_three_to_eight_frames(count: int, code: str | None) -> None:
    refusal = check_frames([GOOD] * count, BOUNDS)
    assert refusal == (FrameRefusal(f"face.too_{code}_frames") if code else None)


def test_a_frame_has_a_limit_in_bytes() -> None:
    bounds = FrameBounds(max_frames=8, max_frame_bytes=len(GOOD) - 1, max_pixels=4_000_000)
    assert check_frames([GOOD] * 3, bounds) == FrameRefusal("face.frame_too_large", 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_decoded_frame_stands_upright(orientation: int) -> None:
    """The upper left corner of the scene is bright, wherever the camera held it."""
    scene = np.full((32, 64), 20, np.uint8)
    scene[:8, :16] = 240
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(scene).transpose(_UNDO[orientation]) if orientation > 1 else Image.fromarray(scene)
    upright = decode(pictures.saved(stored, "JPEG", exif=exif, quality=95))
    assert upright.shape == (32, 64, 3)
    assert upright.dtype == np.uint8
    assert upright[4, 8].min() > 200
    assert upright[28, 60].max() < 60


# How a camera stores an upright scene so that this EXIF orientation brings it back.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_a_file_that_ends_early_passes_its_header_and_fails_to_decode() -> None:
    cut = GOOD[: len(GOOD) // 2]
    assert check_frames([cut] * 3, BOUNDS) is None
    with pytest.raises(NotAnImage):
        decode(cut)
