"""Run a face network with onnxruntime: dlib's own, or one that the operator has a licence for.

onnxruntime releases the GIL and is given `threads` threads of its own; one is right where each worker process has one
core. An operator's model is any ONNX file with one image as input and one vector as output: OwnModel says how its
input must be made. Its file is hashed into the id, with everything that changes its vectors, so that another file or
another normalisation asks for new templates instead of comparing across.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from authsvc.factors.face.embedder.dlib_weights import OUTPUTS
from authsvc.factors.face.embedder.embedder import CannotEmbed, ChipSpec, arcface_chip, dlib_chip
from authsvc.factors.face.measured import FloatArray, UInt8Array

MAX_DIMENSIONS = 4096
OWN_ID = "onnx/"


@dataclass(frozen=True)
class OwnModel:
    """An operator's model: value = (pixel - mean) * scale for each colour, in this order and layout.

    `unit`: whether its vectors are brought to length one, as those are that are compared by cosine; the distance of two
    is then sqrt(2 - 2 cosine).
    """

    path: Path
    input_px: int = 112
    layout: Literal["nchw", "nhwc"] = "nchw"
    colours: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    chip: Literal["arcface", "dlib"] = "arcface"
    padding: float = 0.25
    unit: bool = True


class DlibOnnxEmbedder:
    """dlib's network as onnx_graph.py writes it: it takes the pixels as they are."""

    dimensions = OUTPUTS
    chip = dlib_chip()

    def __init__(self, graph: bytes, embedder_id: str, *, threads: int = 1) -> None:
        self.id = embedder_id
        self._session = _session(graph, threads)
        self._input = self._session.get_inputs()[0].name

    def embed(self, chips: UInt8Array) -> FloatArray:
        found: FloatArray = self._session.run(None, {self._input: chips})[0].astype(np.float64)
        return found


class OwnEmbedder:
    """An operator's network."""

    def __init__(self, model: OwnModel, *, threads: int = 1) -> None:
        """Raises: CannotEmbed: no file, no ONNX, or not from one image to one vector."""
        try:
            content = model.path.read_bytes()
        except OSError as problem:
            raise CannotEmbed(f"the face model can't be read: {problem}") from problem
        self._model = model
        self.chip = _chip(model)
        self._session = _session(content, threads)
        self.id = own_id(model, content)
        self._input = self._only_input()
        self.dimensions = self._run(np.zeros((1, model.input_px, model.input_px, 3), np.uint8)).shape[1]

    def embed(self, chips: UInt8Array) -> FloatArray:
        # One at a time: many exported models have a batch of one written into them.
        return np.concatenate([self._run(chip[None]) for chip in chips])

    def _run(self, chip: UInt8Array) -> FloatArray:
        model = self._model
        values = chip.astype(np.float32)
        if model.colours == "bgr":
            values = values[..., ::-1]
        values = (values - np.array(model.mean, np.float32)) * np.array(model.scale, np.float32)
        if model.layout == "nchw":
            values = values.transpose(0, 3, 1, 2)
        try:
            answers = self._session.run(None, {self._input: np.ascontiguousarray(values)})
        except Exception as problem:  # onnxruntime's own, one for each of its codes
            raise CannotEmbed(f"the face model does not take an image of this size and layout: {problem}") from problem
        return _as_vector(answers, unit=model.unit)

    def _only_input(self) -> str:
        inputs = [each.name for each in self._session.get_inputs()]
        if len(inputs) != 1:
            raise CannotEmbed(f"the face model has {len(inputs)} inputs, not one image")
        return str(inputs[0])


def _as_vector(answers: Sequence[Any], *, unit: bool) -> FloatArray:
    vector = np.asarray(answers[0], np.float64).reshape(1, -1)
    if len(answers) != 1 or not 2 <= vector.shape[1] <= MAX_DIMENSIONS:
        raise CannotEmbed("the face model does not answer with one vector")
    length = float(np.linalg.norm(vector))
    # A blank image may well have no direction; only what is compared needs one, and nan matches nobody.
    with np.errstate(invalid="ignore"):
        return vector / length if unit else vector


def _chip(model: OwnModel) -> ChipSpec:
    return arcface_chip(model.input_px) if model.chip == "arcface" else dlib_chip(model.input_px, model.padding)


def own_id(model: OwnModel, content: bytes) -> str:
    """Return the id of an operator's model: of its file, and of how faces are shown to it."""
    rest = {name: value for name, value in asdict(model).items() if name != "path"}
    said = json.dumps(rest, sort_keys=True).encode()
    return f"{OWN_ID}{hashlib.sha256(content).hexdigest()[:24]}/{hashlib.sha256(said).hexdigest()[:8]}"


def _session(graph: bytes, threads: int) -> Any:
    import onnxruntime  # not typed; only worker processes pay for it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime's own, one for each of its codes
        raise CannotEmbed(f"the face model is no ONNX file that onnxruntime can run: {problem}") from problem
