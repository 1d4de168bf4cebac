"""WebAuthn ceremonies: what is asked of an authenticator, and whether what comes back proves it. Pure.

A registration (WebAuthn Level 3, 7.1) and an assertion (7.2) share these checks:
1. the client data is of this ceremony's type;
2. it answers this challenge;
3. it comes from one of our origins, compared as a whole text, so that no look-alike passes;
4. no page frames ours: `crossOrigin` is false and there is no `topOrigin`, unless the rules name who may;
5. the authenticator data is for our RP ID;
6. a person was present, and was verified, unless the rules do without;
7. a credential that is backed up is eligible for it.
A registration also: 8. the key is of an algorithm that was offered; 9. the credential id is the one the response names.
The attestation statement is judged in attestation.py, and only where somebody asked for it.
An assertion also: 8. it carries no attested credential; 9. the signature verifies with the registered key;
10. backup eligibility is what it was at registration. The signature counter is compared, but refuses nothing: a copied
authenticator and one restored from a backup look alike.

Extension outputs that nobody asked for are ignored (7.1 and 7.2 leave that to us), if they are a CBOR map.
py_webauthn takes the authenticator data apart; its own verification stops at the statements of five of the fifteen
W3C test vectors, so the checks are made here.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import options_to_json_dict, parse_authenticator_data, parse_cbor
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticatorData,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from authsvc.factors.passkey.cose_key import ALGORITHMS, read_key
from authsvc.factors.passkey.response import (
    CeremonyRefused,
    ClientData,
    client_data_of,
    credential_id_of,
    response_bytes,
    transports_of,
)
from authsvc.factors.passkey.store import Passkey

TIMEOUT_MS = 300_000
CHALLENGE_BYTES = 32
AAGUID_BYTES = 16


@dataclass(frozen=True)
class RelyingParty:
    """Who asks: the RP ID, its name, and the origins that responses may come from: ours, and related ones (5.11)."""

    id: str
    name: str
    origin: str
    related_origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """What a ceremony asks of its surroundings."""

    user_present: bool = True
    user_verified: bool = True
    framed_by: frozenset[str] = frozenset()  # origins of pages that may frame ours


STRICT = Rules()
# A browser that makes a passkey by itself, after a sign-in, shows nothing to the person (7.1, step 15).
CONDITIONAL = Rules(user_present=False, user_verified=False)


@dataclass(frozen=True)
class Statement:
    """An attestation statement and what it is about, for whoever has to verify it."""

    format: str
    attestation_object: bytes
    client_data: bytes


@dataclass(frozen=True)
class Registered:
    """A verified new credential."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    user_verified: bool
    statement: Statement
    attested: bool = False  # attestation.py has verified the statement


@dataclass(frozen=True)
class Asserted:
    """A verified assertion."""

    sign_count: int
    backed_up: bool
    user_verified: bool
    counter_went_back: bool
    backup_changed: bool


def creation_options(
    rp: RelyingParty,
    *,
    user_handle: bytes,
    email: str,
    display_name: str,
    challenge: bytes,
    exclude: Sequence[Passkey],
    rules: Rules = STRICT,
    direct_attestation: bool = False,
) -> dict[str, Any]:
    """Return PublicKeyCredentialCreationOptions as JSON: a discoverable credential with user verification."""
    options = options_to_json_dict(
        generate_registration_options(
            rp_id=rp.id,
            rp_name=rp.name,
            user_id=user_handle,
            user_name=email,
            user_display_name=display_name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            attestation=AttestationConveyancePreference.DIRECT
            if direct_attestation
            else AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED
                if rules.user_verified
                else UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in exclude],
        )
    )
    options["pubKeyCredParams"] = [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS]
    return options


def request_options(rp: RelyingParty, *, challenge: bytes, allow: Sequence[Passkey]) -> dict[str, Any]:
    """Return PublicKeyCredentialRequestOptions as JSON; `allow` is empty where the authenticator names the account."""
    options = generate_authentication_options(
        rp_id=rp.id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in allow],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def verify_creation(
    rp: RelyingParty, credential: Mapping[str, Any], *, challenge: bytes, rules: Rules = STRICT
) -> Registered:
    """Verify a registration response: the numbered checks above.

    Raises:
        CeremonyRefused: one of them does not hold.
    """
    client = _client_data(rp, credential, "webauthn.create", challenge, rules)  # 1 to 4
    attestation_object = response_bytes(credential, "attestationObject")
    fmt, data = _attestation_object(attestation_object)
    _check_data(rp, data, rules)  # 5 to 7
    attested = data.attested_credential_data
    if attested is None or len(attested.aaguid) != AAGUID_BYTES:
        raise CeremonyRefused("there is no attested credential")
    _check_key(attested)  # 8
    if attested.credential_id != credential_id_of(credential):  # 9
        raise CeremonyRefused("the credential id is not the one that was attested")
    return Registered(
        credential_id=attested.credential_id,
        public_key=attested.credential_public_key,
        sign_count=data.sign_count,
        aaguid=dashed(attested.aaguid),
        transports=transports_of(credential),
        backup_eligible=data.flags.be,
        backed_up=data.flags.bs,
        user_verified=data.flags.uv,
        statement=Statement(fmt, attestation_object, client.raw),
    )


def verify_assertion(
    rp: RelyingParty, credential: Mapping[str, Any], *, challenge: bytes, passkey: Passkey, rules: Rules = STRICT
) -> Asserted:
    """Verify an authentication response against a registered passkey: the numbered checks above.

    Raises:
        CeremonyRefused: one of them does not hold.
    """
    client = _client_data(rp, credential, "webauthn.get", challenge, rules)  # 1 to 4
    raw = response_bytes(credential, "authenticatorData")
    data = _authenticator_data(raw)
    _check_data(rp, data, rules)  # 5 to 7
    if data.flags.at:  # 8
        raise CeremonyRefused("an assertion carries no attested credential")
    try:
        signed = raw + hashlib.sha256(client.raw).digest()
        read_key(passkey.public_key).verify(response_bytes(credential, "signature"), signed)  # 9
    except (InvalidSignature, ValueError) as problem:
        raise CeremonyRefused("the signature does not verify") from problem
    if data.flags.be != passkey.backup_eligible:  # 10
        raise CeremonyRefused("the backup eligibility changed", "passkey.backup_eligibility_changed")
    return Asserted(
        data.sign_count,
        data.flags.bs,
        data.flags.uv,
        counter_went_back=passkey.sign_count > 0 and data.sign_count <= passkey.sign_count,
        backup_changed=data.flags.bs != passkey.backed_up,
    )


def dashed(aaguid: bytes) -> str:
    """Return an AAGUID as it is written: 8-4-4-4-12 hexadecimal digits."""
    text = aaguid.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _client_data(
    rp: RelyingParty, credential: Mapping[str, Any], kind: str, challenge: bytes, rules: Rules
) -> ClientData:
    client = client_data_of(credential)
    if client.type != kind:  # 1
        raise CeremonyRefused("the client data is of another type")
    if not hmac.compare_digest(client.challenge, challenge):  # 2
        raise CeremonyRefused("the client data answers another challenge")
    if client.origin not in (rp.origin, *rp.related_origins):  # 3
        raise CeremonyRefused("the response comes from another origin")
    framed = client.cross_origin and not rules.framed_by
    if framed or (client.top_origin is not None and client.top_origin not in rules.framed_by):  # 4
        raise CeremonyRefused("the response comes from an embedded page")
    return client


def _check_data(rp: RelyingParty, data: AuthenticatorData, rules: Rules) -> None:
    if not hmac.compare_digest(data.rp_id_hash, hashlib.sha256(rp.id.encode()).digest()):  # 5
        raise CeremonyRefused("the authenticator answered another relying party")
    if rules.user_present and not data.flags.up:  # 6
        raise CeremonyRefused("nobody was present")
    if rules.user_verified and not data.flags.uv:
        raise CeremonyRefused("the person was not verified")
    if data.flags.bs and not data.flags.be:  # 7
        raise CeremonyRefused("backed up without being eligible for it")


def _check_key(attested: AttestedCredentialData) -> None:
    try:
        read_key(attested.credential_public_key)
    except Exception as problem:  # cryptography and the CBOR reader raise whatever odd numbers make them raise
        raise CeremonyRefused(_reason(problem)) from problem


def _attestation_object(raw: bytes) -> tuple[str, AuthenticatorData]:
    try:
        parts = parse_cbor(raw)
    except Exception as problem:
        raise CeremonyRefused("the attestation object is malformed") from problem
    if not isinstance(parts, dict) or not isinstance(parts.get("attStmt"), dict):
        raise CeremonyRefused("the attestation object is malformed")
    fmt, data = parts.get("fmt"), parts.get("authData")
    if not isinstance(fmt, str) or not isinstance(data, bytes):
        raise CeremonyRefused("the attestation object is malformed")
    return fmt, _authenticator_data(data)


def _authenticator_data(raw: bytes) -> AuthenticatorData:
    try:
        data = parse_authenticator_data(raw)
        extensions = parse_cbor(data.extensions) if data.extensions is not None else {}
    except Exception as problem:  # it raises whatever odd bytes make it raise
        raise CeremonyRefused(f"the authenticator data is malformed: {_reason(problem)}") from problem
    if not isinstance(extensions, dict):
        raise CeremonyRefused("the extension data is no map")
    return data


def _reason(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:200]
