"""Was this capture taken of a face, or of a picture of one: what the pipeline asks. Wraps the shipped model.

For each frame: the face's crop -> features -> log-odds; then those of all frames together (classifier.py). The model is
loaded once per process. docs/models/liveness.md says what it was trained on and how right it is.

Limits: it knows printed photographs before one kind of webcam. It never saw a screen, a mask, or a picture put straight
into the camera's stream; for the last, captures are signed by the device (devices/).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from authsvc.factors.face.liveness.classifier import AttackModel, load
from authsvc.factors.face.liveness.crop import face_chip
from authsvc.factors.face.liveness.features import FloatVector, features_of
from authsvc.factors.face.measured import Attack, FoundFace, UInt8Array

SHIPPED = Path(__file__).parent / "model.npz"


@dataclass(frozen=True)
class LiveFrame:
    """A whole frame, BGR, and where its face is."""

    image: UInt8Array = field(repr=False)
    face: FoundFace


@cache
def shipped_model() -> AttackModel:
    return load(SHIPPED)


def attack_of(frames: Sequence[LiveFrame]) -> Attack:
    """Return how much a capture looks like a picture held to the camera; without frames nothing speaks either way."""
    if not frames:
        return Attack(0.0, ())
    model = shipped_model()
    found = np.array([_log_odds(model, features_in(frame)) for frame in frames])
    return Attack(model.capture(found), tuple(found.tolist()))


def features_in(frame: LiveFrame) -> FloatVector | None:
    """Return the features of a frame's face, or None where its points are no face."""
    chip = face_chip(frame.image, frame.face.landmarks)
    return None if chip is None else features_of(chip)


def _log_odds(model: AttackModel, features: FloatVector | None) -> float:
    """Nothing to look at is no sign of a person: it counts as the strongest sign of an attack."""
    return model.bound if features is None else float(model.frames(features[None])[0])
