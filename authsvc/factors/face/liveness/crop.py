"""Cut out what attack detection may look at: the face, at one size and upright, and nothing beside it. Pure.

A similarity puts the middles of the eyes at fixed places of a square of SIDE_PX pixels. Of it only an ellipse counts,
from the forehead to the chin and from cheek to cheek: INSIDE. features.py reads no pixel outside of it (a test changes
them all), because a background tells the room, and in a laboratory's data a room tells whether a person or a picture
was filmed.

The eyes stand EYES_APART pixels apart, which is what a face at arm's length has in 640 x 480: so pixels are hardly made
up, and the finest texture is the camera's own. A face whose eyes are closer together is enlarged, and smoother for it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from authsvc.factors.face.measured import FloatArray, UInt8Array

SIDE_PX = 160
EYES_APART = 0.46 * SIDE_PX
EYES_DOWN = 0.34 * SIDE_PX
MAX_COORDINATE = 1e5  # pixels; beyond it no frame reaches, and transforms lose their digits

BoolImage = npt.NDArray[np.bool_]


def _ellipse() -> BoolImage:
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    inside: BoolImage = ((columns - 0.5) / 0.42) ** 2 + ((rows - 0.51) / 0.46) ** 2 <= 1
    return inside


INSIDE = _ellipse()


def inside_by(margin_px: int) -> BoolImage:
    """Return the pixels whose square neighbourhood of this radius lies in the ellipse."""
    kernel = np.ones((2 * margin_px + 1, 2 * margin_px + 1), np.uint8)
    whole = cv2.erode(INSIDE.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return whole.astype(np.bool_)


def face_chip(image: UInt8Array, landmarks: FloatArray) -> UInt8Array | None:
    """Return the face in BGR, uint8, shape (SIDE_PX, SIDE_PX, 3), or None where the points are no face.

    Args:
        image: the whole frame, BGR; a view of RGB turned round is as good.
        landmarks: five points (measured.FoundFace).

    Where the frame ends, its edge is mirrored.
    """
    placement = _placement(landmarks)
    if placement is None:
        return None
    top, left, window = _window(image, placement)
    placement[:, 2] += placement[:, :2] @ (left, top)
    placed = cv2.warpAffine(
        window, placement, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return placed.astype(np.uint8, copy=False)


def _window(image: UInt8Array, placement: FloatArray) -> tuple[int, int, UInt8Array]:
    """Return the part of the frame that the chip shows, and where it begins: only that is copied."""
    corners = np.array([[0, 0], [SIDE_PX, 0], [0, SIDE_PX], [SIDE_PX, SIDE_PX]])
    back = np.linalg.inv(placement[:, :2])
    seen = (corners - placement[:, 2]) @ back.T
    rows, columns = image.shape[:2]
    left, top = np.clip(np.floor(seen.min(axis=0)) - 2, 0, (columns - 1, rows - 1)).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(axis=0)) + 3, (left + 1, top + 1), (columns, rows)).astype(int)
    return int(top), int(left), np.ascontiguousarray(image[top:bottom, left:right])


def _placement(landmarks: FloatArray) -> FloatArray | None:
    if not np.isfinite(landmarks).all() or np.abs(landmarks).max() > MAX_COORDINATE:
        return None
    one, other = sorted((landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)), key=lambda eye: float(eye[0]))
    across = other - one
    apart = float(np.hypot(*across))
    if apart < 1:
        return None
    cosine, sine = across / apart * (EYES_APART / apart)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.array([SIDE_PX / 2, EYES_DOWN]) - turn @ ((one + other) / 2)
    return np.column_stack([turn, shift])
