"""Which of the found faces a frame is about. Pure.

A face is looked for twice, because the search's cost is the number of pixels:

1. In the frame reduced to FIRST_PX on its longer side; there the detector finds faces of a fifth of that and more.
2. Where there is none, in the frame reduced to SECOND_PX: faces of a ninth.

What is found nowhere, or only in a third search of twice that size, is refused. Of several faces the largest is meant,
when no other has more than COMPARABLE of its width; somebody in the background is no reason to refuse, two side by
side are, since nobody can say whose capture it is.

Limits: two faces at the edge of what the first search finds may be seen as one. The same face in all frames is asked
for later, so at worst a capture is refused that could have been told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from authsvc.factors.face.measured import UInt8Array

FIRST_PX = 320
SECOND_PX = 640
# dlib's window is 80 pixels with a margin around the face: its smallest answer is 72, its sizes are 1.2 apart.
MIN_FOUND_PX = 70
COMPARABLE = 0.6


@dataclass(frozen=True)
class Box:
    """Where a face is, in pixels of the whole frame."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    def scaled(self, factor: float) -> "Box":
        return Box(*(round(edge * factor) for edge in (self.left, self.top, self.right, self.bottom)))


def one_face(found: Sequence[Box]) -> Box | str:
    """Return the face that is meant, or the code of a refusal. Args: found: not empty."""
    largest, *others = sorted(found, key=lambda box: box.width, reverse=True)
    if any(other.width > COMPARABLE * largest.width for other in others):
        return "face.two_faces"
    return largest


def reduction(image: UInt8Array, longest_px: int) -> float:
    """Return by how much a frame is divided for a search; never enlarged."""
    return max(1.0, float(max(image.shape[:2])) / longest_px)
