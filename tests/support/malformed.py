"""Two hundred and more files that are no capture, each wrong in its own way. Small, so that refusing them is quick."""

import io
import struct
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image

from tests.support.pictures import bomb, hidden_segment_bomb, saved, scan_bomb, segment_bomb, unreadable_headers

SOI, SOF, DHT, DQT, SOS, APP1 = b"\xff\xd8", b"\xff\xc0", b"\xff\xc4", b"\xff\xdb", b"\xff\xda", b"\xff\xe1"
SIDES = (0, 1, 7, 2001, 30_000, 65_500, 65_535)


@cache
def malformed() -> dict[str, bytes]:
    """Return them by what is wrong with them."""
    made: dict[str, bytes] = {}
    for name, content in (*_cut_off(), *_sizes(), *_other_kinds(), *_tables(), *_segments(), *_exif(), *_noise()):
        assert name not in made, name
        made[name] = content
    made |= {f"header: {name}": content for name, content in unreadable_headers().items()}
    return made


@cache
def plain() -> bytes:
    """Return a whole JPEG without a face: 96 x 72, every kind of detail."""
    return saved(Image.fromarray(_pixels((72, 96, 3))), "JPEG", quality=85)


@cache
def progressive() -> bytes:
    return saved(Image.fromarray(_pixels((72, 96, 3))), "JPEG", quality=85, progressive=True)


def _pixels(shape: tuple[int, ...], kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(7).integers(0, np.iinfo(kind).max, shape, kind)


def _cut_off() -> Iterator[tuple[str, bytes]]:
    for kind, whole in (("baseline", plain()), ("progressive", progressive())):
        for part in range(40):
            yield f"{kind}, {part}/40 of it", whole[: len(whole) * part // 40]
    whole = plain()
    for marker in (SOF, DHT, DQT, SOS):
        for more in (0, 1, 2, 3, 5, 9):
            yield f"ends {more} bytes after {marker.hex()}", whole[: whole.index(marker) + more]


def _sizes() -> Iterator[tuple[str, bytes]]:
    for width in SIDES:
        for height in SIDES:
            if not (width == height == 7):
                yield f"says {width} x {height}", _with_size(plain(), width, height)
    yield "a bomb", bomb()


def _other_kinds() -> Iterator[tuple[str, bytes]]:
    grey, colour = Image.fromarray(_pixels((64, 64))), Image.fromarray(_pixels((64, 64, 3)))
    deep = Image.fromarray(_pixels((64, 64), np.uint16))
    for kind in ("PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO", "TGA", "JPEG2000", "PCX", "DIB", "SGI"):
        yield f"{kind} in colour", saved(colour, kind)
        yield f"{kind} in grey", saved(grey, kind)
    yield "16-bit TIFF", saved(deep, "TIFF")
    yield "16-bit JPEG 2000", saved(deep, "JPEG2000")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        yield f"animated {kind}", saved(grey, kind, save_all=True, append_images=[grey.rotate(90), grey.rotate(180)])
    yield "CMYK", saved(colour.convert("CMYK"), "JPEG")
    yield "CMYK, progressive", saved(colour.convert("CMYK"), "JPEG", progressive=True)
    yield "two components", _patched(plain(), plain().index(SOF) + 9, 2)
    yield "PDF", saved(colour, "PDF")
    yield "MPO of CMYK", saved(colour.convert("CMYK"), "MPO", save_all=True, append_images=[colour.convert("CMYK")])
    for bits in (1, 4, 7, 9, 12, 16, 255):
        yield f"{bits} bits a sample", _patched(plain(), plain().index(SOF) + 4, bits)
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        yield f"frame header {marker:x}", _patched(plain(), plain().index(SOF) + 1, marker)


def _tables() -> Iterator[tuple[str, bytes]]:
    whole = plain()
    at = whole.index(DHT)
    for offset in range(5, 21):
        yield f"Huffman code counts, byte {offset}", _patched(whole, at + offset, 255)
    for value in (0, 1, 17, 255):
        yield f"Huffman symbols all {value}", whole[: at + 21] + bytes([value]) * 12 + whole[at + 33 :]
    yield "no Huffman tables", _without(whole, DHT)
    yield "no quantisation tables", _without(whole, DQT)
    yield "quantisation all zero", whole[: whole.index(DQT) + 5] + bytes(64) + whole[whole.index(DQT) + 69 :]
    yield "Huffman table number 255", _patched(whole, at + 4, 255)
    yield "sampling of zero", _patched(whole, whole.index(SOF) + 11, 0)
    yield "sampling of fifteen", _patched(whole, whole.index(SOF) + 11, 255)
    yield "scan of a component that is not there", _patched(whole, whole.index(SOS) + 5, 99)
    yield "scan of no component", _patched(whole, whole.index(SOS) + 4, 0)


def _segments() -> Iterator[tuple[str, bytes]]:
    whole = plain()
    for marker in (SOF, DHT, DQT):
        for length in (0, 1, 2, 3, 65_535):
            at = whole.index(marker)
            yield f"{marker.hex()} of length {length}", whole[: at + 2] + struct.pack(">H", length) + whole[at + 4 :]
    frame_header = whole[whole.index(SOF) : whole.index(SOF) + 19]
    yield "two frame headers", whole.replace(frame_header, frame_header * 2)
    yield (
        "a second frame header that is larger",
        whole.replace(frame_header, frame_header + _with_size(frame_header, 65_500, 65_500)),
    )
    yield "no frame header", whole.replace(frame_header, b"")
    yield "a thousand comments", segment_bomb()
    yield "a thousand profiles", segment_bomb(0xE2)
    yield "hidden segments", hidden_segment_bomb()
    yield "a thousand scans", scan_bomb()


def _exif() -> Iterator[tuple[str, bytes]]:
    """Metadata that asks a reader for more than there is; the picture itself is whole, and shows no face."""
    tiff = b"Exif\0\0MM\0*"
    entry = struct.pack(">HHII", 0x010E, 2, 0xFFFFFFFF, 0)
    loop = struct.pack(">I", 8) + struct.pack(">H", 1) + struct.pack(">HHII", 0x8769, 4, 1, 8) + struct.pack(">I", 8)
    yield "EXIF: 65,535 entries", _with_app1(tiff + struct.pack(">IH", 8, 65_535) + entry * 5000)
    yield "EXIF: 65,535 entries, none there", _with_app1(tiff + struct.pack(">IH", 8, 65_535))
    yield "EXIF: a directory within itself", _with_app1(tiff + loop)
    yield "EXIF: a directory beyond the end", _with_app1(tiff + struct.pack(">I", 0xFFFFFFF0))
    yield "EXIF: cut off", _with_app1(tiff[:8])
    yield "EXIF: no byte order", _with_app1(b"Exif\0\0XX" + bytes(100))
    yield "EXIF: orientation 9", _with_app1(tiff + _orientation(9))
    yield "EXIF: orientation as text", _with_app1(tiff + _orientation(6, kind=2))
    yield "EXIF: orientation a million times", _with_app1(tiff + _orientation(6, count=1_000_000))
    yield "EXIF: sixteen segments of it", _with_app1(tiff + struct.pack(">IH", 8, 5000) + entry * 5000, times=16)
    yield "XMP of entities", _with_app1(b"http://ns.adobe.com/xap/1.0/\0<!ENTITY a '&a;&a;'>" + b"&a;" * 15_000)


def _noise() -> Iterator[tuple[str, bytes]]:
    noise = np.random.default_rng(11)
    for size in (1, 2, 3, 4, 16, 1000, 100_000):
        yield f"{size} zeros", bytes(size)
        yield f"a start and {size} bytes of 0xFF", SOI + b"\xff" * size
        yield f"a start and {size} random bytes", SOI + b"\xff" + noise.bytes(size)
    whole = plain()
    scan = whole.index(SOS) + 14
    for number in range(10):
        spoiled = bytearray(whole)
        for at in noise.integers(scan, len(whole) - 2, 20):
            spoiled[at] = noise.integers(0, 256)
        yield f"spoiled scan {number}", bytes(spoiled)


def _with_size(frame: bytes, width: int, height: int) -> bytes:
    at = frame.index(SOF) + 5
    return frame[:at] + struct.pack(">HH", height, width) + frame[at + 4 :]


def _with_app1(content: bytes, *, times: int = 1) -> bytes:
    segment = APP1 + struct.pack(">H", len(content) + 2) + content
    return plain()[:2] + segment * times + plain()[2:]


def _orientation(value: int, *, kind: int = 3, count: int = 1) -> bytes:
    return struct.pack(">IHHHIHHI", 8, 1, 0x0112, kind, count, value, 0, 0)


def _patched(frame: bytes, at: int, value: int) -> bytes:
    return frame[:at] + bytes([value]) + frame[at + 1 :]


def _without(frame: bytes, marker: bytes) -> bytes:
    rest = io.BytesIO()
    while marker in frame:
        at = frame.index(marker)
        rest.write(frame[:at])
        frame = frame[at + 2 + int.from_bytes(frame[at + 2 : at + 4]) :]
    return rest.getvalue() + frame
