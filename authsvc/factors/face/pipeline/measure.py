"""What runs in a worker process: from a capture's bytes to what they show.

For each frame: decode -> one face -> its five points -> pose and quality -> chip. Then, once for the capture: attack
score and vectors. A frame that can't be used ends it, with the frame's number and a reason that the app can show;
bad images never raise.

Limits: whether all frames show the same face, and followed their prompts, is for the service to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from authsvc.factors.face.embedder.choice import EmbedderChoice, open_embedder
from authsvc.factors.face.embedder.embedder import FaceEmbedder
from authsvc.factors.face.liveness.attack import LiveFrame, attack_of, shipped_model
from authsvc.factors.face.measured import FoundFace, Measured, MeasuredFrame, Pose, Quality, UInt8Array
from authsvc.factors.face.pipeline.decode import decode
from authsvc.factors.face.pipeline.dlib_faces import DlibFaces
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage
from authsvc.factors.face.pipeline.look_alike import look_of
from authsvc.factors.face.pipeline.pose import pose_of
from authsvc.factors.face.pipeline.quality import flaw_of, quality_of
from authsvc.factors.face.refusals import FrameRefusal


@dataclass(frozen=True)
class _Worker:
    faces: DlibFaces
    embedder: FaceEmbedder


@dataclass(frozen=True)
class _SeenFrame:
    """A usable frame on its way: all but its vector."""

    bgr: UInt8Array  # a view of the decoded frame
    chip: UInt8Array
    face: FoundFace
    pose: Pose
    quality: Quality
    look: int


_worker: _Worker | None = None


def begin_worker(choice: EmbedderChoice) -> None:
    """Load the models of this process; the initializer of the face lane (with functools.partial).

    One core for each worker: OpenCV's threads would only wait for one another. onnxruntime's are in the choice.
    """
    global _worker  # one set per process is the point of it
    cv2.setNumThreads(1)
    shipped_model()
    _worker = _Worker(DlibFaces(), open_embedder(choice))


def measure_frames(frames: Sequence[bytes]) -> Measured | FrameRefusal:
    """Return what the frames show, or why they can't be used. Only after begin_worker.

    Raises:
        RuntimeError: begin_worker was not called in this process.
    """
    if _worker is None:
        raise RuntimeError("begin_worker comes first")
    seen: list[_SeenFrame] = []
    for number, frame in enumerate(frames):
        found = _look_at(_worker, frame)
        if isinstance(found, str):
            return FrameRefusal(found, number)
        seen.append(found)
    vectors = _worker.embedder.embed(np.stack([each.chip for each in seen]))
    measured = (
        MeasuredFrame(vector, each.face, each.pose, each.quality, each.look)
        for vector, each in zip(vectors, seen, strict=True)
    )
    return Measured(_worker.embedder.id, tuple(measured), attack_of([LiveFrame(each.bgr, each.face) for each in seen]))


def _look_at(worker: _Worker, frame: bytes) -> _SeenFrame | str:
    """Return what one frame shows, or the code of a refusal."""
    try:
        image = decode(frame)
    except NotAnImage:
        return "face.not_an_image"
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    face = worker.faces.find(image, luma)
    if isinstance(face, str):
        return face
    pose = pose_of(face.landmarks)
    quality = quality_of(luma, face, pose)
    if flaw := flaw_of(quality, pose):
        return flaw
    chip = worker.faces.cut(image, face, worker.embedder.chip)
    return _SeenFrame(image[:, :, ::-1], chip, face, pose, quality, look_of(luma))
