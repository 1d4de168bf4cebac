"""Is what turned before the camera a head, or a flat picture that was tilted. Pure, from five points a frame.

Prompts ask for turns. A flat picture that is turned about its upright axis narrows all alike, so its measured yaw does
not change and the prompt is not followed. Tilted about a slanting axis it is sheared, and its yaw seems to change. But
the corners of the eyes lie on one line, and seen from afar no tilt of a plane changes how many times longer one stretch
of a line is than another. On a head the outer corners lie deeper than the inner, so the eye on the side that turns away
narrows more:

    q      = ln(width of the eye at the picture's right / width of the other), along the line of the eyes
    slope  = sum (yaw - mean)(q - mean) / sum (yaw - mean)^2             per degree

A capture whose yaw spans MIN_SPAN_DEG and whose slope lies above FLAT_SLOPE is a picture. Between frames of a webcam
session that are 15 degrees and more apart, the slope of people was -0.0081 in the middle, and below -0.0011 for 99 % of
89 pairs.

Limits: the points are whole pixels, so smaller turns decide nothing. Near the camera a tilted picture's far side is
smaller, as a head's is, so of tilts one way or the other about half are found. A bent photograph is no plane and
passes, as does a video. docs/models/liveness.md says what it finds.
"""

from collections.abc import Sequence

import numpy as np

from authsvc.factors.face.measured import FloatArray, MeasuredFrame

MIN_SPAN_DEG = 15.0
FLAT_SLOPE = -0.001  # per degree


def moved_picture(frames: Sequence[MeasuredFrame]) -> bool:
    """Return whether the frames' faces turned as a flat picture does; False where they hardly turned."""
    slope = slope_of([frame.pose.yaw_deg for frame in frames], [frame.face.landmarks for frame in frames])
    return slope is not None and slope > FLAT_SLOPE


def slope_of(yaws_deg: Sequence[float], landmarks: Sequence[FloatArray]) -> float | None:
    """Return how the eyes' widths follow the turn, per degree; None where it is too small, or points are no eyes."""
    yaws, ratios = np.array(yaws_deg, np.float64), np.array([_eye_ratio(points) for points in landmarks])
    usable = np.isfinite(yaws) & np.isfinite(ratios)
    yaws, ratios = yaws[usable], ratios[usable]
    if len(yaws) < 2 or np.ptp(yaws) < MIN_SPAN_DEG:
        return None
    turned = yaws - yaws.mean()
    return float(turned @ (ratios - ratios.mean()) / (turned @ turned))


def _eye_ratio(points: FloatArray) -> float:
    line = points[:2].mean(axis=0) - points[2:4].mean(axis=0)
    right, left = abs((points[0] - points[1]) @ line), abs((points[2] - points[3]) @ line)
    return float(np.log(right / left)) if right > 0 and left > 0 else np.nan
