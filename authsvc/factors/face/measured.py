"""What is measured of a capture: the shapes that the worker fills and everybody else reads. Pure.

Pixels are those of the frame as decoded, upright: x to the right, y down. Left and right are the picture's, not the
person's: a camera's picture is not mirrored, so a person who turns to their own left turns to the picture's right.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
UInt8Array: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FoundFace:
    """One face in one frame.

    `landmarks`: float64, shape (5, 2), x then y, in dlib's order: outer and inner corner of the eye at the picture's
    right, outer and inner corner of the eye at its left, base of the nose.
    """

    left: int
    top: int
    right: int
    bottom: int
    landmarks: FloatArray = field(repr=False)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True)
class Pose:
    """How the head is held, degrees (pipeline/pose.py: model and limits).

    `yaw_deg` grows as the person turns to their own left, `pitch_deg` as the chin goes up, `roll_deg` as the head
    tilts towards their own left shoulder. `eyes_px`: between the middles of the eyes; grows as the face comes closer.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    eyes_px: float


@dataclass(frozen=True)
class Quality:
    """What a frame is worth for a comparison (pipeline/quality.py: how each is measured, and its bound).

    `sharpness`: dimensionless. `contrast`, `brightness`: standard deviation and mean of the face's luma, 0 to 255.
    `dark`, `bright`: the shares of the face's pixels that show nothing for want or excess of light. `eyes_px`: size.
    """

    sharpness: float
    contrast: float
    brightness: float
    dark: float
    bright: float
    eyes_px: float


@dataclass(frozen=True)
class MeasuredFrame:
    """One frame of a capture. `look`: 64 bits, which saving a picture again hardly changes (pipeline/look_alike.py)."""

    embedding: FloatArray = field(repr=False)
    face: FoundFace
    pose: Pose
    quality: Quality
    look: int


@dataclass(frozen=True)
class Attack:
    """How much the capture looks like a picture held to the camera.

    `log_odds`: > 0 speaks for a presentation attack; natural log, calibrated. `frames`: the same, frame by frame.
    """

    log_odds: float
    frames: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """A capture. `embedder`: which network and weights its vectors come from; a template remembers it."""

    embedder: str
    frames: tuple[MeasuredFrame, ...]
    attack: Attack

    @property
    def embeddings(self) -> list[FloatArray]:
        return [frame.embedding for frame in self.frames]
