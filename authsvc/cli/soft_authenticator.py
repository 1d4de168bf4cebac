"""An authenticator in software: one ES256 passkey, answering as a browser's `toJSON()` would.

For the bench and for tests, where a browser would be the slowest part. Attestation is `none` (WebAuthn Level 3, 8.7),
or whatever statement it is given. Every part of an answer can be bent, so that a test can change exactly one thing.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80

# From what is signed (authenticator data and the hash of the client data) to a format and its statement.
Attester = Callable[[bytes], tuple[str, dict[str, Any]]]


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftAuthenticator:
    """Holds one credential for one relying party."""

    rp_id: str
    origin: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: bytes = b""
    sign_count: int = 0
    aaguid: bytes = bytes(16)
    attester: Attester = field(default=lambda _: ("none", {}))

    def cose_key(self) -> bytes:
        """Return the public key as a COSE_Key (RFC 9053, 7.1.1)."""
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})

    def create(self, options: dict[str, Any], **bend: Any) -> dict[str, Any]:
        """Answer creation options. `bend` as for `_client_data`, and `flags`, `rp_id`, `extensions` (CBOR)."""
        self.user_handle = decoded(options["user"]["id"])
        attested = self.aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self.cose_key()
        flags = bend.pop("flags", UP | UV | AT)
        data = self._authenticator_data(flags, bend.pop("rp_id", None)) + attested + bend.pop("extensions", b"")
        client_data = self._client_data("webauthn.create", options["challenge"], **bend)
        fmt, made = self.attester(data + hashlib.sha256(client_data).digest())
        statement = cbor2.dumps({"fmt": fmt, "attStmt": made, "authData": data})
        response = {
            "clientDataJSON": encoded(client_data),
            "attestationObject": encoded(statement),
            "transports": ["internal"],
        }
        return self._credential(response)

    def get(self, options: dict[str, Any], **bend: Any) -> dict[str, Any]:
        """Answer request options. `bend` as for `create`, and `user_handle`, `count`."""
        self.sign_count = bend.pop("count", self.sign_count + 1)
        handle = bend.pop("user_handle", self.user_handle)
        data = self._authenticator_data(bend.pop("flags", UP | UV), bend.pop("rp_id", None))
        data += bend.pop("extensions", b"")
        client_data = self._client_data("webauthn.get", options["challenge"], **bend)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(handle) if handle is not None else None,
        }
        return self._credential(response)

    def _authenticator_data(self, flags: int, rp_id: str | None) -> bytes:
        rp_hash = hashlib.sha256((rp_id or self.rp_id).encode()).digest()
        return rp_hash + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, **bend: Any) -> bytes:
        """Args: bend may replace `type`, `challenge`, `origin`, or add other members such as `topOrigin`."""
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **bend}
        ).encode()

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
