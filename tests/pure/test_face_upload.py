"""A multipart body, read in pieces of every size, with its bounds held while it streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from authsvc.factors.face.claim import NotAClaim, parse_claim
from authsvc.factors.face.pipeline.decode import FrameBounds
from authsvc.factors.face.upload import Upload, UploadRefused, read_capture

BOUNDS = FrameBounds(max_frames=4, max_frame_bytes=1000, max_pixels=10)
TYPE = "multipart/form-data; boundary=edge"
FRAMES = [b"one\r\n--ed", b"", bytes(range(256)) * 3]


def part(name: str, content: bytes, *, filename: str | None = "1.jpg") -> bytes:
    shown = f'; filename="{filename}"' if filename else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join([*parts, b"--edge--\r\n"])


CLAIM = b'{"nonce": "%s", "frames": [{"prompt": "straight", "offset_ms": 0}]}' % (b"A" * 43)
SAID = part("capture", CLAIM, filename=None)
GOOD = body(SAID, *[part("frames", frame) for frame in FRAMES])


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
    assert read(GOOD, size=size) == Upload(parse_claim(CLAIM), tuple(FRAMES))


def test_what_is_said_of_the_frames_may_come_last() -> None:
    assert read(body(part("frames", b"x"), SAID)).claim.nonce == "A" * 43


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (body(SAID, part("frames", b"x" * 1001)), "face.frame_too_large"),
        (body(SAID, *[part("frames", b"x")] * 5), "face.too_many_frames"),
        (body(part("frames", b"x")), "face.malformed_upload"),
        (body(SAID, SAID), "face.malformed_upload"),
        (body(SAID, part("vector", b"0.1,0.2")), "face.malformed_upload"),
        (body(part("capture", CLAIM + b" " * 4096)), "face.malformed_upload"),
        (body(part("capture", b"no JSON")), "face.malformed_upload"),
        (body(part("nonce", b"A" * 43), part("frames", b"x")), "face.malformed_upload"),
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
    stream = Stream(body(SAID, part("frames", b"x" * 100_000)), 500)
    with pytest.raises(UploadRefused):
        asyncio.run(read_capture(stream, TYPE, BOUNDS))
    assert stream.read < 5


def said(**changes: Any) -> bytes:
    return json.dumps({"nonce": "A" * 43, "frames": [{"prompt": "straight", "offset_ms": 0}]} | changes).encode()


def test_a_capture_says_who_signs_it() -> None:
    claim = parse_claim(said(device="fdv_x", signature="s"))
    assert (claim.device, claim.signature, claim.frames[0].prompt) == ("fdv_x", "s", "straight")


@pytest.mark.parametrize(
    "text",
    [
        said(vector=[0.1] * 128),
        said(embedding=[0.1] * 128),
        said(frames=[{"prompt": "straight", "offset_ms": 0, "embedding": [0.1] * 128}]),
        said(device="fdv_x"),
        said(signature="s"),
        said(nonce="A" * 42),
        said(nonce="A" * 44),
        said(nonce="A" * 42 + "="),
        said(nonce=7),
        said(frames=[{"prompt": "smile", "offset_ms": 0}]),
        said(frames=[{"prompt": "straight", "offset_ms": -1}]),
        said(frames=[{"prompt": "straight", "offset_ms": 1.5}]),
        said(frames=[{"prompt": "straight", "offset_ms": "1"}]),
        said(frames=[{"prompt": "straight", "offset_ms": 10**9}]),
        said(frames=[{"prompt": "straight"}]),
        said(frames=[{"prompt": "straight", "offset_ms": 0}] * 33),
        said(frames={}),
        b"[]",
        b"null",
        b"",
        b"\xff\xfe",
        b'{"nonce": NaN}',
        b"[" * 4000,
    ],
)
def test_a_vector_that_the_client_made_and_whatever_else_nobody_asked_for_is_refused(text: bytes) -> None:
    with pytest.raises(NotAClaim):
        parse_claim(text)
