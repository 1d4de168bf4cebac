"""From a frame's bytes to upright pixels; and, before that, whether it may be decoded at all. Pure.

`check_frames` is for the serving process. It reads headers only (jpeg_header.py) and allocates nothing:

1. The number of frames is within bounds, and each frame's bytes are.
2. It is a JPEG of the kind that cameras write.
3. Width times height, as declared, is within the pixel cap: a decompression bomb costs what its header costs.

`decode` is for the worker processes: RGB, upright. Pillow's JPEG reader, no other, is given the picture without its
metadata. It refuses what ends early, where OpenCV fills up with grey.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from authsvc.factors.face.measured import UInt8Array
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage, picture_of, read_header
from authsvc.factors.face.refusals import MIN_FRAMES, FrameRefusal

# What brings stored rows and columns upright, by EXIF orientation (EXIF 2.32, 4.6.4 A).
UPRIGHT: Mapping[int, Callable[[UInt8Array], UInt8Array]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}


@dataclass(frozen=True)
class FrameBounds:
    """What a capture may weigh (settings.FaceSettings)."""

    max_frames: int
    max_frame_bytes: int
    max_pixels: int


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
    header = read_header(frame)
    return header.width, header.height


def decode(frame: bytes) -> UInt8Array:
    """Return the frame's pixels, upright, uint8, shape (rows, columns, 3).

    Raises:
        NotAnImage: see the class; also when the file ends too early.
    """
    header = read_header(frame)
    try:
        image = Image.open(io.BytesIO(picture_of(frame, header)), formats=("JPEG",))
        stored = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))  # convert copies even where equal
    except Exception as problem:  # hostile bytes make decoders raise nearly anything
        raise NotAnImage(str(problem)) from problem
    return np.ascontiguousarray(UPRIGHT[header.orientation](stored))


def _refuse(frame: bytes, bounds: FrameBounds) -> str | None:
    if len(frame) > bounds.max_frame_bytes:
        return "face.frame_too_large"
    try:
        width, height = read_size(frame)
    except NotAnImage:
        return "face.not_an_image"
    return "face.too_many_pixels" if width * height > bounds.max_pixels else None
