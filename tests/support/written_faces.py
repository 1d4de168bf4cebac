"""Frames that say what they show, in a comment of the file, and a lane that reads it.

For tests of what is decided about a capture: poses, looks, attack scores and vectors are those of the case. Files and
faces are measured for real in tests/stores/test_face_service.py and tests/http/test_face_api.py.
"""

import json
from dataclasses import fields
from typing import Any

import numpy as np
from PIL import Image

from authsvc.factors.face.embedder.choice import DLIB_ID
from authsvc.factors.face.measured import Attack, FoundFace, Measured, MeasuredFrame, Pose, Quality
from authsvc.factors.face.prompts import Prompt
from tests.support.faces import InlineLane
from tests.support.pictures import saved

ASKED = (Prompt.STRAIGHT, Prompt.LEFT, Prompt.CLOSER)
POSES = {"straight": (0.0, 60.0), "left": (15.0, 58.0), "right": (-15.0, 58.0), "closer": (1.0, 75.0)}
PERSONS = {"anna": 1, "bruno": 2}


def shot(prompt: str, number: int, **changes: Any) -> bytes:
    """Return a JPEG with what it shows in a comment: a picture that nobody else has, in the pose that is asked for."""
    yaw, eyes = POSES[prompt]
    shows = {
        "person": "anna",
        "yaw": yaw,
        "eyes": eyes,
        "look": 0x9E3779B97F4A7C15 * (number + 1) % 2**64,
        "attack": -5.0,
    }
    return saved(Image.new("L", (64, 64), number % 256), "JPEG", comment=json.dumps(shows | changes).encode())


def frames(first: int = 0, **changes: Any) -> list[bytes]:
    return [shot(prompt.value, first + number, **changes) for number, prompt in enumerate(ASKED)]


def vector(person: str, number: int) -> Any:
    one = np.random.default_rng(PERSONS[person]).normal(0, 0.1, 128)
    return one + np.random.default_rng([9, number]).normal(0, 0.005, 128)


def measured(sent: tuple[bytes, ...]) -> Measured:
    shown = [json.loads(frame[frame.index(b'{"person"') : frame.index(b"}") + 1]) for frame in sent]
    face, quality = FoundFace(0, 0, 9, 9, np.zeros((5, 2))), Quality(*(1.0,) * len(fields(Quality)))
    found = tuple(_measured_frame(each, face, quality) for each in shown)
    scores = tuple(each["attack"] for each in shown)
    return Measured(DLIB_ID, found, Attack(sum(scores) / len(scores), scores))


def _measured_frame(shown: dict[str, Any], face: FoundFace, quality: Quality) -> MeasuredFrame:
    pose = Pose(shown["yaw"], 0, 0, shown["eyes"])
    return MeasuredFrame(vector(shown["person"], shown["look"] % 1000), face, pose, quality, shown["look"])


class WrittenLane(InlineLane):
    """Reads from a frame what it shows."""

    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        self.before()
        return measured(args[0])
