"""Fit the classifier to faces of people and of pictures, with scikit-learn. Pure; never imported to serve captures.

1. Each frame is taken as it is and as VARIANTS more: mirrored or not, its points shifted by about a pixel, in other
   light (gain, gamma, white balance). The classifier must not hang on what a detector, a lamp and a camera's automatic
   change.
2. Each feature to mean 0 and spread 1, then a support vector machine with a Gaussian kernel; classes count alike.
3. For calibration each person is left out once and scored by a machine that was trained on the others. Their frames'
   scores, as they are and not their variants, fit Platt's sigmoid, and how much frames of one session share.

The same frames give the same model, bit for bit on one machine; other linear algebra libraries move log-odds by less
than a thousandth. Seeds come from the frames' names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from authsvc.factors.face.liveness.classifier import AttackModel
from authsvc.factors.face.liveness.crop import face_chip
from authsvc.factors.face.liveness.features import FloatVector, features_of
from authsvc.factors.face.measured import FloatArray, UInt8Array

VARIANTS = 2
PENALTY = 3.0
WIDTH = 0.5  # gamma times the number of features
BOUND = float(np.log(100))

POINTS_PX = 1.2
GAIN, BALANCE, GAMMA = 0.25, 0.06, 0.2  # standard deviations of logarithms


@dataclass(frozen=True)
class TrainingFrame:
    """`features`: (1 + VARIANTS, COUNT), the frame as it is first. `session`: unique among all people's."""

    person: str
    session: str
    attack: bool
    features: FloatVector = field(repr=False)


def variants_of(image: UInt8Array, landmarks: FloatArray, name: str, variants: int = VARIANTS) -> FloatVector | None:
    """Return the features of a frame and of its variants, or None where the points are no face.

    Args:
        image: the whole frame, BGR.
        name: seeds the variants.
    """
    draw = np.random.default_rng(crc32(name.encode()))  # reproducible on purpose
    chips = [face_chip(image, landmarks)]
    for _ in range(variants):
        shifted = landmarks + draw.normal(0, POINTS_PX, landmarks.shape)
        chips.append(_in_other_light(face_chip(image, shifted), draw))
    return None if chips[0] is None else np.stack([features_of(chip) for chip in chips if chip is not None])


def train(frames: Sequence[TrainingFrame]) -> AttackModel:
    """Return a calibrated model.

    Raises:
        ValueError: fewer than two people, or someone's left-out training data lacks faces or pictures.
    """
    scores = _left_out_scores(frames)
    attack = np.array([frame.attack for frame in frames])
    platt = LogisticRegression(C=1.0, class_weight="balanced").fit(scores[:, None], attack)
    gain, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    log_odds = np.clip(gain * scores + offset, -BOUND, BOUND)
    correlation = shared_by_sessions(log_odds, attack, [frame.session for frame in frames])
    return replace(fit(frames), gain=gain, offset=offset, correlation=correlation, bound=BOUND)


def fit(frames: Sequence[TrainingFrame]) -> AttackModel:
    """Return the machine alone, not calibrated."""
    rows = np.concatenate([frame.features for frame in frames])
    attack = np.concatenate([np.full(len(frame.features), frame.attack) for frame in frames])
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    gamma = WIDTH / rows.shape[1]
    machine = SVC(C=PENALTY, gamma=gamma, class_weight="balanced").fit((rows - mean) / scale, attack)
    vectors = machine.support_vectors_.astype(np.float32)
    return AttackModel(mean, scale, vectors, machine.dual_coef_[0].copy(), gamma, float(machine.intercept_[0]))


def shared_by_sessions(log_odds: FloatVector, attack: npt.NDArray[np.bool_], sessions: Sequence[str]) -> float:
    """Return the intraclass correlation of frames of one session, given whether they are attacks; 0 to 1."""
    rest = log_odds - np.where(attack, log_odds[attack].mean(), log_odds[~attack].mean())
    groups = [rest[[place for place, name in enumerate(sessions) if name == each]] for each in sorted(set(sessions))]
    within = np.concatenate([group - group.mean() for group in groups])
    inside = float((within**2).sum() / max(len(rest) - len(groups), 1))
    total = float(rest.var())
    return float(np.clip(1 - inside / total, 0, 1)) if total > 0 else 1.0


def _left_out_scores(frames: Sequence[TrainingFrame]) -> FloatVector:
    people = np.array([frame.person for frame in frames])
    if len(set(people)) < 2:
        raise ValueError("at least two people are needed, to leave one out")
    scores = np.zeros(len(frames))
    for person in sorted(set(people)):
        left_out = np.flatnonzero(people == person)
        machine = fit([frame for frame in frames if frame.person != person])
        scores[left_out] = machine.scores(np.stack([frame.features[0] for frame in frames if frame.person == person]))
    return scores


def _in_other_light(chip: UInt8Array | None, draw: np.random.Generator) -> UInt8Array | None:
    if chip is None:
        return None
    gain = np.exp(draw.normal(0, GAIN) + draw.normal(0, BALANCE, 3))
    lit = np.clip(chip / 255 * gain, 0, 1) ** np.exp(draw.normal(0, GAMMA))
    turned = lit[:, ::-1] if draw.random() < 0.5 else lit
    return np.ascontiguousarray(turned * 255 + 0.5).astype(np.uint8)
