"""Poses from five points: what the model projects is read back."""

import math

import numpy as np
import pytest

from authsvc.factors.face.measured import FloatArray
from authsvc.factors.face.pipeline.pose import DEPTH, DROP, pose_of

EYES_PX = 80.0
# Corners of the eyes and base of the nose, looking into the camera, in distances of the eyes: right, down, forward.
HEAD = np.array([(0.7, 0, 0), (0.3, 0, 0), (-0.7, 0, 0), (-0.3, 0, 0), (0, DROP, DEPTH)])


def seen(*, yaw_deg: float = 0, pitch_deg: float = 0, roll_deg: float = 0, px: float = EYES_PX) -> FloatArray:
    """Return the five points of the head, turned (first nod, then turn, then tilt) and seen from afar."""
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    nod = np.array([(1, 0, 0), (0, math.cos(pitch), -math.sin(pitch)), (0, math.sin(pitch), math.cos(pitch))])
    turn = np.array([(math.cos(yaw), 0, math.sin(yaw)), (0, 1, 0), (-math.sin(yaw), 0, math.cos(yaw))])
    tilt = np.array([(math.cos(roll), -math.sin(roll)), (math.sin(roll), math.cos(roll))])
    points: FloatArray = ((HEAD @ nod.T) @ turn.T)[:, :2] @ tilt.T * px + (320, 200)
    return points


@pytest.mark.parametrize("angle", (-40, -25, -10, 0, 10, 25, 40))
def test_a_turn_is_read_back_with_its_side(angle: float) -> None:
    pose = pose_of(seen(yaw_deg=angle))
    assert pose.yaw_deg == pytest.approx(angle, abs=0.01)
    assert pose.pitch_deg == pytest.approx(0, abs=0.01)


def test_turning_to_the_own_left_moves_the_nose_to_the_right_of_the_picture() -> None:
    straight, left = seen(), seen(yaw_deg=20)
    assert left[4, 0] > straight[4, 0]
    assert pose_of(left).yaw_deg > 0


@pytest.mark.parametrize("angle", (-25, -10, 0, 10, 30))
def test_a_nod_is_read_back_with_the_chin_up_as_positive(angle: float) -> None:
    assert pose_of(seen(pitch_deg=angle)).pitch_deg == pytest.approx(angle, abs=0.01)
    assert (seen(pitch_deg=angle)[4, 1] < seen()[4, 1]) == (angle > 0)


@pytest.mark.parametrize("angle", (-30, -5, 0, 5, 30))
def test_a_tilt_is_read_back_and_changes_nothing_else(angle: float) -> None:
    pose = pose_of(seen(yaw_deg=12, pitch_deg=5, roll_deg=angle))
    assert pose.roll_deg == pytest.approx(angle, abs=0.01)
    upright = pose_of(seen(yaw_deg=12, pitch_deg=5))
    assert (pose.yaw_deg, pose.pitch_deg) == pytest.approx((upright.yaw_deg, upright.pitch_deg), abs=0.01)


@pytest.mark.parametrize(("pitch", "read"), [(-10, 17.3), (0, 25), (10, 31.3)])
def test_a_nod_reads_a_turn_larger_or_smaller_as_the_limits_say(pitch: float, read: float) -> None:
    assert pose_of(seen(yaw_deg=25, pitch_deg=pitch)).yaw_deg == pytest.approx(read, abs=0.1)
    assert pose_of(seen(yaw_deg=-25, pitch_deg=pitch)).yaw_deg == pytest.approx(-read, abs=0.1)


def test_coming_closer_moves_the_eyes_apart_and_turns_nothing() -> None:
    near, far = pose_of(seen(px=120, yaw_deg=10)), pose_of(seen(px=80, yaw_deg=10))
    assert near.eyes_px / far.eyes_px == pytest.approx(1.5)
    assert near.yaw_deg == pytest.approx(far.yaw_deg)


def test_pitch_ends_where_the_nose_lies_lowest() -> None:
    lower = seen()
    lower[4, 1] += 200
    assert pose_of(lower).pitch_deg == pytest.approx(-math.degrees(math.atan2(DEPTH, DROP)))


def test_points_that_fall_together_are_no_error() -> None:
    pose = pose_of(np.full((5, 2), 100.0))
    assert all(math.isfinite(angle) for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
