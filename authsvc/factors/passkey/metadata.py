"""FIDO metadata: which authenticator models there are, who signs for them, and which are broken. Pure.

A blob is a JWS (FIDO Metadata Service 3.0, 3.1.7) that the operator downloads. It is believed when
1. its certificate chain (header `x5c`) ends at the root that the operator gave, every certificate is valid now, and the
   first one is for the host name of the metadata service: FIDO's root is that of a public authority, below which
   anybody can get a certificate for a name of their own;
2. its signature verifies with the first certificate's key, by an algorithm that fits that key;
3. its payload has the members that are used here, of the right types.
`nextUpdate` is the day on which a newer one is due. A blob that is older is *stale*: it can no longer say which models
were revoked, so it vouches for none. Entries without an AAGUID (U2F and UAF) are left out: they hold no passkeys.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

MAX_BLOB_BYTES = 64 * 1024 * 1024  # the public one has about 8 MB
MAX_CHAIN = 6
MAX_NUMBER = 2**63


class _LargeRegistry(jws.JWSRegistry):
    """joserfc's own bounds are for tokens: 512 bytes of header, 128 kB of payload."""

    max_header_length = 64 * 1024
    max_payload_length = MAX_BLOB_BYTES


# Statuses after which a model, or every key of it, may be in somebody else's hands (3.1.4). Said once, they stay: a
# later certification does not change the authenticators that are out there.
BROKEN = frozenset(
    {
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
        "REVOKED",
    }
)


class BlobRefused(Exception):
    """The blob can't be believed; the message says why."""


@dataclass(frozen=True)
class Model:
    """One authenticator model: the roots of its attestation certificates (DER), and every status it was given."""

    aaguid: str
    description: str
    roots: tuple[bytes, ...]
    statuses: frozenset[str]

    @property
    def broken(self) -> frozenset[str]:
        return self.statuses & BROKEN


@dataclass(frozen=True)
class Metadata:
    """A believed blob."""

    number: int
    next_update: date
    models: Mapping[str, Model]
    signer: str = ""  # whose numbers these are

    def is_stale(self, now: datetime) -> bool:
        """Return whether a newer one has been due since before today (UTC)."""
        return now.astimezone(UTC).date() > self.next_update


def read_blob(blob: bytes, *, root: bytes, signer: str, now: datetime) -> Metadata:
    """Return what a blob says: the numbered checks above.

    Args:
        blob: the compact JWS, as it is downloaded.
        root: the certificate that its chain must end at, PEM or DER.
        signer: the host name that must stand in the certificate that signs.

    Raises:
        BlobRefused: it can't be believed.
    """
    if len(blob) > MAX_BLOB_BYTES:
        raise BlobRefused("it is too large")
    compact = blob.strip()
    header = _json(compact.partition(b".")[0], "the header")
    leaf = _chain(header.get("x5c"), _certificate(root), now)  # 1
    _require_name(leaf, signer)
    key, algorithms = _verifier(leaf)
    try:
        signed = jws.deserialize_compact(compact, key, registry=_LargeRegistry(algorithms=algorithms))  # 2
    except (JoseError, ValueError, TypeError) as problem:  # TypeError: odd members of `crit`
        raise BlobRefused(f"its signature does not verify ({type(problem).__name__})") from problem
    try:
        return _metadata(json.loads(signed.payload), signer.lower())  # 3
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        raise BlobRefused(f"its payload is no metadata ({type(problem).__name__}: {problem})"[:200]) from problem


def _chain(x5c: object, root: x509.Certificate, now: datetime) -> x509.Certificate:
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CHAIN:
        raise BlobRefused("its header carries no certificate chain")
    try:
        chain = [x509.load_der_x509_certificate(base64.b64decode(each, validate=True)) for each in x5c]
    except (TypeError, ValueError) as problem:
        raise BlobRefused("its header carries no certificate chain") from problem
    anyone = ExtensionPolicy.permit_all()
    authorities = anyone.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    verifier = (
        PolicyBuilder()
        .store(Store([root]))
        .time(now)
        .extension_policies(ca_policy=authorities, ee_policy=anyone)
        .build_client_verifier()
    )
    try:
        verifier.verify(chain[0], [each for each in chain[1:] if each != root])
    except VerificationError as problem:
        raise BlobRefused(f"its certificate chain does not end at the root that was given ({problem})") from problem
    return chain[0]


def _require_name(leaf: x509.Certificate, signer: str) -> None:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError) as problem:
        raise BlobRefused("its certificate names no host") from problem
    if signer.lower() not in {name.lower() for name in names.get_values_for_type(x509.DNSName)}:
        raise BlobRefused(f"its certificate is not {signer}'s")


def _is_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("a certificate in the chain may not sign others")


def _verifier(leaf: x509.Certificate) -> tuple[ECKey | RSAKey, list[str]]:
    public = leaf.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, ec.EllipticCurvePublicKey):
        algorithm = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}.get(public.curve.name)
        if algorithm is not None:
            return ECKey.import_key(pem), [algorithm]
    if isinstance(public, rsa.RSAPublicKey):
        return RSAKey.import_key(pem), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    raise BlobRefused("its certificate's key is of a kind that is not used here")


def _metadata(payload: Mapping[str, Any], signer: str) -> Metadata:
    models = [_model(entry) for entry in payload["entries"] if isinstance(entry.get("aaguid"), str)]
    number = payload["no"]
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("`no` is no number")
    if not 0 <= number < MAX_NUMBER:
        raise ValueError("`no` is out of range")
    return Metadata(
        number=number,
        next_update=date.fromisoformat(payload["nextUpdate"]),
        models={model.aaguid: model for model in models},
        signer=signer,
    )


def _model(entry: Mapping[str, Any]) -> Model:
    statement = entry.get("metadataStatement", {})
    reports: Sequence[Mapping[str, Any]] = entry["statusReports"]
    return Model(
        aaguid=entry["aaguid"].lower(),
        description=str(statement.get("description", ""))[:200],
        # The service's certificates are base64 with line breaks and blanks here and there.
        roots=tuple(base64.b64decode(each) for each in statement.get("attestationRootCertificates", ())),
        statuses=frozenset(str(report["status"]) for report in reports),
    )


def _certificate(data: bytes) -> x509.Certificate:
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as problem:
        raise BlobRefused("the root is no certificate") from problem


def _json(encoded: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as problem:
        raise BlobRefused(f"{what} is malformed") from problem
    if not isinstance(found, dict):
        raise BlobRefused(f"{what} is malformed")
    return found
