"""Pictures for tests: drawn faces, what is no capture, and files that are not what they say they are."""

import io
import struct
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from authsvc.cli.drawn_face import PERSONS, draw, draw_frame, encode_jpeg


@cache
def frame(person: str, number: int) -> bytes:
    return draw_frame(PERSONS[person], number)


def capture(person: str, *, first: int = 0, count: int = 3) -> list[bytes]:
    return [frame(person, number) for number in range(first, first + count)]


@cache
def two_faces() -> bytes:
    left = draw(PERSONS["anna"], 1, centre_x=0.25)
    right = draw(PERSONS["bruno"], 1, centre_x=0.75)
    return encode_jpeg(np.concatenate([left[:, :320], right[:, 320:]], axis=1))


@cache
def small_face() -> bytes:
    picture = Image.fromarray(draw(PERSONS["anna"], 1)).resize((160, 120), Image.Resampling.LANCZOS)
    wall = Image.new("RGB", (640, 480), (150, 155, 160))
    wall.paste(picture, (240, 180))
    return encode_jpeg(np.array(wall))


@cache
def no_face() -> bytes:
    return encode_jpeg(np.full((480, 640, 3), 150, np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A JPEG of a few hundred bytes whose header says 65,500 x 65,500."""
    small = saved(Image.new("L", (8, 8)), "JPEG")
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", 65_500, 65_500) + small[at + 4 :]


def segment_bomb(marker: int = 0xFE) -> bytes:
    """A JPEG whose header has more segments than any camera writes: comments, unless another marker is given."""
    small = saved(Image.new("L", (8, 8)), "JPEG")
    return small[:2] + struct.pack(">BBH", 0xFF, marker, 2) * 1000 + small[2:]


def hidden_segment_bomb() -> bytes:
    """The same inside a segment that Pillow does not step over, because it knows no such marker's length."""
    small, bomb = saved(Image.new("L", (8, 8)), "JPEG"), segment_bomb()[2:4002]
    return small[:2] + struct.pack(">BBH", 0xFF, 0xF0, len(bomb) + 2) + bomb + small[2:]


def scan_bomb() -> bytes:
    """A progressive JPEG of a few kilobytes whose last scan comes a thousand times."""
    small = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    return small[:-2] + small[small.rindex(b"\xff\xda") : -2] * 1000 + small[-2:]


def _twelve_bit() -> bytes:
    small = saved(Image.new("L", (8, 8)), "JPEG")
    at = small.index(b"\xff\xc0") + 4
    return small[:at] + b"\x0c" + small[at + 1 :]


def unreadable_headers() -> dict[str, bytes]:
    """What is refused before anything is decoded."""
    grey = Image.new("L", (64, 64), 90)
    deep = Image.fromarray(np.full((64, 64), 40_000, np.uint16))
    return {
        "empty": b"",
        "text": b"this is no image, it only says so",
        "only the magic": b"\xff\xd8\xff",
        "magic and noise": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4,
        "header cut off": saved(Image.new("RGB", (64, 64)), "JPEG")[:40],
        "CMYK": saved(Image.new("CMYK", (64, 64)), "JPEG"),
        "12-bit JPEG": _twelve_bit(),
        "a thousand comments": segment_bomb(),
        "a thousand fill bytes": b"\xff\xd8" + b"\xff" * 1000 + saved(grey, "JPEG")[2:],
        "a thousand comments behind a marker of no meaning": hidden_segment_bomb(),
        "a thousand scans": scan_bomb(),
        "16-bit PNG": saved(deep, "PNG"),
        "PNG": saved(grey, "PNG"),
        "animated GIF": saved(grey, "GIF", save_all=True, append_images=[Image.new("L", (64, 64), 200)]),
        "WebP": saved(grey, "WEBP"),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9999999' height='9999999'/>",
    }


def truncated() -> bytes:
    whole = frame("anna", 0)
    return whole[: len(whole) // 2]
