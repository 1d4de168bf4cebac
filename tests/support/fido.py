"""A make-believe FIDO: a metadata service with its root and blobs, and a vendor whose authenticators attest.

Everything is made anew, with certificates that are valid for a century: py_webauthn looks at the machine's clock.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey

from authsvc.cli.soft_authenticator import Attester, SoftAuthenticator

BEGINS, ENDS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
SIGNER = "mds.fidoalliance.org"
APPLE_NONCE = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
FIDO_AAGUID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
AAGUID = bytes.fromhex("7ac9e7e0c0de4a7b9d0bd20a6d1c2e3f")
MODEL = "7ac9e7e0-c0de-4a7b-9d0b-d20a6d1c2e3f"


@dataclass
class Signer:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def authority(name: str, issuer: Signer | None = None, *, may_sign: bool = True, ends: datetime = ENDS) -> Signer:
    """Make a certificate that signs others: a root, or one below `issuer`."""
    return _certify([(NameOID.COMMON_NAME, name)], issuer, ca=may_sign, ends=ends)


def leaf(issuer: Signer, *hosts: str, ends: datetime = ENDS) -> Signer:
    """Make a certificate that signs metadata: of the service's host, unless others are named."""
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts or (SIGNER,)])
    return _certify([(NameOID.COMMON_NAME, SIGNER)], issuer, ca=False, ends=ends, extensions=(names,))


def attestation_leaf(
    issuer: Signer, *, unit: str = "Authenticator Attestation", aaguid: bytes | None = AAGUID, ca: bool = False
) -> Signer:
    """Make an attestation certificate (WebAuthn Level 3, 8.2.1)."""
    names = [
        (NameOID.COUNTRY_NAME, "AQ"),
        (NameOID.ORGANIZATION_NAME, "Vendor"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, "Vendor's key"),
    ]
    return _certify(names, issuer, ca=ca, extensions=_naming(aaguid))


def packed(signer: Signer) -> Attester:
    """Return an attester that makes packed statements with this certificate."""

    def attest(signed: bytes) -> tuple[str, dict[str, Any]]:
        signature = signer.key.sign(signed, ec.ECDSA(SHA256()))
        return "packed", {"alg": -7, "sig": signature, "x5c": [signer.der]}

    return attest


def anonymous(authenticator: SoftAuthenticator, issuer: Signer, *, aaguid: bytes | None = None) -> None:
    """Let an authority vouch for each key with a certificate of its own, as Apple does (WebAuthn Level 3, 8.8)."""

    def attest(signed: bytes) -> tuple[str, dict[str, Any]]:
        nonce = x509.UnrecognizedExtension(APPLE_NONCE, b"\x30\x24\xa1\x22\x04\x20" + hashlib.sha256(signed).digest())
        names = [(NameOID.COMMON_NAME, "Key")]
        made = _certify(names, issuer, ca=False, extensions=(nonce, *_naming(aaguid)), key=authenticator.key)
        return "apple", {"x5c": [made.der, issuer.der]}

    authenticator.attester = attest


def self_attested(authenticator: SoftAuthenticator) -> None:
    """Let an authenticator vouch for itself."""
    authenticator.attester = lambda signed: (
        "packed",
        {"alg": -7, "sig": authenticator.key.sign(signed, ec.ECDSA(SHA256()))},
    )


@dataclass
class Service:
    """A metadata service: its root, and the one that signs its blobs."""

    root: Signer = field(default_factory=lambda: authority("Metadata root"))

    def __post_init__(self) -> None:
        self.signer = leaf(self.root)

    def blob(
        self,
        *entries: Mapping[str, Any],
        number: int = 7,
        next_update: str = "2026-04-01",
        chain: tuple[Signer, ...] = (),
        **payload: Any,
    ) -> bytes:
        """Return a signed blob. Args: chain replaces who signs it and what the header shows of them."""
        signer, *above = chain or (self.signer,)
        body = {"legalHeader": "", "no": number, "nextUpdate": next_update, "entries": list(entries), **payload}
        header = {"alg": "ES256", "typ": "JWT", "x5c": [_base64(each.der) for each in (signer, *above)]}
        pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return jws.serialize_compact(header, json.dumps(body).encode(), ECKey.import_key(pem)).encode()


def entry(*roots: Signer, aaguid: str = MODEL, statuses: tuple[str, ...] = ("FIDO_CERTIFIED",)) -> dict[str, Any]:
    """Return a blob's entry for one model."""
    return {
        "aaguid": aaguid,
        "metadataStatement": {
            "description": "Vendor's key",
            "attestationRootCertificates": [_base64(each.der) for each in roots],
        },
        "statusReports": [{"status": status, "effectiveDate": "2025-01-01"} for status in statuses],
        "timeOfLastStatusChange": "2025-01-01",
    }


def _naming(aaguid: bytes | None) -> tuple[x509.UnrecognizedExtension, ...]:
    return () if aaguid is None else (x509.UnrecognizedExtension(FIDO_AAGUID, b"\x04\x10" + aaguid),)


def _certify(
    names: list[tuple[x509.ObjectIdentifier, str]],
    issuer: Signer | None,
    *,
    ca: bool,
    ends: datetime = ENDS,
    extensions: tuple[x509.ExtensionType, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Signer:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINS)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Signer(builder.sign(issuer.key if issuer else key, SHA256()), key)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
