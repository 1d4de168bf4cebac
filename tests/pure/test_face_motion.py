"""A head that turns, and a flat picture that is tilted so that it seems to turn, by their five points."""

import numpy as np
import pytest

from authsvc.factors.face.liveness.motion import FLAT_SLOPE, MIN_SPAN_DEG, moved_picture, slope_of
from authsvc.factors.face.measured import FloatArray, FoundFace, MeasuredFrame, Quality
from authsvc.factors.face.pipeline.pose import pose_of

# In distances of the eyes: the corners lie behind the inner ones, the base of the nose before them.
HEAD = np.array(
    [[0.74, 0, 0.16], [0.26, 0, 0], [-0.74, 0, 0.16], [-0.26, 0, 0], [0, 0.77, -0.42]],
)
FLAT = HEAD * (1, 1, 0)
EYES_PX, FAR = 80.0, 9.0  # pixels between the eyes; distance of the camera in distances of the eyes


def seen(points: FloatArray, axis: tuple[float, float], degrees: float) -> MeasuredFrame:
    """Turn points about an axis in the picture's plane and look at them through a camera."""
    x, y = np.array(axis) / np.hypot(*axis)
    skew = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    turned = points @ (np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew).T
    landmarks = 300 + EYES_PX * turned[:, :2] / (1 + turned[:, 2:] / FAR)
    quality = Quality(sharpness=1, contrast=50, brightness=120, dark=0, bright=0, eyes_px=EYES_PX)
    return MeasuredFrame(np.zeros(128), FoundFace(200, 200, 400, 400, landmarks), pose_of(landmarks), quality, look=0)


UPRIGHT, SLANTING = (0.0, 1.0), (0.7, 0.7)


def span(frames: list[MeasuredFrame]) -> float:
    return float(np.ptp([frame.pose.yaw_deg for frame in frames]))


@pytest.mark.parametrize("degrees", [(0, 18), (0, -18), (-12, 0, 12), (0, 5, 20, 25)])
def test_a_head_that_turns_is_a_head(degrees: tuple[float, ...]) -> None:
    frames = [seen(HEAD, UPRIGHT, each) for each in degrees]
    assert span(frames) >= MIN_SPAN_DEG
    assert not moved_picture(frames)


@pytest.mark.parametrize("degrees", [(0, 45), (0, 38), (0, 30, 42)])
def test_a_flat_picture_that_is_tilted_aslant_is_found(degrees: tuple[float, ...]) -> None:
    frames = [seen(FLAT, SLANTING, each) for each in degrees]
    assert span(frames) >= MIN_SPAN_DEG
    assert moved_picture(frames)


def test_a_flat_picture_that_is_turned_upright_does_not_seem_to_turn() -> None:
    frames = [seen(FLAT, UPRIGHT, degrees) for degrees in (-40, 0, 40)]
    assert span(frames) < 8  # prompts ask for ten and more


def test_small_turns_decide_nothing() -> None:
    assert not moved_picture([])
    assert not moved_picture([seen(FLAT, SLANTING, 0)])
    assert not moved_picture([seen(FLAT, SLANTING, degrees) for degrees in (0, 8)])


def test_points_that_are_no_eyes_decide_nothing() -> None:
    assert slope_of([0.0, 30.0], [np.zeros((5, 2)), np.full((5, 2), np.nan)]) is None
    assert slope_of([np.nan, 30.0], [HEAD[:, :2], HEAD[:, :2]]) is None
    assert FLAT_SLOPE < 0
