"""How alike template and probe are.

    d = || template - probe ||                                          Euclid, >= 0
    plain       d
    relative    d / ((n(template) + n(probe)) / 2)                      n: mean distance to the three nearest prototypes

Where a cohort stands, the relative one decides. The two have different scales, so a threshold belongs to one of them
(operating_point.py). Both faces are normalised: by one side alone the error on webcam captures was up to five times as
large. Pure.

A mean hides its parts: two frames of the owner and one of a stranger can have a mean that matches. So each frame
alone must lie within PART_SLACK of the plain threshold, too.

Limits: where the network crowds people together, some such mixtures still pass (docs/models/face.md); what else stands
against them is the attack score, which is a mean, and the device's signature.
"""

from collections.abc import Sequence

import numpy as np

from authsvc.factors.face.matching.cohort import Cohort, nearness
from authsvc.factors.face.measured import FloatArray
from authsvc.factors.face.refusals import MIN_FRAMES

# Frames of one person in one capture; two frames further apart than this are two people, or unusable.
# face_recognition's own tolerance: lenient on purpose, since a rejected capture costs its owner another try.
SAME_CAPTURE_LIMIT = 0.60
PART_SLACK = 1.25  # times the plain threshold: a single frame lies further from its owner than the mean of three
LEAST_NEARNESS = 1e-6  # a vector that lies on three prototypes is no face of this network


def mean_of(embeddings: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of a capture's embeddings: the template of an enrolment, the probe of a verification.

    Raises:
        ValueError: fewer than three, or of different shapes.
    """
    if len(embeddings) < MIN_FRAMES:
        raise ValueError(f"a mean needs at least {MIN_FRAMES} embeddings")
    mean: FloatArray = np.mean(np.stack(embeddings), axis=0, dtype=np.float64)
    return mean


def one_face(embeddings: Sequence[FloatArray], limit: float = SAME_CAPTURE_LIMIT) -> bool:
    """Return whether all frames may show the same face: an average of two people would match both."""
    stacked = np.stack(embeddings)
    apart = np.linalg.norm(stacked[:, None, :] - stacked[None, :, :], axis=2)
    return bool(apart.max() <= limit)


def parts_match(template: FloatArray, parts: Sequence[FloatArray], threshold: float) -> bool:
    """Return whether every frame alone may be the template's owner. Args: threshold of plain distances of means."""
    return all(distance(template, part) <= PART_SLACK * threshold for part in parts)


def distance(template: FloatArray, probe: FloatArray) -> float:
    """Return the Euclidean distance; 0.0 is the same vector."""
    return float(np.linalg.norm(template - probe))


def relative_distance(template: FloatArray, probe: FloatArray, cohort: Cohort) -> float:
    """Return the distance as a share of how far both lie from their nearest prototypes."""
    beside = (nearness(template, cohort) + nearness(probe, cohort)) / 2
    return distance(template, probe) / beside if beside >= LEAST_NEARNESS else float("inf")
