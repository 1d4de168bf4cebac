"""What turns an aligned face into a vector, and how the face must lie in the square that it is given (its *chip*).

A chip is made by the one similarity (turn, scale, shift) that brings the five points that were found nearest to those
of the reference, in least squares. References are dlib's mean five points, in its order: outer and inner corner of the
eye on the right of the picture, the same of the left one, base of the nose.

    dlib_chip      as dlib.get_face_chip(size, padding): the mean shape with `padding` of its width on each side
    arcface_chip   for networks trained on 112 px chips of ArcFace's kind (SFace and others): the mean shape brought
                   to where the middles of the eyes lie in them

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from authsvc.factors.face.measured import FloatArray, UInt8Array

# dlib's get_face_chip_details for five points (dlib/image_processing/render_face_detections.h), of a square of one.
MEAN_POINTS: Sequence[tuple[float, float]] = (
    (0.8595674595992, 0.2134981538014),
    (0.6460604764104, 0.2289658973923),
    (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)
ARCFACE_EYES = ((38.2946, 51.6963), (73.5318, 51.5014))  # of 112 px; insightface's arcface_dst
ARCFACE_PX = 112


class CannotEmbed(Exception):
    """The network or its file can't be used; the message says what the operator can do."""


@dataclass(frozen=True)
class ChipSpec:
    """A square of `size_px`, and where the five points must lie in it (float64, (5, 2), pixels, x then y)."""

    size_px: int
    reference: FloatArray = field(repr=False, compare=False)


class FaceEmbedder(Protocol):
    """A network with its weights."""

    @property
    def id(self) -> str:
        """Names network, weights and alignment. A template remembers it; vectors of two ids are never compared."""
        ...

    @property
    def dimensions(self) -> int: ...

    @property
    def chip(self) -> ChipSpec: ...

    def embed(self, chips: UInt8Array) -> FloatArray:
        """Return float64 (n, dimensions) of uint8 RGB chips (n, size_px, size_px, 3)."""
        ...


def dlib_chip(size_px: int = 150, padding: float = 0.25) -> ChipSpec:
    """Return the chip that dlib cuts; its own network wants the defaults."""
    points = np.array(MEAN_POINTS)
    return ChipSpec(size_px, (padding + points) / (2 * padding + 1) * size_px)


def arcface_chip(size_px: int = ARCFACE_PX) -> ChipSpec:
    """Return the chip of ArcFace's kind."""
    points = np.array(MEAN_POINTS)
    right, left = points[:2].mean(axis=0), points[2:4].mean(axis=0)
    wanted_left, wanted_right = np.array(ARCFACE_EYES)
    scale = np.linalg.norm(wanted_right - wanted_left) / np.linalg.norm(right - left)
    shift = (wanted_left + wanted_right) / 2 - (left + right) / 2 * scale
    return ChipSpec(size_px, (points * scale + shift) * (size_px / ARCFACE_PX))
