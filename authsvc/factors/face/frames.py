"""Look at a frame before anything decodes it: is it a JPEG, how large does it say it is.

1. The number of frames is within bounds, and each frame's bytes are.
2. It begins as a JPEG does (SOI, ITU-T T.81 B.1.1.3), and has no more segments before its first scan than MAX_SEGMENTS
   and no more scans than MAX_SCANS: a reader's work grows with their number, not with the pixels. Probed with Pillow 12
   on two cores: eight frames of empty comments held the interpreter for 9 s, a progressive file of 30 kB with 1,000
   scans took 6 s to decode. Then Pillow's JPEG reader, no other, understands its header.
3. Width times height, as the header declares them, is within the pixel cap. Nothing is allocated before that is known,
   so a decompression bomb costs what its header costs.
4. 8 bits a sample, grey or YCbCr/RGB. CMYK and 12-bit files come from scanners and presses, never from a camera, and
   their colours would be guessed.

`decode` is for the worker processes: the pixels upright (EXIF orientation), RGB. Pure.

Limits: what stands after the header (a truncated scan, a corrupt table) only shows when it is decoded.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from authsvc.factors.face.refusals import MIN_FRAMES, FrameRefusal

START_OF_IMAGE = b"\xff\xd8\xff"
CAMERA_MODES = ("L", "RGB")
START_OF_SCAN = b"\xff\xda"
# Frame headers, tables, comments, application data: each says its length. Nothing else stands before a first scan, and
# what Pillow passes over in another way than we do must not hide a header from us.
_SEGMENTS = frozenset((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))
MAX_SEGMENTS = 256  # a camera writes a dozen; a profile or a note of its maker takes one for each 64 kB
MAX_SCANS = 64  # a camera writes one, libjpeg's progressive script ten

RgbImage: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FrameBounds:
    """What a capture may weigh (settings.FaceSettings)."""

    max_frames: int
    max_frame_bytes: int
    max_pixels: int


class NotAnImage(Exception):
    """The bytes are no JPEG that a camera writes."""


def check_frames(frames: Sequence[bytes], bounds: FrameBounds) -> FrameRefusal | None:
    """Return why this capture can't be measured, or None; reads headers only."""
    if len(frames) < MIN_FRAMES:
        return FrameRefusal("face.too_few_frames")
    if len(frames) > bounds.max_frames:
        return FrameRefusal("face.too_many_frames")
    for number, frame in enumerate(frames):
        if code := _refuse(frame, bounds):
            return FrameRefusal(code, number)
    return None


def read_size(frame: bytes) -> tuple[int, int]:
    """Return the width and height that a JPEG's header declares.

    Raises:
        NotAnImage: see the class.
    """
    return _open(frame).size


def decode(frame: bytes) -> RgbImage:
    """Return the frame's pixels, upright, uint8, shape (rows, columns, 3).

    Raises:
        NotAnImage: see the class; also when the file ends too early.
    """
    image = _open(frame)
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as problem:  # hostile bytes make decoders and EXIF readers raise nearly anything
        raise NotAnImage(str(problem)) from problem


def _refuse(frame: bytes, bounds: FrameBounds) -> str | None:
    if len(frame) > bounds.max_frame_bytes:
        return "face.frame_too_large"
    try:
        width, height = read_size(frame)
    except NotAnImage:
        return "face.not_an_image"
    except Image.DecompressionBombError:  # Pillow's own cap, far above ours
        return "face.too_many_pixels"
    return "face.too_many_pixels" if width * height > bounds.max_pixels else None


def _open(frame: bytes) -> Image.Image:
    if not frame.startswith(START_OF_IMAGE):
        raise NotAnImage("no start of image")
    if not _is_cheap_to_read(frame):
        raise NotAnImage("no header that a camera writes")
    try:
        image = Image.open(io.BytesIO(frame), formats=("JPEG",))
    except Image.DecompressionBombError:
        raise
    except Exception as problem:  # see decode
        raise NotAnImage(str(problem)) from problem
    if image.mode not in CAMERA_MODES:
        raise NotAnImage(f"mode {image.mode}")
    return image


def _is_cheap_to_read(frame: bytes) -> bool:
    place = 2
    for _ in range(MAX_SEGMENTS):
        if frame.startswith(START_OF_SCAN, place):
            return frame.count(START_OF_SCAN, place) <= MAX_SCANS  # in coded data 0xFF is never followed by 0xDA
        if len(frame) < place + 4 or frame[place] != 0xFF or frame[place + 1] not in _SEGMENTS:
            return False
        place += 2 + int.from_bytes(frame[place + 2 : place + 4])
    return False
