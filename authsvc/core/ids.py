"""Where randomness comes from: identifiers, secrets, codes. All from the operating system's generator.

An identifier names a row and may be seen (128 bits, so it can't be guessed or enumerated). A secret opens
something: 256 bits, shown once, and only a hash of it is stored.
"""

import hashlib
import secrets

CODE_DIGITS = 8  # security.md, "Addresses and mail"


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as `flow_3v9…`: the prefix says what kind of row it names."""
    return f"{prefix}_{secrets.token_urlsafe(16)}"


def new_secret() -> str:
    """Return 256 random bits as URL-safe text, for cookies, links and tokens."""
    return secrets.token_urlsafe(32)


def new_bytes(count: int) -> bytes:
    """Return `count` random bytes."""
    return secrets.token_bytes(count)


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret with 256 random bits: SHA-256, 32 bytes.

    Fit for random secrets only. A short code needs a keyed hash (sealing.Keyring.index), a password argon2.
    """
    return hashlib.sha256(secret.encode()).digest()
