"""The frames that are measured: the operator's, or drawn ones."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.factors.face.prompts import Prompt

FRAMES = 3
TURN_DEG = 15.0
CLOSER = 0.68  # a face's height as a fraction of the picture's, instead of USUAL
USUAL = 0.52


def frames_of(folder: Path | None) -> Sequence[bytes]:
    """Return FRAMES frames of one face, 640 x 480 when they are drawn.

    Raises:
        NotMeasured: the folder has too few.
    """
    if folder is None:
        return [draw_frame(PERSONS["anna"], number) for number in range(FRAMES)]
    files = sorted(folder.glob("*.jpg"))[:FRAMES]
    if len(files) < FRAMES:
        raise NotMeasured(f"{folder} has fewer than {FRAMES} .jpg files")
    return [file.read_bytes() for file in files]


@cache
def posed_frame(name: str, number: int, prompt: Prompt) -> bytes:
    """Return a frame of a drawn person who does what a prompt asks for; drawing one takes longer than sending it."""
    turn_deg = {Prompt.LEFT: TURN_DEG, Prompt.RIGHT: -TURN_DEG}.get(prompt, 0.0)
    return draw_frame(PERSONS[name], number, size=CLOSER if prompt is Prompt.CLOSER else USUAL, turn_deg=turn_deg)
