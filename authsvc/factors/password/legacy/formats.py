"""Read the password hashes of other systems, and bound what checking one may cost. Pure.

    $2a$ $2b$ $2y$          bcrypt
    $wp$2y$                 WordPress 6.8: bcrypt of base64(HMAC-SHA-384(password, "wp-sha384"))
    $P$ $H$                 phpass, MD5 (WordPress before 6.8, phpBB 3)
    $pbkdf2-sha1|256|512$i=ITERATIONS[,l=BYTES]$SALT$KEY            base64 without padding
    $scrypt$ln=LOG2_N,r=R,p=P$SALT$KEY                              base64 without padding
    $argon2i$ $argon2id$    the encoded form of the reference implementation

`wordpress` before one of them says that the password is trimmed and slashed first, as WordPress's forms hand it on;
`typed` before argon2 tells another system's hash from our own, whose passwords are spelt anew (opaque_string.py).

Each format's cost is counted in units that its time is proportional to, so that unlike hashes can be made to cost the
same (hashes.py). The bounds keep a check near one second on one core (measured: docs/guides/import.md), so that no row
of a file can hold a lane. A digest shorter than 16 bytes is refused: many passwords would match it.
Refused too: $2x$ (a broken bcrypt), argon2d, bare MD5 or SHA, anything unknown.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum

from authsvc.core.errors import BadInput

LONGEST = 255  # the column's width
SHORTEST_DIGEST = 16
LONGEST_DIGEST = 128
LONGEST_SALT = 128

MAX_BCRYPT_COST = 13
MAX_PHPASS_LOG2 = 16
MAX_PBKDF2_ITERATIONS = {"sha1": 2_000_000, "sha256": 2_000_000, "sha512": 1_000_000}
MAX_SCRYPT_MEMORY = 128 * 2**20  # bytes at once: 128 * N * r
MAX_SCRYPT_UNITS = 2 * MAX_SCRYPT_MEMORY  # 128 * N * r * p
MAX_SCRYPT_R = MAX_SCRYPT_P = 64  # past these a small N costs thrice what its units say, and as much memory again
MAX_ARGON2_MEMORY_KIB = 128 * 2**10
MAX_ARGON2_UNITS = 512 * 2**10  # KiB times passes
MAX_ARGON2_LANES = 8

WORDPRESS = "wordpress"
TYPED = "typed"

_ITOA64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BCRYPT = re.compile(r"\$2([a-z]?)\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]")
_PHPASS = re.compile(r"\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})")
_PBKDF2 = re.compile(
    r"\$pbkdf2-(sha1|sha256|sha512)\$i=([1-9]\d{0,9})(?:,l=([1-9]\d{0,3}))?\$([\w+/]*)\$([\w+/]+)", re.A
)
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=([1-9]\d{0,5}),p=([1-9]\d{0,5})\$([\w+/]*)\$([\w+/]+)", re.A)
_ARGON2 = re.compile(
    r"\$argon2(id|i)\$v=(16|19)\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([\w+/]+)\$([\w+/]+)", re.A
)


class Kind(StrEnum):
    """What is computed; work of one kind is measured in one unit."""

    BCRYPT = "bcrypt"  # 2**cost
    PHPASS = "phpass"  # rounds of MD5
    PBKDF2_SHA1 = "pbkdf2-sha1"  # iterations
    PBKDF2_SHA256 = "pbkdf2-sha256"
    PBKDF2_SHA512 = "pbkdf2-sha512"
    SCRYPT = "scrypt"  # bytes of memory times p
    ARGON2 = "argon2"  # KiB of memory times passes


@dataclass(frozen=True)
class Work:
    kind: Kind
    units: int


@dataclass(frozen=True)
class Bcrypt:
    text: str  # from `$2` on
    cost: int
    prehashed: bool  # WordPress 6.8

    @property
    def work(self) -> Work:
        return Work(Kind.BCRYPT, 2**self.cost)


@dataclass(frozen=True)
class Phpass:
    rounds: int
    salt: bytes
    digest: str  # in phpass's own base64

    @property
    def work(self) -> Work:
        return Work(Kind.PHPASS, self.rounds)


@dataclass(frozen=True)
class Pbkdf2:
    digest: str
    iterations: int
    salt: bytes
    key: bytes

    @property
    def work(self) -> Work:
        return Work(Kind(f"pbkdf2-{self.digest}"), self.iterations)


@dataclass(frozen=True)
class Scrypt:
    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @property
    def work(self) -> Work:
        return Work(Kind.SCRYPT, 128 * self.n * self.r * self.p)


@dataclass(frozen=True)
class Argon2:
    variant: str  # id | i
    version: int
    memory_kib: int
    passes: int
    lanes: int
    salt: bytes
    key: bytes

    @property
    def work(self) -> Work:
        return Work(Kind.ARGON2, self.memory_kib * self.passes)


@dataclass(frozen=True)
class LegacyHash:
    """A hash as it is stored, read."""

    check: Bcrypt | Phpass | Pbkdf2 | Scrypt | Argon2
    wordpress: bool = False

    @property
    def work(self) -> Work:
        return self.check.work


def parse(stored: str) -> LegacyHash:
    """Read a hash.

    Raises:
        BadInput: `import.hash_unsupported` (not one of the formats above), `import.hash_malformed` (one of them, but
            broken) or `import.hash_too_costly` (past the bounds).
    """
    wordpress = stored.startswith(WORDPRESS)
    text = stored.removeprefix(WORDPRESS).removeprefix(TYPED)
    if len(stored) > LONGEST:
        raise _malformed()
    if text.startswith(("$2", "$wp$2")):
        return LegacyHash(_bcrypt(text.removeprefix("$wp"), prehashed=text.startswith("$wp")), wordpress)
    if text.startswith(("$P$", "$H$")):
        return LegacyHash(_phpass(text), wordpress)
    if text.startswith("$pbkdf2-"):
        return LegacyHash(_pbkdf2(text), wordpress)
    if text.startswith("$scrypt$"):
        return LegacyHash(_scrypt(text), wordpress)
    if text.startswith(("$argon2i$", "$argon2id$")):
        return LegacyHash(_argon2(text), wordpress)
    raise _unsupported()


def pbkdf2_text(digest: str, iterations: int, salt: bytes, key: bytes) -> str:
    """Write a PBKDF2 hash as `parse` reads it. Raises BadInput as parse does."""
    return _checked(f"$pbkdf2-{digest}$i={iterations},l={len(key)}${encode(salt)}${encode(key)}")


def argon2_text(variant: str, version: int, memory_kib: int, passes: int, lanes: int, salt: bytes, key: bytes) -> str:
    """Write an argon2 hash as `parse` reads it. Raises BadInput as parse does."""
    return _checked(f"$argon2{variant}$v={version}$m={memory_kib},t={passes},p={lanes}${encode(salt)}${encode(key)}")


def encode(value: bytes) -> str:
    """Return standard base64 without padding."""
    return base64.b64encode(value).decode().rstrip("=")


def phpass_encode(value: bytes) -> str:
    """Return phpass's base64: its own alphabet, the low six bits first."""
    text = []
    for start in range(0, len(value), 3):
        group = value[start : start + 3]
        number = int.from_bytes(group, "little")
        text += [_ITOA64[number >> 6 * place & 63] for place in range(len(group) + 1)]
    return "".join(text)


def _bcrypt(text: str, *, prehashed: bool) -> Bcrypt:
    match = _BCRYPT.fullmatch(text)
    if match is None:
        raise _malformed()
    variant, cost = match[1], int(match[2])
    if variant not in ("a", "b", "y"):
        raise _unsupported()
    if cost < 4:
        raise _malformed()
    if cost > MAX_BCRYPT_COST:
        raise _too_costly()
    return Bcrypt(text, cost, prehashed)


def _phpass(text: str) -> Phpass:
    match = _PHPASS.fullmatch(text)
    if match is None:
        raise _malformed()
    log2 = _ITOA64.index(match[1])
    if not 7 <= log2 <= 30:  # phpass's own bounds
        raise _malformed()
    if log2 > MAX_PHPASS_LOG2:
        raise _too_costly()
    return Phpass(2**log2, match[2].encode(), match[3])


def _pbkdf2(text: str) -> Pbkdf2:
    match = _PBKDF2.fullmatch(text)
    if match is None:
        raise _malformed()
    digest, iterations = match[1], int(match[2])
    salt, key = _salt(match[4]), _digest(match[5])
    if match[3] is not None and int(match[3]) != len(key):
        raise _malformed()
    if iterations > MAX_PBKDF2_ITERATIONS[digest]:
        raise _too_costly()
    return Pbkdf2(digest, iterations, salt, key)


def _scrypt(text: str) -> Scrypt:
    match = _SCRYPT.fullmatch(text)
    if match is None:
        raise _malformed()
    log2_n, r, p = int(match[1]), int(match[2]), int(match[3])
    salt, key = _salt(match[4]), _digest(match[5])
    if not 1 <= log2_n <= 63:
        raise _malformed()
    memory = 128 * 2**log2_n * r
    if memory > MAX_SCRYPT_MEMORY or memory * p > MAX_SCRYPT_UNITS or r > MAX_SCRYPT_R or p > MAX_SCRYPT_P:
        raise _too_costly()
    if log2_n >= 16 * r:  # RFC 7914, 6: N is less than 2**(128 * r / 8)
        raise _malformed()
    return Scrypt(2**log2_n, r, p, salt, key)


def _argon2(text: str) -> Argon2:
    match = _ARGON2.fullmatch(text)
    if match is None:
        raise _malformed()
    memory, passes, lanes = int(match[3]), int(match[4]), int(match[5])
    salt, key = _salt(match[6]), _digest(match[7])
    if len(salt) < 8 or memory < 8 * lanes:  # RFC 9106, 3.1
        raise _malformed()
    if memory > MAX_ARGON2_MEMORY_KIB or memory * passes > MAX_ARGON2_UNITS or lanes > MAX_ARGON2_LANES:
        raise _too_costly()
    return Argon2(match[1], int(match[2]), memory, passes, lanes, salt, key)


def _salt(text: str) -> bytes:
    value = _decode(text)
    if len(value) > LONGEST_SALT:
        raise _malformed()
    return value


def _digest(text: str) -> bytes:
    value = _decode(text)
    if not SHORTEST_DIGEST <= len(value) <= LONGEST_DIGEST:
        raise _malformed()
    return value


def _decode(text: str) -> bytes:
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise _malformed() from problem
    if encode(value) != text:  # stray bits at the end: two spellings of one value
        raise _malformed()
    return value


def _checked(text: str) -> str:
    parse(text)
    return text


def _unsupported() -> BadInput:
    return BadInput("import.hash_unsupported", "This password hash is of no format that can be checked here.")


def _malformed() -> BadInput:
    return BadInput("import.hash_malformed", "This password hash is broken.")


def _too_costly() -> BadInput:
    return BadInput("import.hash_too_costly", "Checking this password hash would take too long.")
