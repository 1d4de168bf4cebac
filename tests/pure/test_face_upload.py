"""A multipart body, read in pieces of every size, with its bounds held while it streams."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from authsvc.factors.face.frames import FrameBounds
from authsvc.factors.face.upload import Upload, UploadRefused, read_capture

BOUNDS = FrameBounds(max_frames=4, max_frame_bytes=1000, max_pixels=10)
TYPE = "multipart/form-data; boundary=edge"
FRAMES = [b"one\r\n--ed", b"", bytes(range(256)) * 3]


def part(name: str, content: bytes, *, filename: str | None = "1.jpg") -> bytes:
    shown = f'; filename="{filename}"' if filename else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join([*parts, b"--edge--\r\n"])


NONCE = part("nonce", b"n0nce", filename=None)
GOOD = body(NONCE, *[part("frames", frame) for frame in FRAMES])


class Stream:
    """The body in pieces; remembers how many were asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        self.pieces = [content[at : at + size] for at in range(0, len(content), size)]
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece


def read(content: bytes, *, content_type: str = TYPE, size: int = 64) -> Upload:
    return asyncio.run(read_capture(Stream(content, size), content_type, BOUNDS))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 5000])
def test_a_capture_is_read_whatever_the_pieces(size: int) -> None:
    assert read(GOOD, size=size) == Upload("n0nce", tuple(FRAMES))


def test_the_nonce_may_come_last() -> None:
    assert read(body(part("frames", b"x"), NONCE)).nonce == "n0nce"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (body(NONCE, part("frames", b"x" * 1001)), "face.frame_too_large"),
        (body(NONCE, *[part("frames", b"x")] * 5), "face.too_many_frames"),
        (body(part("frames", b"x")), "face.malformed_upload"),
        (body(NONCE, NONCE), "face.malformed_upload"),
        (body(NONCE, part("vector", b"0.1,0.2")), "face.malformed_upload"),
        (body(part("nonce", b"n" * 101)), "face.malformed_upload"),
        (GOOD[:-20], "face.malformed_upload"),
        (b"", "face.malformed_upload"),
        (b"no multipart at all", "face.malformed_upload"),
        (b"--edge\r\nX: " + b"y" * 100_000, "face.malformed_upload"),
        (b"--edge\r\nNo-Disposition: x\r\n\r\nx\r\n--edge--\r\n", "face.malformed_upload"),
    ],
)
def test_another_body_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        read(content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 300]
)
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(UploadRefused):
        read(GOOD, content_type=content_type)


def test_reading_stops_at_the_bound() -> None:
    stream = Stream(body(NONCE, part("frames", b"x" * 100_000)), 500)
    with pytest.raises(UploadRefused):
        asyncio.run(read_capture(stream, TYPE, BOUNDS))
    assert stream.read < 5
