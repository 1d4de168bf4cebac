"""Read what a JPEG says about itself, before anything decodes it: size, colours, which way is up. Pure.

One walk over the segments (ITU-T T.81, annex B) until the first scan. Of the metadata only the orientation is looked at
(EXIF 2.32, tag 0x0112), and none of it reaches a decoder: `picture_of` leaves out what the pixels don't need.

1. It begins as a JPEG does (SOI), and what follows are segments that say their length, at most MAX_SEGMENTS: a
   reader's work grows with their number, not with the pixels. What a decoder would pass over must not hide one from us.
2. Exactly one frame header, of a kind that cameras write: baseline, extended or progressive with Huffman codes, 8 bits
   a sample, one component (grey) or three, and a width and a height. CMYK and 12-bit files come from presses and
   scanners, and their colours would be guessed.
3. At most MAX_SCANS scans: probed with Pillow 12, a progressive file of 30 kB with 1,000 scans took 6 s to decode.

Limits: a corrupt table or a scan that ends early only shows when it is decoded. What comes after the first picture (a
gain map, a second picture of an MPO) is not looked at.
"""

import struct
from dataclasses import dataclass

START_OF_IMAGE = b"\xff\xd8\xff"
START_OF_SCAN = b"\xff\xda"
APP1, APP14 = 0xE1, 0xEE
FRAME_HEADERS = (0xC0, 0xC1, 0xC2)
# Quantisation and Huffman tables, restart interval: what a decoder needs beside the frame header. And Adobe's word on
# whether three components are RGB.
NEEDED = (*FRAME_HEADERS, 0xC4, 0xDB, 0xDD, APP14)
SEGMENTS = frozenset((*NEEDED, 0xFE, *range(0xE0, 0xF0)))
MAX_SEGMENTS = 256  # a camera writes a dozen; a profile or a note of its maker takes one for each 64 kB
MAX_SCANS = 16  # a camera writes one, libjpeg's progressive script ten
BITS = 8
COMPONENTS = (1, 3)
EXIF = b"Exif\0\0"
ORIENTATION = 0x0112
MAX_EXIF_ENTRIES = 256  # phones write some twenty in the first directory


class NotAnImage(Exception):
    """The bytes are no JPEG that a camera writes."""


@dataclass(frozen=True)
class JpegHeader:
    """What a JPEG declares. `orientation`: 1 to 8 as EXIF has it, 1 where nothing sensible is said."""

    width: int
    height: int
    orientation: int
    scan_at: int
    needed: tuple[tuple[int, int], ...]


def read_header(frame: bytes) -> JpegHeader:
    """Return what the JPEG declares.

    Raises:
        NotAnImage: see the class.
    """
    if not frame.startswith(START_OF_IMAGE):
        raise NotAnImage("no start of image")  # 1
    place, size, orientation = 2, None, None
    needed: list[tuple[int, int]] = []
    for _ in range(MAX_SEGMENTS):
        if frame.startswith(START_OF_SCAN, place):
            if size is None:
                raise NotAnImage("a scan without a frame header")
            if frame.count(START_OF_SCAN, place) > MAX_SCANS:  # in coded data 0xFF is never followed by 0xDA
                raise NotAnImage("more scans than a camera writes")  # 3
            return JpegHeader(*size, orientation or 1, place, tuple(needed))
        if len(frame) < place + 4 or frame[place] != 0xFF or frame[place + 1] not in SEGMENTS:
            break
        marker, end = frame[place + 1], place + 2 + int.from_bytes(frame[place + 2 : place + 4])
        if marker in FRAME_HEADERS:
            if size is not None:
                raise NotAnImage("two frame headers")
            size = _size_of(frame[place + 4 : end])  # 2
        if marker == APP1 and orientation is None:
            orientation = _orientation_of(frame[place + 4 : end])
        if marker in NEEDED:
            needed.append((place, end))
        place = end
    raise NotAnImage("no header that a camera writes")


def picture_of(frame: bytes, header: JpegHeader) -> bytes:
    """Return the same picture without metadata: what a decoder is given."""
    return b"".join([frame[:2], *(frame[start:end] for start, end in header.needed), frame[header.scan_at :]])


def _size_of(segment: bytes) -> tuple[int, int]:
    if len(segment) < 6:
        raise NotAnImage("a frame header that is cut off")
    bits, height, width, components = struct.unpack(">BHHB", segment[:6])
    if bits != BITS or components not in COMPONENTS or not width or not height:
        raise NotAnImage(f"{components} components of {bits} bits, {width} x {height}")
    return width, height


def _orientation_of(segment: bytes) -> int | None:
    """Return the orientation that an EXIF segment's first directory names; None when it names none that exists."""
    exif = segment[len(EXIF) :]
    if not segment.startswith(EXIF) or exif[:2] not in (b"II", b"MM"):
        return None
    order = "<" if exif.startswith(b"II") else ">"
    try:
        magic, start = struct.unpack_from(order + "HI", exif, 2)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for number in range(min(entries, MAX_EXIF_ENTRIES)):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if (magic, kind, count) == (42, 3, 1) and 1 <= value <= 8 else None
    except struct.error:  # it ends early
        pass
    return None
