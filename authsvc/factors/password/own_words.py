"""What somebody who knows a person and the shop would try first: the account's own words. Pure.

The address and its parts, the name and its parts, the names of this service and of the shop.
"""

import re
from collections.abc import Iterable

MIN_WORD = 3  # shorter ones stand in too many good passwords

_PARTS = re.compile(r"[^\W_]+")


def own_words(email: str, *names: str | None) -> tuple[str, ...]:
    """Return the words, in lower case, each once. Args: names of the person, the service, the shop."""
    local, _, domain = email.partition("@")
    wholes = [email, local, domain, *(name for name in names if name)]
    squeezed = ["".join(_PARTS.findall(whole)) for whole in wholes]
    parts = [part for whole in wholes for part in _PARTS.findall(whole)]
    return tuple(_once(word.casefold() for word in (*wholes, *squeezed, *parts)))


def _once(words: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(word for word in words if len(word) >= MIN_WORD)
