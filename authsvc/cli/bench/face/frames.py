"""The frames that are measured: the operator's, or drawn ones."""

from collections.abc import Sequence
from pathlib import Path

from authsvc.cli.drawn_face import PERSONS, draw_frame

FRAMES = 3


def frames_of(folder: Path | None) -> Sequence[bytes]:
    """Return FRAMES frames of one face, 640 x 480 when they are drawn.

    Raises:
        ValueError: the folder has too few.
    """
    if folder is None:
        return [draw_frame(PERSONS["anna"], number) for number in range(FRAMES)]
    files = sorted(folder.glob("*.jpg"))[:FRAMES]
    if len(files) < FRAMES:
        raise ValueError(f"{folder} has fewer than {FRAMES} .jpg files")
    return [file.read_bytes() for file in files]
