"""A camera for Chromium whose picture a test changes while it runs.

Chromium plays a file of JPEG frames, one after another, over and over, and keeps it mapped into memory. So what is
written into the file is what the camera sees next. Every frame fills a slot of the same size: filled up before its last
marker, as a JPEG may be (ITU T.81, B.1.1.2), so that a frame that is being replaced still ends where the next begins.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from authsvc.cli.drawn_face import PERSONS, draw, encode_jpeg
from authsvc.factors.face.prompts import Prompt

SLOTS = 4
SLOT_BYTES = 128 * 1024
END = b"\xff\xd9"
TURN_DEG = 18.0
ASIDE = 0.03  # of the picture's width: a head that turns on its neck moves, too
SIZE, NEAR = 0.52, 0.68  # a face's height as a fraction of the picture's

# Numbers of drawings, one for each capture. A drawing's noise moves the points by a pixel or two: these are measured
# within 3 degrees of what they show, and turn as a head does, whatever the prompts are and however they are compressed.
TAKES = (20, 58, 45, 17)

Shows = Callable[[Prompt, int], bytes]  # a JPEG of 640 x 480 that shows this, another one for each number


class FakeCamera:
    """Begins with somebody who looks straight."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(b"\x00" * SLOTS * SLOT_BYTES)
        self.show(drawn("anna")(Prompt.STRAIGHT, 0))

    @property
    def flags(self) -> list[str]:
        """What Chromium is started with; pages ask for permission as ever."""
        return ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={self.file}"]

    def show(self, frame: bytes) -> None:
        """Show this picture from now on, and hold it still. Every browser of this camera sees it."""
        assert frame.endswith(END)
        assert len(frame) <= SLOT_BYTES
        slot = frame.removesuffix(END).ljust(SLOT_BYTES - len(END), b"\xff") + END
        handle = os.open(self.file, os.O_WRONLY)
        try:
            os.pwrite(handle, slot * SLOTS, 0)
        finally:
            os.close(handle)


def drawn(person: str) -> Shows:
    """Return a drawn person who does what is asked."""
    return lambda prompt, number: _drawn(person, prompt, number)


@cache
def _drawn(person: str, prompt: Prompt, number: int) -> bytes:
    side = {Prompt.LEFT: 1, Prompt.RIGHT: -1}.get(prompt, 0)
    size = NEAR if prompt is Prompt.CLOSER else SIZE
    return encode_jpeg(draw(PERSONS[person], number, centre_x=0.5 + side * ASIDE, size=size, turn_deg=side * TURN_DEG))
