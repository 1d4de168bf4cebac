"""Searching a file of breached passwords that is too large to load: generated here, looked through by another way."""

import bisect
import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from authsvc.factors.password import hibp_file
from authsvc.factors.password.hibp_file import DamagedFile, HibpFile, open_hibp
from authsvc.settings import SettingsProblem

KNOWN = "a password from a breach"

Write = Callable[..., Path]


def digest(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest().upper()


def lines_with(*passwords: str, others: int = 2000, seed: int = 1) -> list[str]:
    noise = random.Random(seed)
    hashes = {digest(each) for each in passwords} | {noise.randbytes(20).hex().upper() for _ in range(others)}
    return [f"{each}:{noise.choice((1, 7, 52_372, 37_359_195))}" for each in sorted(hashes)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(lines: list[str], *, end: str = "\n", last: str | None = None, lower: bool = False) -> Path:
        path = tmp_path / "pwned.txt"
        text = end.join(lines) + (end if last is None else last)
        path.write_bytes((text.lower() if lower else text).encode())
        return path

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [None, ""])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("others", [0, 1, 2, 3, 2000])
def test_every_line_is_found_and_nothing_else(
    write: Write, end: str, last: str | None, lower: bool, others: int
) -> None:
    lines = lines_with(KNOWN, others=others)
    file = HibpFile(write(lines, end=end, last=last, lower=lower))
    for line in lines:
        known, _, count = line.partition(":")
        assert file.count(known) == int(count)
    hashes = [line[:40] for line in lines]
    noise = random.Random(2)
    for _ in range(500):
        other = noise.randbytes(20).hex()
        index = bisect.bisect_left(hashes, other.upper())
        assert index == len(hashes) or hashes[index] != other.upper()
        assert file.count(other) == 0
    assert file.count("0" * 40) == file.count("F" * 40) == 0
    assert KNOWN in file
    assert "never seen anywhere" not in file
    file.close()


def test_a_search_reads_little(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = HibpFile(write(lines_with(KNOWN, others=50_000)))
    reads: list[int] = []

    def counted(descriptor: int, length: int, offset: int, *, real: Callable[..., bytes] = os.pread) -> bytes:
        reads.append(length)
        return real(descriptor, length, offset)

    monkeypatch.setattr(hibp_file.os, "pread", counted)
    assert KNOWN in file
    assert "never seen anywhere" not in file
    assert max(reads) <= 128
    assert len(reads) <= 2 * 23  # twice the logarithm of 2.2 million bytes, and a little


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "no line like"),
        (["not a list of hashes"], "no line like"),
        ([f"{'8846F7EAEE8FB117AD06BDD830B7586C'}:7"] * 3, "no line like"),  # NTLM: 32 digits
        ([f"{digest('a')}"], "no line like"),
        (sorted(lines_with(KNOWN), key=lambda line: line[41:]), "not in the order"),  # ordered by count
        (list(reversed(lines_with(KNOWN))), "not in the order"),
        ([*lines_with(KNOWN), "x" * 500], "no line like"),
        (["x" * 500, *lines_with(KNOWN)], "no line like"),
    ],
)
def test_another_kind_of_file_refuses_to_start(write: Write, lines: list[str], problem: str) -> None:
    path = write(lines)
    with pytest.raises(SettingsProblem) as refusal:
        open_hibp(path)
    text = str(refusal.value)
    assert problem in text
    assert "AUTHSVC_PASSWORD__BREACHED_FILE" in text
    assert "ordered by hash" in text


def test_an_empty_or_missing_file_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    for path in (tmp_path / "empty.txt", tmp_path / "missing.txt", tmp_path):
        with pytest.raises(SettingsProblem):
            open_hibp(path)
    assert open_hibp(None) is None


def test_a_file_that_is_damaged_later_is_no_file_that_knows_nothing(write: Write) -> None:
    path = write(lines_with(KNOWN))
    file = HibpFile(path)
    path.write_bytes(b"\x00" * path.stat().st_size)
    with pytest.raises(DamagedFile):
        _ = KNOWN in file


def test_a_file_cut_short_later_is_damaged_too(write: Write) -> None:
    path = write(lines_with(KNOWN))
    file = HibpFile(path)
    os.truncate(path, path.stat().st_size // 3)
    with pytest.raises(DamagedFile):
        for number in range(50):
            _ = f"{number}" in file
