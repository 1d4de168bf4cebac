"""Is a password known from breaches? Looks into the SHA-1 file of Have I Been Pwned, offline.

The file is what the HIBP downloader writes: lines `HASH:COUNT` in the order of their hashes, some 40 GB. It is searched
by halves, with reads of 128 bytes at byte offsets: some forty of them a password, nothing loaded, nothing cached but by
the system. Lines end in LF or CRLF; hashes may be in upper or lower case.

Looked at once at start: the first line, the last, and lines in between must be readable and in order, so that another
kind of file (NTLM, or ordered by count) refuses to start rather than finds nothing for ever. Replace the file by
renaming a new one over it, and start anew: the open one stays what it was.
"""

import hashlib
import os
import re
from pathlib import Path

from authsvc.settings import SettingsProblem

SETTING = "AUTHSVC_PASSWORD__BREACHED_FILE"
LONGEST_LINE = 64  # 40 digits, a colon, a count, CR and LF
PROBES = 256

_LINE = re.compile(rb"([0-9A-Fa-f]{40}):([0-9]{1,12})\r?", re.ASCII)


class DamagedFile(Exception):
    """The file can't be read here, or a line of it is none."""


class HibpFile:
    """An open file of breached passwords."""

    def __init__(self, path: Path) -> None:
        """Open and look at it. Raises OSError, DamagedFile."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._file).st_size
        try:
            self._look_at()
        except DamagedFile:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._file)

    def __contains__(self, password: str) -> bool:
        """Return whether the password was seen in a breach. Raises DamagedFile."""
        return self.count(hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest()) > 0

    def count(self, sha1_hex: str) -> int:
        """Return how often breaches had the password with this hash; 0 when none had."""
        wanted = sha1_hex.upper().encode()
        low, high = 0, self._size  # the line begins in [low, high)
        while low < high:
            middle = (low + high) // 2
            begin, end, found, count = self._line_from(middle)
            if begin >= high or found > wanted:
                high = middle
            elif found < wanted:
                low = end
            else:
                return count
        return 0

    def _look_at(self) -> None:
        offsets = [self._size * probe // PROBES for probe in range(PROBES)]
        before = b""
        for offset in sorted({*offsets, max(self._size - LONGEST_LINE, 0)}):
            begin, _, found, _ = self._line_from(offset)
            if begin < self._size and found < before:
                raise DamagedFile(f"it is not in the order of its hashes at byte {begin}")
            before = max(before, found)
        if not before:
            raise DamagedFile("it is empty")

    def _line_from(self, offset: int) -> tuple[int, int, bytes, int]:
        """Return (begin, end, hash, count) of the first line that begins at `offset` or after; begin is the file's
        size where there is none."""
        try:
            read = os.pread(self._file, 2 * LONGEST_LINE, max(offset - 1, 0))
        except OSError as problem:
            raise DamagedFile(f"it can't be read at byte {offset}: {problem.strerror}") from problem
        skipped = read.find(b"\n") + 1 if offset else 0
        if (offset and not skipped) or skipped == len(read):
            if max(offset - 1, 0) + len(read) < self._size:
                raise DamagedFile(f"byte {offset} is in no line like HASH:COUNT")
            return self._size, self._size, b"", 0
        line = read[skipped:].split(b"\n", 1)[0]
        parsed = _LINE.fullmatch(line)
        if parsed is None:
            raise DamagedFile(f"byte {offset} is in no line like HASH:COUNT")
        begin = max(offset - 1, 0) + skipped
        return begin, begin + len(line) + 1, parsed[1].upper(), int(parsed[2])


def open_hibp(path: Path | None) -> HibpFile | None:
    """Open the file that the settings name, if they name one.

    Raises:
        SettingsProblem: it can't be read, or is no such file.
    """
    if path is None:
        return None
    try:
        return HibpFile(path)
    except (OSError, DamagedFile) as problem:
        raise SettingsProblem(
            f"authsvc can't start:\n  {SETTING}: {path}: {problem} (the SHA-1 file of the Pwned Passwords downloader, "
            "ordered by hash; leave the variable empty to do without)"
        ) from problem
