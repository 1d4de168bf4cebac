"""The public key of a credential: from a COSE_Key (RFC 9052, 7; RFC 9053, 7) to something that verifies. Pure.

py_webauthn 3.0.1 knows neither ES384 nor Ed448, so the keys are ours to read; `cryptography` does the mathematics.
WebAuthn Level 3, 5.8.5 ties each algorithm to one curve, and allows no compressed points:

    -7 ES256 P-256    -8 EdDSA Ed25519    -35 ES384 P-384    -36 ES512 P-521    -53 Ed448    -257 RS256

A key that is anything else, or of an odd size, is refused when it is registered, and again at every use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from webauthn.helpers import parse_cbor

ALGORITHMS = (-7, -8, -35, -36, -53, -257)  # as they are offered, the preferred first

_KTY, _ALG, _CRV, _X, _Y, _N, _E = 1, 3, -1, -2, -3, -1, -2
_OKP, _EC2, _RSA = 1, 2, 3
# algorithm: COSE curve, curve, bytes of a coordinate, hash
_CURVES: Mapping[int, tuple[int, ec.EllipticCurve, int, SHA256 | SHA384 | SHA512]] = {
    -7: (1, ec.SECP256R1(), 32, SHA256()),
    -35: (2, ec.SECP384R1(), 48, SHA384()),
    -36: (3, ec.SECP521R1(), 66, SHA512()),
}
_EDWARDS: Mapping[int, tuple[int, type[ed25519.Ed25519PublicKey] | type[ed448.Ed448PublicKey]]] = {
    -8: (6, ed25519.Ed25519PublicKey),
    -53: (7, ed448.Ed448PublicKey),
}
# Less is too weak (SP 800-131A); more costs every sign-in time that whoever registered it chooses.
RSA_BITS = range(2048, 4097)
MAX_RSA_EXPONENT_BITS = 32
MAX_KEY_BYTES = 1024  # RSA of 4096 bits has 530; what else is in the map is read at every sign-in too

_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class CredentialKey:
    """A key that was read, and the one algorithm it is used with."""

    algorithm: int
    key: _Key

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises cryptography.exceptions.InvalidSignature: the data was not signed with the private key."""
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            self.key.verify(signature, data, ec.ECDSA(_CURVES[self.algorithm][3]))
        elif isinstance(self.key, rsa.RSAPublicKey):
            self.key.verify(signature, data, padding.PKCS1v15(), SHA256())
        else:
            self.key.verify(signature, data)


def read_key(cose: bytes) -> CredentialKey:
    """Return the key of an algorithm that we offer.

    Raises:
        ValueError: it is of another algorithm, its parts do not fit together, or it is no point of the curve.
        webauthn.helpers.exceptions.InvalidCBORData: it is no CBOR.
    """
    _require(len(cose) <= MAX_KEY_BYTES, "the public key is too large")
    parts = parse_cbor(cose)
    if not isinstance(parts, dict):
        raise ValueError("the public key is no COSE_Key")
    algorithm = parts.get(_ALG)
    if not isinstance(algorithm, int):
        raise ValueError("the public key names no algorithm")
    if algorithm in _CURVES:
        return CredentialKey(algorithm, _elliptic(parts, algorithm))
    if algorithm in _EDWARDS:
        return CredentialKey(algorithm, _edwards(parts, algorithm))
    if algorithm == -257:
        return CredentialKey(algorithm, _rsa(parts))
    raise ValueError(f"the public key is for algorithm {algorithm}, which is not offered")


def _elliptic(parts: Mapping[int, Any], algorithm: int) -> ec.EllipticCurvePublicKey:
    curve_id, curve, size, _ = _CURVES[algorithm]
    _require(parts.get(_KTY) == _EC2 and parts.get(_CRV) == curve_id, "curve and algorithm do not belong together")
    x, y = _bytes(parts, _X, size), _bytes(parts, _Y, size)
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()


def _edwards(parts: Mapping[int, Any], algorithm: int) -> ed25519.Ed25519PublicKey | ed448.Ed448PublicKey:
    curve_id, kind = _EDWARDS[algorithm]
    _require(parts.get(_KTY) == _OKP and parts.get(_CRV) == curve_id, "curve and algorithm do not belong together")
    return kind.from_public_bytes(_bytes(parts, _X))


def _rsa(parts: Mapping[int, Any]) -> rsa.RSAPublicKey:
    _require(parts.get(_KTY) == _RSA, "key type and algorithm do not belong together")
    modulus, exponent = int.from_bytes(_bytes(parts, _N)), int.from_bytes(_bytes(parts, _E))
    _require(modulus.bit_length() in RSA_BITS, "the RSA modulus has an odd size")
    _require(exponent.bit_length() <= MAX_RSA_EXPONENT_BITS, "the RSA exponent is too large")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _bytes(parts: Mapping[int, Any], name: int, size: int | None = None) -> bytes:
    value = parts.get(name)
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise ValueError("a part of the public key is missing, or has the wrong size")
    return value


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
