"""Compare a capture with a template.

An embedding is float64, shape (128,). A template, and the capture compared with it, is the mean of at least three.

    distance = || template - capture ||        Euclid, >= 0; match when distance <= threshold

The threshold is 0.40 by default, not the 0.6 of face_recognition. Measured on the 13,233 images of Labeled Faces in the
Wild: one image against one image, 0.6 lets 1.1 % of impostors in. Mean of 3 against mean of 3 (310 people) has a
false-match rate of 1e-3 at 0.439 and of 1e-4 at 0.398, where 0.7 % of the genuine are refused.

Limits: a threshold holds for people like those it was measured on, and the network separates some populations badly
(docs/measurements.md). A distance knows nothing of whether a living person or a photograph stood before the camera.
Pure.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from authsvc.factors.face.refusals import MIN_FRAMES

DIMENSIONS = 128
# Frames of one person in one capture; two frames further apart than this are two people, or unusable.
# face_recognition's own tolerance: lenient on purpose, since a rejected capture costs its owner another try.
SAME_CAPTURE_LIMIT = 0.60

FloatVector: TypeAlias = npt.NDArray[np.float64]
Outcome = Literal["match", "no_match"]


def mean_of(embeddings: Sequence[FloatVector]) -> FloatVector:
    """Return the mean of a capture's embeddings: the template of an enrolment, the probe of a verification.

    Raises:
        ValueError: fewer than three, or one of another shape.
    """
    if len(embeddings) < MIN_FRAMES:
        raise ValueError(f"a mean needs at least {MIN_FRAMES} embeddings")
    if any(each.shape != (DIMENSIONS,) for each in embeddings):
        raise ValueError(f"an embedding has {DIMENSIONS} numbers")
    mean: FloatVector = np.mean(np.stack(embeddings), axis=0, dtype=np.float64)
    return mean


def one_face(embeddings: Sequence[FloatVector]) -> bool:
    """Return whether all frames may show the same face: an average of two people would match both."""
    stacked = np.stack(embeddings)
    apart = np.linalg.norm(stacked[:, None, :] - stacked[None, :, :], axis=2)
    return bool(apart.max() <= SAME_CAPTURE_LIMIT)


def distance(template: FloatVector, capture: FloatVector) -> float:
    """Return the Euclidean distance; 0.0 is the same vector."""
    return float(np.linalg.norm(template - capture))


def verdict(measured: float, *, threshold: float) -> Outcome:
    """Return `match` up to and including the threshold; a distance that is no number is no match."""
    return "match" if measured <= threshold else "no_match"


def template_to_bytes(template: FloatVector) -> bytes:
    """Return 1024 bytes, little-endian: what is sealed."""
    return template.astype("<f8").tobytes()


def template_from_bytes(data: bytes) -> FloatVector:
    """Return what template_to_bytes was given."""
    return np.frombuffer(data, dtype="<f8").astype(np.float64)
