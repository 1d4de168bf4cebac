"""The texts that ship in the package, read by the same rules as a client's own."""

from functools import cache
from importlib.resources import files

from authsvc.core.letters.letter import Letter, read_letter


@cache
def shipped_letter(kind_name: str) -> Letter:
    """Return our own text of a kind."""
    name = f"{kind_name}.txt"
    return read_letter(kind_name, (files("authsvc.core.letters") / "texts" / name).read_bytes(), source=name)
