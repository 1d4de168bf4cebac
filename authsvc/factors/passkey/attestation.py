"""Whether an authenticator is of a model that somebody trusts. Only for clients that ask for it. Pure.

By default nothing is asked: a statement would tell the model, and says nothing that a customer's shop needs. A client
whose policy is `direct` takes a new passkey only when
1. its AAGUID is on the client's list, if there is one;
2. the operator's metadata knows the model, is not stale, and has no status of BROKEN for it;
3. the statement is of a format below, and verifies, by py_webauthn, up to a root that the metadata names for the model.
   To that list py_webauthn adds Apple's and Google's roots, so the chain is checked without them first: the owner of
   any phone could claim any model else;
4. a certificate that names a model names this one, and that of a packed statement is made as WebAuthn Level 3, 8.2.1
   wants it: py_webauthn leaves both out.

`packed` with certificates, `tpm`, `android-key` and `apple` are verified. Refused are `none` and packed
self-attestation, which vouch for nothing; `fido-u2f`, whose keys verify nobody; `android-safetynet`, whose service has
ended; and whatever comes later.
Limit: certificate revocation lists are not asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from webauthn.helpers import parse_attestation_object, parse_authenticator_data, parse_cbor
from webauthn.helpers.validate_certificate_chain import validate_certificate_chain
from webauthn.registration.formats.android_key import verify_android_key
from webauthn.registration.formats.apple import verify_apple
from webauthn.registration.formats.packed import verify_packed
from webauthn.registration.formats.tpm import verify_tpm

from authsvc.factors.passkey.ceremony import Registered
from authsvc.factors.passkey.metadata import Metadata, Model
from authsvc.factors.passkey.response import CeremonyRefused

AAGUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_AAGUIDS = 200
_FIDO_AAGUID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")  # id-fido-gen-ce-aaguid
_OCTET_STRING = b"\x04\x10"
_VERIFIERS: Final = {
    "packed": verify_packed,
    "tpm": verify_tpm,
    "android-key": verify_android_key,
    "apple": verify_apple,
}


class ModelRefused(CeremonyRefused):
    """The authenticator is of a model that the client does not take, or can't show that it is of one that it takes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:200], "passkey.authenticator_not_accepted")


class MetadataUnusable(CeremonyRefused):
    """Nobody can say which models are sound: the operator has to act."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "passkey.metadata_unusable")


@dataclass(frozen=True)
class AttestationPolicy:
    """What a client asks of new passkeys. An empty list is every model that the metadata knows."""

    direct: bool = False
    aaguids: frozenset[str] = frozenset()

    def lists(self, aaguid: str) -> bool:
        return not self.aaguids or aaguid in self.aaguids

    def takes(self, *, attested: bool, aaguid: str) -> bool:
        """Return whether a passkey that was registered earlier may answer, as it was attested then."""
        return not self.direct or (attested and self.lists(aaguid))

    def to_json(self) -> dict[str, Any] | None:
        """Return what a row keeps; None where nothing is asked."""
        return {"aaguids": sorted(self.aaguids)} if self.direct else None


ASKS_NOTHING = AttestationPolicy()


def policy_of(kept: Mapping[str, Any] | None) -> AttestationPolicy:
    """Return the policy that to_json wrote."""
    return ASKS_NOTHING if kept is None else AttestationPolicy(True, frozenset(kept["aaguids"]))


def refuse_untrusted(new: Registered, policy: AttestationPolicy, metadata: Metadata | None, *, now: datetime) -> None:
    """Check a new passkey against a `direct` policy: the numbered checks above.

    Raises:
        ModelRefused, MetadataUnusable: one of them does not hold.
    """
    if not policy.lists(new.aaguid):  # 1
        raise ModelRefused(f"the model {new.aaguid} is not on the client's list")
    if metadata is None or metadata.is_stale(now):  # 2
        raise MetadataUnusable("there is no metadata" if metadata is None else "the metadata is stale")
    model = metadata.models.get(new.aaguid)
    if model is None:
        raise ModelRefused(f"the metadata does not know the model {new.aaguid}")
    if model.broken:
        raise ModelRefused(f"the metadata says {', '.join(sorted(model.broken))}")
    try:
        _verify(new, model)  # 3, 4
    except CeremonyRefused:
        raise
    except Exception as problem:  # the verifiers raise whatever odd bytes make them raise
        raise ModelRefused(f"the statement does not verify: {type(problem).__name__}: {problem}") from problem


def _verify(new: Registered, model: Model) -> None:
    verifier = _VERIFIERS.get(new.statement.format)
    if verifier is None:
        raise ModelRefused(f"a statement of format {new.statement.format[:40]!r} is not verified here")
    if not model.roots:  # py_webauthn would take any chain
        raise ModelRefused("the metadata names no root for the model")
    statement = parse_attestation_object(new.statement.attestation_object).att_stmt
    if not statement.x5c:
        raise ModelRefused("self-attestation vouches for nothing")
    roots = [_pem(root) for root in model.roots]
    validate_certificate_chain(x5c=statement.x5c, pem_root_certs_bytes=roots)
    verified = verifier(
        attestation_statement=statement,
        attestation_object=new.statement.attestation_object,
        client_data_json=new.statement.client_data,
        credential_public_key=_credential_key(new),
        pem_root_certs_bytes=roots,
    )
    if not verified:
        raise ModelRefused("the statement does not verify")
    certificate = x509.load_der_x509_certificate(statement.x5c[0])
    _check_named_model(certificate, new.aaguid)
    if new.statement.format == "packed":
        _check_packed_certificate(certificate)


def _credential_key(new: Registered) -> bytes:
    data = parse_authenticator_data(parse_cbor(new.statement.attestation_object)["authData"])
    assert data.attested_credential_data is not None  # the ceremony made sure
    return data.attested_credential_data.credential_public_key


def _check_packed_certificate(certificate: x509.Certificate) -> None:
    subject = certificate.subject
    units = [attribute.value for attribute in subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    named = all(
        subject.get_attributes_for_oid(oid)
        for oid in (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    )
    if certificate.version is not x509.Version.v3 or units != ["Authenticator Attestation"] or not named:
        raise ModelRefused("the attestation certificate's subject is not as the format wants it")
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    if constraints.ca:
        raise ModelRefused("the attestation certificate may sign others")


def _check_named_model(certificate: x509.Certificate, aaguid: str) -> None:
    try:
        named_model = certificate.extensions.get_extension_for_oid(_FIDO_AAGUID)
    except x509.ExtensionNotFound:
        return
    value = named_model.value
    expected = _OCTET_STRING + bytes.fromhex(aaguid.replace("-", ""))
    if named_model.critical or not isinstance(value, x509.UnrecognizedExtension) or value.value != expected:
        raise ModelRefused("the attestation certificate is of another model")


def _pem(root: bytes) -> bytes:
    return x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM)
