"""Whatever is done to a JPEG, looking at it never raises: it gives the declared size and upright pixels, or NotAnImage.

The seeds are whole pictures with every kind of segment; hypothesis overwrites, cuts out, doubles and shuffles their
bytes. A decoder that crashes ends the test run, which is a finding too.
"""

from functools import cache

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames, decode
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage, picture_of, read_header
from authsvc.factors.face.refusals import UNUSABLE
from tests.support.pictures import saved

BOUNDS = FrameBounds(max_frames=8, max_frame_bytes=100_000, max_pixels=100_000)
EXAMPLES = 400

# Places that are tried more often: markers and lengths of segments, and the numbers behind them.
MARKERS = [bytes([0xFF, code]) for code in (*range(0xC0, 0xD0), *range(0xD0, 0xE3), 0xEE, 0xFE, 0x00, 0xFF)]


@cache
def seeds() -> tuple[bytes, ...]:
    colour = Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 56, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    return (
        saved(colour, "JPEG"),
        saved(colour, "JPEG", progressive=True, exif=exif),
        saved(colour.convert("L"), "JPEG", restart_marker_blocks=2, comment=b"grey"),
        saved(colour, "JPEG", subsampling=2, exif=exif, icc_profile=bytes(300)),
    )


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(st.sampled_from(("byte", "marker", "length", "cut", "double", "insert", "end"))):
            case "byte":
                content[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "marker":
                content[at : at + 2] = draw(st.sampled_from(MARKERS))
            case "length":
                content[at : at + 2] = draw(st.integers(0, 65_535)).to_bytes(2)
            case "cut":
                del content[at : at + draw(st.integers(1, 64))]
            case "double":
                content[at:at] = content[at : at + draw(st.integers(1, 200))]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=40))
            case "end":
                del content[max(at, 2) :]
    return bytes(content)


@given(mutated())
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_a_mutated_picture_is_decoded_as_declared_or_refused(frame: bytes) -> None:
    refusal = check_frames([frame] * 3, BOUNDS)
    if refusal is not None:
        assert refusal.code in UNUSABLE
        return
    header = read_header(frame)
    assert header.width * header.height <= BOUNDS.max_pixels
    try:
        pixels = decode(frame)
    except NotAnImage:
        return
    sideways = header.orientation >= 5
    declared = (header.width, header.height) if sideways else (header.height, header.width)
    assert pixels.shape == (*declared, 3)
    assert pixels.dtype == np.uint8
    # What a decoder is given is itself such a picture, and has nothing left to leave out.
    bare = picture_of(frame, header)
    assert picture_of(bare, read_header(bare)) == bare


@given(st.binary(max_size=400))
@settings(max_examples=EXAMPLES, deadline=None)
def test_bytes_of_any_kind_are_refused(rest: bytes) -> None:
    for frame in (rest, b"\xff\xd8\xff" + rest):
        refusal = check_frames([frame] * 3, BOUNDS)
        assert refusal is None or refusal.code in UNUSABLE
