"""A picture's look in 64 bits, which saving it again hardly changes (a perceptual hash). Pure.

The luma, reduced to SIDE x SIDE, is taken apart into waves (DCT-II). WAVES names 64 of them, and each is one bit: which
way it points. The usual hash ("pHash", Zauner 2010) takes the slowest waves; they are the room, and somebody who sits
still before a webcam keeps that look for minutes. These are some thirty to the width of the picture: fine enough to
tell two frames of one second apart, and still far below what JPEG drops and what sensors add.

Limits: it tells whether a *file* comes again, also at another quality or size. Cut, turned or photographed again it
has another look. docs/measurements.md has how many bits change, and how rarely two frames agree by chance.
"""

import cv2
import numpy as np

from authsvc.factors.face.measured import UInt8Array

BITS = 64
SIDE = 96
# Rows and columns of the transform: 64 waves on two diagonals, leaning every way.
WAVES = tuple((down, both - down) for both in (60, 61) for down in range(14, 46))

_DOWN, _ACROSS = np.array(WAVES).T


def look_of(luma: UInt8Array) -> int:
    """Return the look of a picture. Args: luma: uint8, shape (rows, columns)."""
    small = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return int.from_bytes(np.packbits(cv2.dct(small)[_DOWN, _ACROSS] > 0).tobytes())
