"""Find the one face in each frame and turn it into 128 numbers, with dlib. Runs in worker processes.

It does what face_recognition.face_locations and face_encodings(model="small") do, call for call, with the same model
files from face_recognition_models; tests compare the vectors. It can't call that package itself: importing it loads
the 68-point landmark model, which was trained on data that forbids commercial use, and the CNN detector, which takes
memory for nothing; it also makes Pillow accept truncated files, process-wide. Here the 5-point model and the ResNet
are loaded, once per process.

1. Decode (frames.py).
2. Detect by HOG in an image of at most SEARCH_PX on its longer side, where a face of an eighth of the picture is found.
   Only when nothing is found there it is doubled, to tell "too small" from "no face".
3. Exactly one face whose side has MIN_FACE_PX in the searched image; smaller ones beside it are the background's.
4. Five landmarks and the embedding, in the full image.

Limits: near-frontal faces only. dlib holds the GIL, and its objects must not be shared between threads.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

from authsvc.factors.face.comparison import FloatVector
from authsvc.factors.face.frames import NotAnImage, RgbImage, decode
from authsvc.factors.face.refusals import FrameRefusal

EMBEDDER = "dlib-resnet-v1/5-point"
SEARCH_PX = 640
# The HOG detector's window is 80 pixels wide; what it reports below that is mostly noise (73 pixels, its smallest).
MIN_FACE_PX = 80

Box = tuple[int, int, int, int]  # top, right, bottom, left: face_recognition's order


@dataclass(frozen=True)
class Measured:
    """One embedding and one box per frame, in order."""

    embeddings: tuple[FloatVector, ...] = field(repr=False)
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class _Models:
    dlib: Any
    detector: Any
    landmarks: Any
    resnet: Any


_models: _Models | None = None


def load_models() -> None:
    """Load the models of this process; the initializer of the face lane."""
    global _models  # one set per process is the point of it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # face_recognition_models imports pkg_resources, which warns of its own end
        # Imported here, so that only worker processes pay for them. Neither is typed.
        dlib: Any = import_module("dlib")
        files: Any = import_module("face_recognition_models")
    _models = _Models(
        dlib=dlib,
        detector=dlib.get_frontal_face_detector(),
        landmarks=dlib.shape_predictor(files.pose_predictor_five_point_model_location()),
        resnet=dlib.face_recognition_model_v1(files.face_recognition_model_location()),
    )


def measure_frames(frames: Sequence[bytes]) -> Measured | FrameRefusal:
    """Return what the frames show, or why they can't be used; bad images never raise."""
    if _models is None:
        load_models()
    assert _models is not None
    embeddings: list[FloatVector] = []
    boxes: list[Box] = []
    for number, frame in enumerate(frames):
        try:
            image = decode(frame)
        except NotAnImage:
            return FrameRefusal("face.not_an_image", number)
        found = _find_face(_models, image)
        if isinstance(found, str):
            return FrameRefusal(found, number)
        boxes.append(found)
        embeddings.append(_embed(_models, image, found))
    return Measured(tuple(embeddings), tuple(boxes))


def _find_face(models: _Models, image: RgbImage) -> Box | str:
    """Return the one face's box in the full image, or the code of a refusal."""
    scale = max(1.0, max(image.shape[:2]) / SEARCH_PX)
    searched = _reduced(image, scale)
    found = models.detector(searched, 0)
    large = [box for box in found if box.width() >= MIN_FACE_PX]
    if len(large) > 1:
        return "face.two_faces"
    if not large:
        return "face.face_too_small" if found or models.detector(searched, 1) else "face.no_face"
    box, (rows, columns) = large[0], image.shape[:2]
    return (
        max(round(box.top() * scale), 0),
        min(round(box.right() * scale), columns),
        min(round(box.bottom() * scale), rows),
        max(round(box.left() * scale), 0),
    )


def _embed(models: _Models, image: RgbImage, box: Box) -> FloatVector:
    top, right, bottom, left = box
    landmarks = models.landmarks(image, models.dlib.rectangle(left, top, right, bottom))
    return np.array(models.resnet.compute_face_descriptor(image, landmarks, 1), dtype=np.float64)


def _reduced(image: RgbImage, scale: float) -> RgbImage:
    if scale == 1.0:
        return image
    size = (round(image.shape[1] / scale), round(image.shape[0] / scale))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BOX))
