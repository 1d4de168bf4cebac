"""Check a password against another system's hash, and do as much work for nothing.

The second half is what keeps addresses secret. Checking a legacy hash takes other work than argon2id, so the time of
a wrong password would tell which addresses were imported and not used since, and thereby that they exist. Therefore
everybody pays the same *tariff* as long as such hashes are stored: of each kind, the highest cost that was imported.
Whoever has less of it to compute for real, or nothing, spends the rest here, on the typed password (its length
matters to phpass). Work of one kind is linear in its unit, so `check` and `spend` add up:

    units(check) + units(spent) = units(tariff)        for every kind and every address

PBKDF2's blocks are independent (RFC 8018, 5.2, step 3): only the first is computed and compared, which is what
somebody who guesses would do too. Bcrypt reads 72 bytes; longer passwords were cut by the system that hashed them.

Limits: equal work is not equal time to the microsecond. What is left is in docs/guides/import.md.
"""

import base64
import hashlib
import hmac

import bcrypt
from argon2 import Type
from argon2.exceptions import HashingError
from argon2.low_level import core, error_to_str, ffi, hash_secret_raw

from authsvc.factors.password.legacy.formats import (
    Argon2,
    Bcrypt,
    Kind,
    LegacyHash,
    Pbkdf2,
    Phpass,
    Scrypt,
    Work,
    phpass_encode,
)

BCRYPT_BYTES = 72
SCRYPT_R = 8
ARGON2_MEMORY_KIB = 65_536

_ARGON2_OK = 0
_NO_SALT = bytes(16)
_BLOCK = {"sha1": 20, "sha256": 32, "sha512": 64}
_PHP_BLANKS = " \n\r\t\v\0"
_PHP_SLASHED = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"', "\0": "\\0"})


def matches(stored: LegacyHash, typed: str) -> bool:
    """Return whether the typed password is the one behind the hash."""
    secret = _as_hashed(stored, typed)
    match stored.check:
        case Bcrypt() as check:
            return _bcrypt_matches(check, secret)
        case Phpass() as check:
            return hmac.compare_digest(_phpass(check.rounds, check.salt, secret), check.digest)
        case Pbkdf2() as check:
            size = min(len(check.key), _BLOCK[check.digest])
            first = hashlib.pbkdf2_hmac(check.digest, secret, check.salt, check.iterations, size)
            return hmac.compare_digest(first, check.key[:size])
        case Scrypt() as check:
            made = _scrypt(secret, check.salt, n=check.n, r=check.r, p=check.p, size=len(check.key))
            return hmac.compare_digest(made, check.key)
        case Argon2() as check:
            return hmac.compare_digest(_argon2(check, secret), check.key)


def spend(work: Work, typed: str) -> None:
    """Do that much work of a kind, and forget the result."""
    secret, units = typed.encode(errors="replace"), work.units
    match work.kind:
        case Kind.BCRYPT:
            for cost in _powers(units, least=4):
                setting = b"$2b$%02d$......................" % cost
                bcrypt.hashpw(secret[:BCRYPT_BYTES], setting)
        case Kind.PHPASS:
            _phpass(units, _NO_SALT, secret)
        case Kind.SCRYPT:
            for power in _powers(units // (128 * SCRYPT_R), least=1):
                _scrypt(secret, _NO_SALT, n=2**power, r=SCRYPT_R, p=1, size=32)
        case Kind.ARGON2:
            memory = max(8, min(units, ARGON2_MEMORY_KIB))
            hash_secret_raw(secret, _NO_SALT, max(1, units // memory), memory, 1, 32, Type.ID)
        case _:
            digest = work.kind.removeprefix("pbkdf2-")
            hashlib.pbkdf2_hmac(digest, secret, _NO_SALT, units, 16)


def _as_hashed(stored: LegacyHash, typed: str) -> bytes:
    if stored.wordpress:
        typed = typed.strip(_PHP_BLANKS).translate(_PHP_SLASHED)
    return typed.encode(errors="replace")


def _bcrypt_matches(check: Bcrypt, secret: bytes) -> bool:
    if check.prehashed:
        secret = base64.b64encode(hmac.digest(b"wp-sha384", secret, "sha384"))
    return bcrypt.checkpw(secret[:BCRYPT_BYTES], check.text.encode())


def _phpass(rounds: int, salt: bytes, secret: bytes) -> str:
    """Return phpass's portable hash (Openwall, PasswordHash.php, crypt_private)."""
    md5 = hashlib.md5
    digest = md5(salt + secret, usedforsecurity=False).digest()
    for _ in range(rounds):
        digest = md5(digest + secret, usedforsecurity=False).digest()
    return phpass_encode(digest)


def _scrypt(secret: bytes, salt: bytes, *, n: int, r: int, p: int, size: int) -> bytes:
    # OpenSSL refuses what passes maxmem; it needs a little more than the 128 * N * r of the standard.
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=128 * r * (n + p + 2) + 2**20, dklen=size)


def _argon2(check: Argon2, secret: bytes) -> bytes:
    """Return the tag, computed by one thread.

    argon2-cffi's own check starts a thread for each of the hash's lanes: on idle cores it would be done sooner than
    `spend`, and it would hold more of them than its place in the lane stands for.
    """
    tag = ffi.new("uint8_t[]", len(check.key))
    password, salt = ffi.new("uint8_t[]", secret), ffi.new("uint8_t[]", check.salt)
    parameters = {
        "version": check.version,
        "out": tag,
        "outlen": len(check.key),
        "pwd": password,
        "pwdlen": len(secret),
        "salt": salt,
        "saltlen": len(check.salt),
        "secret": ffi.NULL,
        "secretlen": 0,
        "ad": ffi.NULL,
        "adlen": 0,
        "t_cost": check.passes,
        "m_cost": check.memory_kib,
        "lanes": check.lanes,
        "threads": 1,
        "allocate_cbk": ffi.NULL,
        "free_cbk": ffi.NULL,
        "flags": 0,
    }
    kind = Type.ID if check.variant == "id" else Type.I
    code = core(ffi.new("argon2_context *", parameters), kind.value)
    if code != _ARGON2_OK:
        raise HashingError(error_to_str(code))
    return bytes(ffi.buffer(tag))


def _powers(number: int, *, least: int) -> list[int]:
    """Return the exponents of the powers of two that add up to the number; what is below 2**least is dropped."""
    return [power for power in range(least, number.bit_length()) if number >> power & 1]
