"""Read a capture from a multipart body as it streams in, holding every bound while it does.

Starlette's own form parser bounds the fields but not the files, and writes files above a megabyte to disk; frames are
never written anywhere. So python-multipart, which is beneath it too, is driven here directly: frames stay in memory,
and the first byte above a bound ends the reading. At most max_frames x max_frame_bytes are held. Pure: the stream is an
argument.

    capture   one field, JSON, at most CLAIM_BYTES: what the app says of its frames (claim.py)
    frames    files, in the order in which they were taken

Anything else in the body is refused.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from authsvc.factors.face.claim import CLAIM_BYTES, Claim, NotAClaim, parse_claim
from authsvc.factors.face.pipeline.decode import FrameBounds


class UploadRefused(Exception):
    """The body is no capture, or passes a bound; `code` is one of refusals.py."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Upload:
    """One capture as it was sent."""

    claim: Claim
    frames: tuple[bytes, ...]


async def read_capture(stream: AsyncIterable[bytes], content_type: str, bounds: FrameBounds) -> Upload:
    """Return the capture in a multipart/form-data body.

    Raises:
        UploadRefused: at the first byte that shows it.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UploadRefused("face.malformed_upload")
    reader = _Reader(bounds)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": reader.begin_part,
                "on_header_field": reader.header_name,
                "on_header_value": reader.header_value,
                "on_header_end": reader.end_header,
                "on_headers_finished": reader.end_headers,
                "on_part_data": reader.data,
                "on_end": reader.end,
            },
        )
        async for chunk in stream:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as problem:
        raise UploadRefused("face.malformed_upload") from problem
    return reader.upload()


class _Reader:
    """What has been read so far."""

    def __init__(self, bounds: FrameBounds) -> None:
        self._bounds = bounds
        self._claim: bytearray | None = None
        self._frames: list[bytearray] = []
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._part = bytearray()
        self._limit, self._passed = 0, ""
        self._ended = False

    def begin_part(self) -> None:
        self._disposition = b""

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        name, self._part = options.get(b"name"), bytearray()
        if name == b"capture" and self._claim is None:
            self._claim, self._limit, self._passed = self._part, CLAIM_BYTES, "face.malformed_upload"
        elif name == b"frames":
            if len(self._frames) == self._bounds.max_frames:
                raise UploadRefused("face.too_many_frames")
            self._frames.append(self._part)
            self._limit, self._passed = self._bounds.max_frame_bytes, "face.frame_too_large"
        else:
            raise UploadRefused("face.malformed_upload")

    def data(self, data: bytes, start: int, end: int) -> None:
        if len(self._part) + end - start > self._limit:
            raise UploadRefused(self._passed)
        self._part.extend(data[start:end])

    def end(self) -> None:
        self._ended = True

    def upload(self) -> Upload:
        if not self._ended or self._claim is None:
            raise UploadRefused("face.malformed_upload")
        try:
            claim = parse_claim(bytes(self._claim))
        except NotAClaim as problem:
            raise UploadRefused("face.malformed_upload") from problem
        return Upload(claim, tuple(bytes(frame) for frame in self._frames))
