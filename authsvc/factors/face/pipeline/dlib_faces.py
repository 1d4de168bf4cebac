"""Find faces and their five points with dlib, and cut the square (*chip*) that an embedder wants. Wraps dlib.

dlib holds the GIL, and its objects must not be shared between threads: one DlibFaces to a worker process. The detector
(HOG) and the five-point model come from face_recognition_models. face_recognition itself is not imported: that loads
the 68-point model, which was trained on data that forbids commercial use, and makes Pillow accept truncated files.

Points are looked for in the colours of the whole frame, as face_recognition does, and chips are cut by dlib, which
smooths before it reduces: its own network gets the chip that get_face_chip would give it. For the first search the luma
does, at a fifth less; colours find one face in some hundreds that it misses.
"""

import warnings
from importlib import import_module
from typing import Any

import cv2
import numpy as np

from authsvc.factors.face.embedder.embedder import ChipSpec
from authsvc.factors.face.measured import FloatArray, FoundFace, UInt8Array
from authsvc.factors.face.pipeline.detect import FIRST_PX, MIN_FOUND_PX, SECOND_PX, Box, one_face, reduction


class DlibFaces:
    """dlib's detector and five-point model."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # face_recognition_models imports pkg_resources, which warns of its own end
            # Imported here, so that only worker processes pay for them. Neither is typed.
            self._dlib: Any = import_module("dlib")
            files: Any = import_module("face_recognition_models")
        self._detector = self._dlib.get_frontal_face_detector()
        self._points = self._dlib.shape_predictor(files.pose_predictor_five_point_model_location())

    def find(self, image: UInt8Array, luma: UInt8Array) -> FoundFace | str:
        """Return the one face of a frame, or the code of a refusal.

        Args:
            image: RGB, the whole frame.
            luma: the same in grey.
        """
        if found := self._search(luma, FIRST_PX) or self._search(image, SECOND_PX):
            box = one_face(found)
            return box if isinstance(box, str) else self._with_points(image, box)
        second = _reduced(luma, reduction(luma, SECOND_PX))
        return "face.face_too_small" if self._detector(second, 1) else "face.no_face"

    def cut(self, image: UInt8Array, face: FoundFace, chip: ChipSpec) -> UInt8Array:
        """Return the chip of a face: RGB, (size_px, size_px, 3)."""
        dlib = self._dlib
        details = dlib.chip_details(
            dlib.dpoints([dlib.dpoint(*point) for point in chip.reference]),
            dlib.dpoints([dlib.dpoint(*point) for point in face.landmarks]),
            dlib.chip_dims(chip.size_px, chip.size_px),
        )
        cut: UInt8Array = dlib.extract_image_chip(image, details)
        return cut

    def _search(self, image: UInt8Array, longest_px: int) -> list[Box]:
        scale = reduction(image, longest_px)
        found = self._detector(_reduced(image, scale), 0)
        boxes = (Box(each.left(), each.top(), each.right(), each.bottom()) for each in found)
        return [box.scaled(scale) for box in boxes if box.width >= MIN_FOUND_PX]

    def _with_points(self, image: UInt8Array, box: Box) -> FoundFace:
        rows, columns = image.shape[:2]
        left, top = max(box.left, 0), max(box.top, 0)
        right, bottom = min(box.right, columns), min(box.bottom, rows)
        parts = self._points(image, self._dlib.rectangle(left, top, right, bottom)).parts()
        points: FloatArray = np.array([(part.x, part.y) for part in parts], dtype=np.float64)
        return FoundFace(left, top, right, bottom, points)


def _reduced(image: UInt8Array, scale: float) -> UInt8Array:
    if scale == 1.0:
        return image
    size = (max(round(image.shape[1] / scale), 1), max(round(image.shape[0] / scale), 1))  # some are a line
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
