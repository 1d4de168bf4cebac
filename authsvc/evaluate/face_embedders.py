"""How far the default network's vectors are from those of dlib, which runs the same weights on the same chips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from authsvc.evaluate.face_vectors import Reader
from authsvc.factors.face.embedder.choice import EmbedderChoice, open_embedder

LIMIT = 1e-3  # a four-hundredth of the distance at which two people begin


def evaluate(files: Sequence[Path]) -> dict[str, Any]:
    """Return the largest and the mean distance over all pictures with a face."""
    reader = Reader(EmbedderChoice())
    ours, theirs = open_embedder(EmbedderChoice()), open_embedder(EmbedderChoice("dlib"))
    apart = []
    for file in files:
        if (chip := reader.chip(file)) is not None:
            apart.append(float(np.linalg.norm(ours.embed(chip[None]) - theirs.embed(chip[None]))))
    return {
        "images": len(apart),
        "without_one_face": len(files) - len(apart),
        "largest_distance": max(apart, default=None),
        "mean_distance": float(np.mean(apart)) if apart else None,
        "within": bool(apart) and max(apart) < LIMIT,
        "limit": LIMIT,
    }
