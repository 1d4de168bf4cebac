"""What one line of an export comes to, whatever system wrote it; and small readers of untrusted JSON. Pure.

A field of the wrong type is `import.row_malformed`, never an exception of another kind.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from authsvc.accounts.addresses import MAX_LENGTH, normalise
from authsvc.core.errors import BadInput
from authsvc.factors.password.legacy.formats import TYPED, Work, parse

MAX_NAME = 100
MAX_SOURCE_ID = 200
MAX_LOCAL = 64  # RFC 5321, 4.5.3.1.1

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One customer, as the other system knew them."""

    email: str
    email_verified: bool
    password_hash: str  # as legacy/formats.py reads it
    name: str = ""
    frozen: bool = False
    source_id: str | None = None


@dataclass(frozen=True)
class Checked:
    """A row that can be kept."""

    email: str
    name: str
    password_hash: str
    work: Work
    frozen: bool
    source_id: str | None


Map = Callable[[Fields], Row]


def read_line(text: bytes, read: Map, *, trust_addresses: bool) -> Checked:
    """Read one line of NDJSON and check all of it.

    Raises:
        BadInput: `import.not_json`, `import.row_malformed`, `import.address_invalid`, `import.address_unverified`,
            `import.no_password`, `import.hash_unsupported`, `import.hash_malformed` or `import.hash_too_costly`.
    """
    row = read(_object(text))
    try:
        email = normalised_address(row.email)
    except BadInput as problem:
        raise BadInput("import.address_invalid", "The address can't be an e-mail address.") from problem
    if not (row.email_verified or trust_addresses):
        raise BadInput("import.address_unverified", "The other system never verified this address.")
    if not row.password_hash:
        raise BadInput("import.no_password", "This customer has no password there.")
    stored = TYPED + row.password_hash if row.password_hash.startswith("$argon2") else row.password_hash
    work = parse(stored).work
    source_id = row.source_id
    if source_id is not None and not (source_id.isprintable() and len(source_id) <= MAX_SOURCE_ID):
        raise malformed("id")
    name = _name(row.name) or email.partition("@")[0][:MAX_NAME]
    return Checked(email, name, stored, work, row.frozen, source_id)


def normalised_address(written: str) -> str:
    """Return what addresses.normalise returns, sooner: most addresses of a file share a few domains.

    Raises:
        BadInput: `account.address_invalid`.
    """
    local, at, domain = written.rpartition("@")
    plain = at and domain.isascii() and "xn--" not in domain.lower() and len(written) <= MAX_LENGTH
    if plain and len(local) <= MAX_LOCAL and _ATOM.fullmatch(local) and (known := _domain(domain)):
        return f"{local.lower()}@{known}"
    return normalise(written)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str | None:
    try:
        return normalise(f"a@{domain}").partition("@")[2]
    except BadInput:
        return None


def text(fields: Fields, name: str, default: str | None = None) -> str:
    """Return a field that is text. Raises BadInput when it is not, or is missing without a default."""
    value = fields.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise malformed(name)
    return value


def flag(fields: Fields, name: str, *, default: bool) -> bool:
    """Return a field that is true or false."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise malformed(name)
    return value


def number(fields: Fields, name: str) -> int:
    """Return a field that is a whole number."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise malformed(name)
    return value


def identifier(fields: Fields, name: str) -> str | None:
    """Return a field that is text or a whole number, as text."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return None if value is None else text(fields, name)


def decoded(fields: Fields, name: str) -> bytes:
    """Return a field that is base64."""
    try:
        return base64.b64decode(text(fields, name), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise malformed(name) from problem


def nested(fields: Fields, name: str) -> Fields:
    """Return a field that is an object, or JSON text of one; empty when it is missing."""
    value = fields.get(name)
    if isinstance(value, str):
        value = _parsed(value, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(name)
    return value


def malformed(name: str) -> BadInput:
    return BadInput("import.row_malformed", f"The field {name} is missing, or not what it should be.")


def _object(line: bytes) -> Fields:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as problem:  # not JSON, not UTF-8, or nested without end
        raise BadInput("import.not_json", "The line is not JSON.") from problem
    if not isinstance(value, dict):
        raise BadInput("import.not_json", "The line is not a JSON object.")
    return value


def _parsed(value: str, name: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as problem:
        raise malformed(name) from problem


def _name(given: str) -> str:
    """Return a name that can be shown: without control characters, with single blanks, not too long."""
    shown = "".join(character if character.isprintable() else " " for character in given)
    return " ".join(shown.split())[:MAX_NAME].rstrip()
