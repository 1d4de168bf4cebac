"""dlib's network run by dlib, as face_recognition does: the reference that the default is measured against.

It holds the GIL, and its objects must not be shared between threads. face_recognition itself is not imported: that
loads the 68-point landmark model, which was trained on data that forbids commercial use.
"""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from authsvc.factors.face.embedder.dlib_weights import OUTPUTS
from authsvc.factors.face.embedder.embedder import CannotEmbed, dlib_chip
from authsvc.factors.face.measured import FloatArray, UInt8Array


def network_file() -> Path:
    """Return where face_recognition_models installed dlib's network.

    Raises:
        CannotEmbed: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources, which warns of its own end
            files: Any = import_module("face_recognition_models")
    except ImportError as problem:
        raise CannotEmbed("face_recognition_models is not installed; it brings dlib's face network") from problem
    return Path(files.face_recognition_model_location())


class DlibEmbedder:
    """The reference."""

    dimensions = OUTPUTS
    chip = dlib_chip()

    def __init__(self, file: Path, embedder_id: str) -> None:
        dlib: Any = import_module("dlib")
        self.id = embedder_id
        self._network = dlib.face_recognition_model_v1(str(file))

    def embed(self, chips: UInt8Array) -> FloatArray:
        found = [self._network.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips]
        return np.array(found, dtype=np.float64).reshape(-1, OUTPUTS)
