"""Reads typings in the column layout of the CMU fixed-text set: one row a repetition, times in seconds.

    subject, sessionIndex, rep, H.<key> …, DD.<key>.<key> …, UD.<key>.<key> …

n holds, n - 1 press-to-press and n - 1 release-to-press times, in any order of columns as long as each kind follows the
keys; which keys, and how many, is free. Rows are ordered by session and repetition. What breaks the layout is refused
with its line and reason, and nothing of the file is used.
"""

import csv
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from authsvc.risk.keystroke.features import FloatVector, log_times
from authsvc.risk.keystroke.sample import MAX_DURATION_MS, MAX_KEYS, MIN_KEYS

IDENTITY = ("subject", "sessionIndex", "rep")
PREFIXES = ("H.", "DD.", "UD.")
MAX_S = MAX_DURATION_MS / 1000


@dataclass(frozen=True)
class Typings:
    """Features of one password by person, seconds, shape (repetitions, 3n - 2), oldest first."""

    people: Mapping[str, FloatVector]

    @property
    def keys(self) -> int:
        size: int = next(iter(self.people.values())).shape[1]
        return (size + 2) // 3

    def logs(self) -> dict[str, FloatVector]:
        """Return the log times, which profiles and the detector work on."""
        return {name: log_times(each) for name, each in self.people.items()}

    def digests(self) -> list[str]:
        """Return what tells whether the same people's typings come again, whatever they are called."""
        return sorted(hashlib.sha256(each.tobytes()).hexdigest()[:16] for each in self.people.values())


def read_typings(path: Path) -> Typings:
    """Return what the file holds.

    Raises:
        ValueError: the file breaks the layout; the text names the line.
    """
    found: dict[str, dict[tuple[int, int], list[float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            columns = _columns(header)
            for row in rows:
                if row:
                    name, place, times = _row(header, columns, row, rows.line_num)
                    if place in found.setdefault(name, {}):
                        _refuse(rows.line_num, f"session {place[0]}, repetition {place[1]} of {name} comes twice")
                    found[name][place] = times
    except (UnicodeDecodeError, csv.Error) as problem:
        raise ValueError(f"not a CSV file in UTF-8: {problem}") from None
    if not found:
        raise ValueError("line 2: there are no typings")
    return Typings({name: np.array([each[at] for at in sorted(each)]) for name, each in sorted(found.items())})


def _columns(header: Sequence[str]) -> list[int]:
    if tuple(header[:3]) != IDENTITY:
        _refuse(1, f"the first columns are not {', '.join(IDENTITY)}")
    kinds = [[n for n, name in enumerate(header) if n > 2 and name.startswith(prefix)] for prefix in PREFIXES]
    holds, presses, releases = (len(kind) for kind in kinds)
    if holds + presses + releases != len(header) - 3:
        _refuse(1, "a column is none of H.*, DD.*, UD.*")
    if not MIN_KEYS <= holds <= MAX_KEYS or presses != holds - 1 or releases != holds - 1:
        _refuse(
            1, f"{holds} H, {presses} DD and {releases} UD columns are not n, n - 1 and n - 1 of at least {MIN_KEYS}"
        )
    return [n for kind in kinds for n in kind]


def _row(
    header: Sequence[str], columns: Sequence[int], row: Sequence[str], line: int
) -> tuple[str, tuple[int, int], list[float]]:
    if len(row) != len(header):
        _refuse(line, f"{len(row)} columns instead of {len(header)}")
    if not row[0].strip():
        _refuse(line, "no subject")
    try:
        place = (int(row[1]), int(row[2]))
    except ValueError:
        _refuse(line, "sessionIndex or rep is not a whole number")
    return row[0].strip(), place, [_time(header[n], row[n], line) for n in columns]


def _time(name: str, text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        _refuse(line, f"{name} is not a number")
    if not math.isfinite(value) or abs(value) > MAX_S:
        _refuse(line, f"{name} is not a time of at most {MAX_S:g} s")
    if value < 0 and not name.startswith("UD."):
        _refuse(line, f"{name} is negative")
    return value


def _refuse(line: int, why: str) -> NoReturn:
    raise ValueError(f"line {line}: {why}")
