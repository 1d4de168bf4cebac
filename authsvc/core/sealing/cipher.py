"""AES-256-GCM with a key ring, and keyed hashes. Pure: the nonce comes in as an argument.

A sealed value is  version (1 byte) || key id length (1) || key id || nonce (12) || ciphertext and tag.
Its *context* (table, column, row) is authenticated with it, so a value copied to another row does not open.

One master key is enough: the key of each purpose is derived from it with HKDF-SHA256 (RFC 5869), so that a cookie
signature can never be used as a look-up hash.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12  # SP 800-38D, 8.2.2: random 96-bit nonces, far below 2**32 values a key here
VERSION = 1


class CannotOpen(Exception):
    """A sealed value was altered, moved to another row, or sealed with a key that is not in the ring."""


@dataclass(frozen=True)
class Keyring:
    """Master keys by id; `current` seals, all of them open."""

    keys: Mapping[str, bytes] = field(repr=False)
    current: str

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current key is not in the ring")
        if any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise ValueError(f"a master key has {KEY_BYTES} bytes")

    def seal(self, plaintext: bytes, *, context: str, nonce: bytes) -> bytes:
        """Return `plaintext` sealed under the current key and bound to `context`."""
        return seal_with(
            _derive(self.keys[self.current], "seal"),
            plaintext,
            key_id=self.current,
            context=context,
            nonce=nonce,
        )

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Return what was sealed.

        Raises:
            CannotOpen: see the class.
        """
        key = self.keys.get(key_id_of(sealed))
        if key is None:
            raise CannotOpen("the key is not in the ring")
        return open_with(_derive(key, "seal"), sealed, context=context)

    def index(self, purpose: str, value: str) -> bytes:
        """Return a keyed hash (32 bytes) under the current key, for look-ups of values too short to hash bare.

        Look-ups stay stable while `current` stays; after a rotation use `indexes` to find older rows.
        """
        return _mac(self.keys[self.current], purpose, value)

    def indexes(self, purpose: str, value: str) -> tuple[bytes, ...]:
        """Return the keyed hashes under every key of the ring, the current one first."""
        ordered = [self.current, *(key_id for key_id in self.keys if key_id != self.current)]
        return tuple(_mac(self.keys[key_id], purpose, value) for key_id in ordered)

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Return the purpose's key from every master key, the current one first."""
        ordered = [self.current, *(key_id for key_id in self.keys if key_id != self.current)]
        return tuple(_derive(self.keys[key_id], purpose) for key_id in ordered)


def seal_with(key: bytes, plaintext: bytes, *, key_id: str, context: str, nonce: bytes) -> bytes:
    """Seal under one given key; see the module's docstring for the format."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    name = key_id.encode()
    head = bytes([VERSION, len(name)]) + name
    return head + nonce + AESGCM(key).encrypt(nonce, plaintext, head + context.encode())


def open_with(key: bytes, sealed: bytes, *, context: str) -> bytes:
    """Open what seal_with sealed. Raises CannotOpen."""
    head_end = 2 + len(key_id_of(sealed).encode())
    head, nonce, body = (
        sealed[:head_end],
        sealed[head_end : head_end + NONCE_BYTES],
        sealed[head_end + NONCE_BYTES :],
    )
    try:
        return AESGCM(key).decrypt(nonce, body, head + context.encode())
    except (InvalidTag, ValueError) as problem:
        raise CannotOpen("the value was altered or belongs to another row") from problem


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that sealed this. Raises CannotOpen when it is no sealed value."""
    if len(sealed) < 2 or sealed[0] != VERSION or len(sealed) < 2 + sealed[1] + NONCE_BYTES:
        raise CannotOpen("not a sealed value")
    try:
        return sealed[2 : 2 + sealed[1]].decode()
    except UnicodeDecodeError as problem:
        raise CannotOpen("not a sealed value") from problem


def mark_of(sealed: bytes) -> bytes:
    """Return the beginning of a sealed value, nonce included: no other value has it. Raises as key_id_of."""
    return sealed[: 2 + len(key_id_of(sealed).encode()) + NONCE_BYTES]


@lru_cache(maxsize=256)  # a few purposes for a few master keys, asked for dozens of times a sign-in
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"authsvc/v1/{purpose}".encode()).derive(key)


def _mac(key: bytes, purpose: str, value: str) -> bytes:
    return hmac.digest(_derive(key, f"index/{purpose}"), value.encode(), "sha256")
