"""Read a file of lines from any byte on, and know it again.

A file is known by its size and by its first and last 64 KiB: enough to tell one export from the next, without reading
millions of lines to find out that they were read before. A change in the middle that keeps the size goes unnoticed.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

MAX_LINE = 65_536
SAMPLED = 65_536
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line that is not blank. `end` is where the next one begins; `text` is None when the line is too long."""

    number: int
    end: int
    text: bytes | None


def fingerprint(file: BufferedReader, size: int, *, read_as: str) -> bytes:
    """Return what the file is known by, together with how it is read."""
    digest = hashlib.sha256(f"{read_as}\0{size}\0".encode())
    file.seek(0)
    digest.update(file.read(SAMPLED))
    file.seek(max(0, size - SAMPLED))
    digest.update(file.read(SAMPLED))
    return digest.digest()


def read_lines(file: BufferedReader, *, place: int, line: int) -> Iterator[Line]:
    """Yield the lines from the byte `place` on; `line` is the number of the last one before it."""
    file.seek(place)
    while chunk := file.readline(MAX_LINE + 1):
        place, line = place + len(chunk), line + 1
        if len(chunk) > MAX_LINE and not chunk.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                place += len(rest)
            place += len(rest)
            yield Line(line, place, None)
            continue
        text = chunk.removeprefix(BYTE_ORDER_MARK if line == 1 else b"").strip()
        if text:
            yield Line(line, place, text)
