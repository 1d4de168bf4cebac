"""From features to calibrated log-odds of a presentation attack: a support vector machine and what calibrates it. Pure.

    score     = sum_j w_j exp(-gamma |z - v_j|^2) + b             z: features, standardised as in training
    frame     = clip(gain * score + offset, +-bound)              Platt (1999), on people who were left out
    capture   = clip(n_eff * mean(frame), +-bound),  n_eff = n / (1 + (n - 1) * correlation)

Frames of one capture are alike, so n of them are n_eff independent ones (Kish's design effect); `correlation` is what
frames of one session share, of people who were left out. Even odds beforehand: who expects attacks to be rare asks for
more than 0. The bound is what some hundred presentations of eight people can carry at most, not a fact about attacks.

A frame unlike all training data gets about gain * b + offset: evidence of nothing much either way.

A model is an .npz of plain arrays, read without pickle; its version is a hash of their content.
"""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from authsvc.factors.face.liveness.features import COUNT, FloatVector

SCALARS = ("gamma", "intercept", "gain", "offset", "correlation", "bound")


class BadModel(ValueError):
    """The file is no model of this classifier."""


@dataclass(frozen=True)
class AttackModel:
    """`mean`, `scale`: (COUNT,). `vectors`: float32, (m, COUNT), standardised. `weights`: (m,)."""

    mean: FloatVector
    scale: FloatVector
    vectors: npt.NDArray[np.float32]
    weights: FloatVector
    gamma: float
    intercept: float
    gain: float = 1.0
    offset: float = 0.0
    correlation: float = 1.0
    bound: float = np.inf

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256."""
        digest = hashlib.sha256()
        for name, array in _arrays(self).items():
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:12]

    def scores(self, features: FloatVector) -> FloatVector:
        """Return the machine's own scores, not calibrated. Args: features: (n, COUNT)."""
        unit = ((features - self.mean) / self.scale).astype(np.float32)
        squares = (unit**2).sum(axis=1)[:, None] + (self.vectors**2).sum(axis=1)[None]
        far = np.maximum(squares - 2 * (unit @ self.vectors.T), 0).astype(np.float64)
        scores: FloatVector = np.exp(-self.gamma * far) @ self.weights + self.intercept
        return scores

    def frames(self, features: FloatVector) -> FloatVector:
        """Return each frame's log-odds of an attack. Args: features: (n, COUNT)."""
        return np.clip(self.gain * self.scores(features) + self.offset, -self.bound, self.bound)

    def capture(self, frames: FloatVector) -> float:
        """Return a capture's log-odds of an attack. Args: frames: from `frames`, at least one."""
        effective = len(frames) / (1 + (len(frames) - 1) * self.correlation)
        return float(np.clip(effective * np.mean(frames), -self.bound, self.bound))


def save(model: AttackModel, path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_arrays(model))


def load(path: Path) -> AttackModel:
    """Read a model.

    Raises:
        BadModel: see the class.
        OSError: the file can't be read.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {field.name: stored[field.name] for field in fields(AttackModel)}
    except (ValueError, KeyError, EOFError, BadZipFile) as problem:
        raise BadModel(f"{path}: {problem}") from problem
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise BadModel(f"{path}: not all numbers are finite")
    shapes = {name: array.shape for name, array in arrays.items()}
    count = len(arrays["weights"]) if arrays["weights"].ndim == 1 else 0
    expected = {"mean": (COUNT,), "scale": (COUNT,), "vectors": (count, COUNT), "weights": (count,)}
    if shapes != expected | dict.fromkeys(SCALARS, ()):
        raise BadModel(f"{path}: made for other features")
    whole: dict[str, Any] = {name: float(array) if name in SCALARS else array for name, array in arrays.items()}
    return AttackModel(**whole)


def _arrays(model: AttackModel) -> dict[str, npt.NDArray[np.floating]]:
    return {field.name: np.asarray(getattr(model, field.name)) for field in fields(model)}
