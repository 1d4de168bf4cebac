"""What the room gives away: attack detection from pixels and facts that tell nothing of skin or paper.

In a laboratory's set people sit in one room and pictures are held up in another. Each control has the same classifier
and, except for the first, the same features. One person is left out at a time; the equal-error rate is per frame, and
0.5 is chance.

    place_size_and_light   where the face is, how large, and its mean colour
    frame_corners          the frame's two upper corners, each as large as a crop
    beside_the_ellipse     the ring around what is looked at, unrolled
    rim_of_the_ellipse     the outermost fifth of what is looked at, unrolled: skin and hair, for most
    outside_as_fed         the crop with the ellipse painted grey: whatever of the background gets through

The last is what must be chance. The others say how much there would be to learn, had the crop been larger.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from authsvc.evaluate.presentations import SeenPresentation, list_presentations, see
from authsvc.evaluate.rates import equal_error_rate
from authsvc.factors.face.liveness.crop import INSIDE, SIDE_PX, face_chip
from authsvc.factors.face.liveness.features import FloatVector, features_of
from authsvc.factors.face.liveness.training import TrainingFrame, fit
from authsvc.factors.face.measured import UInt8Array

GREY = 128
# The ellipse of crop.py, in sides of the crop: its middle and its half axes; and how far the rings reach from it.
MIDDLE, HALF = (0.5, 0.51), (0.42, 0.46)
RIM, BESIDE = (0.8, 1.0), (1.0, 1.3)

Seen = tuple[SeenPresentation, dict[str, FloatVector]]


def control_figures(live: Path, attacks: Mapping[str, Path]) -> dict[str, float]:
    """Return the equal-error rate of each control.

    Raises:
        ValueError: folders are empty, or show fewer than two people.
    """
    presentations = list_presentations(live, None)
    for name, folder in attacks.items():
        presentations += list_presentations(folder, name)
    found = [(seen, views) for _, seen in see(presentations) if seen is not None and (views := _views(seen))]
    names = list(found[0][1]) if found else []
    return {name: _left_out_eer([(seen, views[name]) for seen, views in found]) for name in names}


def _left_out_eer(frames: Sequence[tuple[SeenPresentation, FloatVector]]) -> float:
    people = sorted({seen.of.person for seen, _ in frames})
    if len(people) < 2:
        raise ValueError("at least two people are needed, to leave one out")
    live: list[float] = []
    attacks: list[float] = []
    for person in people:
        others = [
            TrainingFrame(seen.of.person, seen.of.session, seen.of.attack is not None, view[None])
            for seen, view in frames
            if seen.of.person != person
        ]
        own = [(seen.of.attack, view) for seen, view in frames if seen.of.person == person]
        scores = fit(others).scores(np.stack([view for _, view in own]))
        for (attack, _), score in zip(own, scores, strict=True):
            (live if attack is None else attacks).append(-float(score))
    return equal_error_rate(live, attacks)


def _views(seen: SeenPresentation) -> dict[str, FloatVector]:
    chip = face_chip(seen.image, seen.face.landmarks)
    if chip is None:
        return {}
    face = seen.face
    fed = chip.copy()
    fed[INSIDE] = GREY
    place = [face.left, face.top, face.width, face.height, *chip[INSIDE].mean(axis=0)]
    corners = _squares(seen.image)
    return {
        "place_size_and_light": np.array(place, np.float64),
        "frame_corners": np.concatenate([features_of(corner) for corner in corners]),
        "beside_the_ellipse": features_of(_unrolled(chip, BESIDE)),
        "rim_of_the_ellipse": features_of(_unrolled(chip, RIM)),
        "outside_as_fed": features_of(fed),
    }


def _squares(image: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    corners = (np.ascontiguousarray(image[:SIDE_PX, part]) for part in (slice(SIDE_PX), slice(-SIDE_PX, None)))
    left, right = (np.asarray(cv2.resize(corner, (SIDE_PX, SIDE_PX)), np.uint8) for corner in corners)
    return left, right


def _unrolled(chip: UInt8Array, reach: tuple[float, float]) -> UInt8Array:
    """Return the ring between two multiples of the ellipse: around it to the right, outwards downwards."""
    angle = np.linspace(0, 2 * np.pi, SIDE_PX, endpoint=False)[None]
    out = np.linspace(*reach, SIDE_PX)[:, None]
    x = (MIDDLE[0] + HALF[0] * out * np.cos(angle)) * SIDE_PX
    y = (MIDDLE[1] + HALF[1] * out * np.sin(angle)) * SIDE_PX
    ring = cv2.remap(
        chip, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(ring, np.uint8)
