"""A device's key: what is taken as one, which bytes it signs, and whether a signature is right. Pure.

ES256: ECDSA on P-256 with SHA-256 (RFC 7518, 3.4). A public key comes as a JWK with `kty`, `crv`, `x`, `y` and nothing
else; a signature is r || s, 64 bytes, base64url without padding (what WebCrypto makes; phones make DER, and convert).

What is signed begins with a label and a zero byte, so that no signature is taken for another, and holds fixed lengths
only, so that nothing can be read in two ways. `server` is the origin that the app sends to: what was signed for
another one (a page that passes our nonce on) is refused here.

    registration   authsvc/face-device/v1 || 0x00 || nonce (32) || SHA-256(server) || SHA-256(0x04 || x || y)
                   || SHA-256(name)
    capture        authsvc/face-capture/v1 || 0x00 || nonce (32) || SHA-256(server) || SHA-256(device id) || n (1)
                   || n x ( prompt (1) || offset_ms (4, big-endian) || SHA-256(frame) )

Prompts are 1 straight, 2 left, 3 right, 4 closer. Texts are hashed as UTF-8. docs/guides/mobile.md has an example.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from authsvc.factors.face.prompts import Prompt

REGISTRATION = b"authsvc/face-device/v1\x00"
CAPTURE = b"authsvc/face-capture/v1\x00"
NUMBER_BYTES = 32  # a coordinate, r, s, a nonce
PROMPT_CODES: Mapping[Prompt, int] = {Prompt.STRAIGHT: 1, Prompt.LEFT: 2, Prompt.RIGHT: 3, Prompt.CLOSER: 4}
MAX_NAME = 60


class NotAKey(ValueError):
    """The JWK is no public key on P-256."""


class BadSignature(Exception):
    """The signature is not this key's, over these bytes."""


@dataclass(frozen=True)
class SignedFrame:
    """What a device says of one frame."""

    prompt: Prompt
    offset_ms: int
    frame: bytes


def point_of(jwk: Mapping[str, str]) -> bytes:
    """Return the key's point, 0x04 || x || y, 65 bytes.

    Raises:
        NotAKey: see the class; also a point that is not on the curve.
    """
    if set(jwk) != {"kty", "crv", "x", "y"} or (jwk["kty"], jwk["crv"]) != ("EC", "P-256"):
        raise NotAKey("not an EC key on P-256")
    x, y = decoded(jwk["x"]), decoded(jwk["y"])
    if x is None or y is None or len(x) != NUMBER_BYTES or len(y) != NUMBER_BYTES:
        raise NotAKey("a coordinate has 32 bytes")
    point = b"\x04" + x + y
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as problem:
        raise NotAKey("not on the curve") from problem
    return point


def tidy_name(name: str) -> str | None:
    """Return the name that is kept of what an app sent; None where it is none."""
    tidy = " ".join(name.split())
    return tidy if 1 <= len(tidy) <= MAX_NAME and tidy.isprintable() else None


def registration_bytes(*, nonce: str, server: str, point: bytes, name: str) -> bytes:
    """Return what a device signs to show that it has the key. Args: name as it was sent."""
    return REGISTRATION + _nonce(nonce) + _hash(server) + sha256(point).digest() + _hash(name)


def capture_bytes(*, nonce: str, server: str, device_id: str, frames: Sequence[SignedFrame]) -> bytes:
    """Return what a device signs of a capture."""
    parts = [CAPTURE, _nonce(nonce), _hash(server), _hash(device_id), bytes([len(frames)])]
    for each in frames:
        parts += [bytes([PROMPT_CODES[each.prompt]]), each.offset_ms.to_bytes(4), sha256(each.frame).digest()]
    return b"".join(parts)


def require_signature(point: bytes, signature: str, message: bytes) -> None:
    """Make sure that `signature` is this key's over `message`.

    Raises:
        BadSignature: see the class.
    """
    raw = decoded(signature)
    if raw is None or len(raw) != 2 * NUMBER_BYTES:
        raise BadSignature("a signature has 64 bytes")
    r, s = int.from_bytes(raw[:NUMBER_BYTES]), int.from_bytes(raw[NUMBER_BYTES:])
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    try:
        key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
    except InvalidSignature as problem:
        raise BadSignature("not this key's signature") from problem


def decoded(text: str) -> bytes | None:
    """Return what base64url without padding stands for; None where it is not written that way."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


def _nonce(nonce: str) -> bytes:
    data = decoded(nonce)
    if data is None or len(data) != NUMBER_BYTES:
        raise ValueError("a nonce has 32 bytes")
    return data


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
