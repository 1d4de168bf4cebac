"""Typed values out of decoded TOML, and the line to name when one is wrong. Pure.

tomllib tells no lines, so the one of a refused key is looked for in the text: the header of its table, then the key.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from authsvc.accounts.levels import Level
from authsvc.risk.signals import CODES
from authsvc.settings import SettingsProblem

_NAME = re.compile(r"[a-z0-9_]{1,40}")
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]")


class PolicyRefused(SettingsProblem):
    """The policy can't be used; the message names the file, the line, the key and the reason."""


@dataclass(frozen=True)
class Reader:
    """A file's text, and its name in messages."""

    source: str
    text: str

    def top(self, values: Mapping[str, Any], known: set[str]) -> "Table":
        """Return the file as a table."""
        return _checked(Table(self, values, "", ""), known)

    def line_of(self, header: str, place: int, key: str) -> int | None:
        """Return the line of a key in the table with this header, the `place`th of that name; else the header's."""
        within, seen, at_header = not header, 0, None
        for line, content in enumerate(self.text.splitlines(), 1):
            if found := _HEADER.match(content):
                seen += found[2] == header
                within = bool(header) and found[2] == header and seen == place + 1
                at_header = line if within else at_header
                if not header and found[2] == key:
                    return line
            elif within and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", content):
                return line
        return at_header


@dataclass(frozen=True)
class Table:
    """One table of the file. `header` as it stands in brackets; `place` counts those of an array."""

    reader: Reader
    values: Mapping[str, Any]
    header: str
    path: str  # what a key begins with in messages
    place: int = 0

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def refuse(self, key: str, why: str, *, lines: int = 0) -> NoReturn:
        """Raise PolicyRefused. Args: lines further down than the key."""
        line = self.reader.line_of(self.header, self.place, key)
        where = self.reader.source if line is None else f"{self.reader.source}:{line + lines}"
        raise PolicyRefused(f"{where}: {self.path}{key}: {why}")

    def table(self, key: str, known: set[str]) -> "Table":
        found = self._get(key)
        if not isinstance(found, dict):
            self.refuse(key, "must be a table")
        return _checked(Table(self.reader, found, key, f"{key}."), known)

    def tables(self, key: str, most: int, known: set[str]) -> Iterator["Table"]:
        """Yield the tables of an array; none where it is absent."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.refuse(key, f"must be tables, each under [[{key}]]")
        if len(found) > most:
            self.refuse(key, f"at most {most}")
        for number, values in enumerate(found):
            yield _checked(Table(self.reader, values, key, f"{key}[{number + 1}].", number), known)

    def text(self, key: str, longest: int) -> str:
        found = self._get(key)
        if not isinstance(found, str) or not 0 < len(found) <= longest:
            self.refuse(key, f"must be a text of 1 to {longest} characters")
        if not all(each.isprintable() or each in "\n\t" for each in found):
            self.refuse(key, "holds a control character")
        return found

    def name(self, key: str) -> str:
        found = self.text(key, 40)
        if not _NAME.fullmatch(found):
            self.refuse(key, "must be of small letters, digits and underscores, at most 40")
        return found

    def number(self, key: str, least: float, most: float) -> float:
        found = self._get(key)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
            self.refuse(key, f"must be a number from {least:g} to {most:g}")
        return float(found)

    def count(self, key: str) -> int:
        found = self._get(key)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= 10**9:
            self.refuse(key, "must be a whole number from 0 on")
        return found

    def flag(self, key: str) -> bool:
        found = self._get(key)
        if not isinstance(found, bool):
            self.refuse(key, "must be true or false")
        return found

    def one_of(self, key: str, words: tuple[str, ...]) -> str:
        found = self._get(key)
        if found not in words:
            self.refuse(key, f"must be one of {', '.join(words)}")
        return str(found)

    def level(self, key: str) -> Level:
        return Level[self.one_of(key, tuple(level.name.lower() for level in Level if level > Level.PWD)).upper()]

    def codes(self, key: str) -> frozenset[str]:
        found = self._get(key)
        if not isinstance(found, list):
            self.refuse(key, "must be a list of reason codes")
        for code in found:
            if not isinstance(code, str) or code not in CODES:
                self.refuse(key, f"{code!r} is no reason code; known are {', '.join(sorted(CODES))}")
        return frozenset(found)

    def _get(self, key: str) -> Any:
        if key not in self.values:
            self.refuse(key, "is missing")
        return self.values[key]


def _checked(table: Table, known: set[str]) -> Table:
    for key in table.values:
        if key not in known:
            table.refuse(key, f"unknown; known are {', '.join(sorted(known))}")
    return table
