"""Quality: each flaw has its own reason, a usable frame none."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from authsvc.cli.drawn_face import PERSONS, draw
from authsvc.factors.face.measured import FoundFace, Pose, Quality, UInt8Array
from authsvc.factors.face.pipeline.quality import flaw_of, quality_of
from authsvc.factors.face.refusals import UNUSABLE

# Where a drawn face of 250 pixels lies in the middle of 640 x 480; near enough for a square around it.
FACE = FoundFace(220, 150, 420, 350, np.array([(380, 220), (345, 220), (260, 220), (295, 220), (320, 275)], float))
STRAIGHT = Pose(0, 0, 0, 85)
GOOD = Quality(sharpness=1.5, contrast=40, brightness=120, dark=0.02, bright=0.01, eyes_px=85)


def flaw(change: Callable[[UInt8Array], UInt8Array], name: str) -> str | None:
    luma = np.asarray(cv2.cvtColor(draw(PERSONS[name], 0), cv2.COLOR_RGB2GRAY), np.uint8)
    return flaw_of(quality_of(change(luma), FACE, STRAIGHT), STRAIGHT)


def scaled(luma: UInt8Array, factor: float, plus: float = 0) -> UInt8Array:
    return np.clip(luma * factor + plus, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PERSONS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda luma: luma, None),
        (lambda luma: scaled(luma, 0.10), "face.too_dark"),
        (lambda luma: scaled(luma, 0.10, 60), "face.too_dark"),
        (lambda luma: scaled(luma, 0.05, 240), "face.too_bright"),
        (lambda luma: scaled(luma, 3.0, 150), "face.too_bright"),
        (lambda luma: cv2.GaussianBlur(luma, (0, 0), 7), "face.hold_still"),
        (lambda luma: cv2.blur(luma, (61, 9)), "face.hold_still"),
    ],
)
def test_a_spoiled_frame_has_its_reason(
    name: str, change: Callable[[UInt8Array], UInt8Array], code: str | None
) -> None:
    assert flaw(change, name) == code
    assert code is None or code in UNUSABLE


@pytest.mark.parametrize(
    ("quality", "pose", "code"),
    [
        (GOOD, STRAIGHT, None),
        (replace(GOOD, sharpness=0.39), STRAIGHT, "face.hold_still"),
        (replace(GOOD, contrast=13), STRAIGHT, "face.too_dark"),
        (replace(GOOD, contrast=13, brightness=200), STRAIGHT, "face.too_bright"),
        (replace(GOOD, dark=0.51), STRAIGHT, "face.too_dark"),
        (replace(GOOD, bright=0.61), STRAIGHT, "face.too_bright"),
        (GOOD, replace(STRAIGHT, yaw_deg=-46), "face.look_straight"),
        (GOOD, replace(STRAIGHT, pitch_deg=41), "face.look_straight"),
        (GOOD, replace(STRAIGHT, roll_deg=36), "face.look_straight"),
        (GOOD, replace(STRAIGHT, yaw_deg=25), None),  # what prompts ask for
        (replace(GOOD, sharpness=0.1, dark=0.9), STRAIGHT, "face.too_dark"),  # the cause, not its effect
    ],
)
def test_each_bound_has_its_reason(quality: Quality, pose: Pose, code: str | None) -> None:
    assert flaw_of(quality, pose) == code


def test_a_dark_face_with_contrast_is_no_dark_picture() -> None:
    assert flaw_of(replace(GOOD, brightness=45, dark=0.3, contrast=22), STRAIGHT) is None


def test_a_face_at_the_edge_or_of_one_pixel_has_a_quality() -> None:
    luma = np.full((40, 60), 90, np.uint8)
    for points in (np.full((5, 2), -500.0), np.full((5, 2), 500.0), np.zeros((5, 2))):
        for eyes_px in (1.0, 1e4):
            found = quality_of(luma, FoundFace(0, 0, 1, 1, points), Pose(0, 0, 0, eyes_px))
            assert np.isfinite([found.sharpness, found.contrast, found.brightness]).all()
