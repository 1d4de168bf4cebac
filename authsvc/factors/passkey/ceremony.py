"""WebAuthn ceremonies through py_webauthn 3, with the checks that it leaves to us.

py_webauthn verifies type, challenge, origin, relying party, flags and signature. Beyond it:
1. a response from an embedded page (`crossOrigin`, `topOrigin`) is refused: nobody embeds this sign-in;
2. the signature counter is ours to judge (it would refuse one that went backwards): it is evidence, not a lock;
3. whatever it raises on odd bytes becomes one refusal, so that garbage is a 400 and never a 500.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from authsvc.factors.passkey.store import Passkey

TIMEOUT_MS = 300_000
CHALLENGE_BYTES = 32
MAX_CREDENTIAL_ID_BYTES = 1023  # WebAuthn Level 3, 4 "Credential ID"
ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class CeremonyRefused(Exception):
    """The authenticator's response does not prove what it should; `reason` is for the evidence, not for the page."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class RelyingParty:
    """Who asks: the RP id, its name, and the one origin responses may come from."""

    id: str
    name: str
    origin: str


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


@dataclass(frozen=True)
class Asserted:
    """A verified assertion."""

    sign_count: int
    backed_up: bool
    counter_went_back: bool
    eligibility_changed: bool


def creation_options(
    rp: RelyingParty,
    *,
    user_handle: bytes,
    email: str,
    display_name: str,
    challenge: bytes,
    exclude: Sequence[Passkey],
) -> dict[str, Any]:
    """Return PublicKeyCredentialCreationOptions as JSON: a discoverable credential with user verification."""
    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        user_id=user_handle,
        user_name=email,
        user_display_name=display_name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in exclude],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


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


def challenge_of(credential: Mapping[str, Any]) -> bytes:
    """Return the challenge a response claims to answer; it is looked up before anything is verified.

    Raises:
        CeremonyRefused: it is no WebAuthn response.
    """
    return _bytes(_client_data(credential).get("challenge"), "the challenge")


def verify_creation(rp: RelyingParty, credential: Mapping[str, Any], *, challenge: bytes) -> Registered:
    """Verify a registration response (WebAuthn Level 3, 7.1). Raises CeremonyRefused."""
    _refuse_embedded(credential)
    try:
        verified = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except Exception as problem:  # the parser raises whatever odd bytes make it raise
        raise CeremonyRefused(_reason(problem)) from problem
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise CeremonyRefused("the credential id is too long")
    return Registered(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.aaguid,
        _transports(credential),
        verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        verified.credential_backed_up,
    )


def verify_assertion(
    rp: RelyingParty, credential: Mapping[str, Any], *, challenge: bytes, passkey: Passkey
) -> Asserted:
    """Verify an authentication response against a registered passkey (WebAuthn Level 3, 7.2).

    Raises:
        CeremonyRefused: it does not verify.
    """
    _refuse_embedded(credential)
    try:
        verified = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as problem:
        raise CeremonyRefused(_reason(problem)) from problem
    eligible = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return Asserted(
        verified.new_sign_count,
        verified.credential_backed_up,
        counter_went_back=passkey.sign_count > 0 and verified.new_sign_count <= passkey.sign_count,
        eligibility_changed=eligible != passkey.backup_eligible,
    )


def credential_id_of(credential: Mapping[str, Any]) -> bytes:
    """Return the credential id a response names. Raises CeremonyRefused."""
    return _bytes(credential.get("id"), "the credential id")


def user_handle_of(credential: Mapping[str, Any]) -> bytes | None:
    """Return the user handle of an assertion, if the authenticator gave one. Raises CeremonyRefused."""
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, Mapping) else None
    return None if handle is None else _bytes(handle, "the user handle")


def _refuse_embedded(credential: Mapping[str, Any]) -> None:
    data = _client_data(credential)
    if data.get("crossOrigin") not in (None, False) or "topOrigin" in data:
        raise CeremonyRefused("the response comes from an embedded page")


def _client_data(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    response = credential.get("response")
    if not isinstance(response, Mapping):
        raise CeremonyRefused("the response is missing")
    try:
        data = json.loads(base64url_to_bytes(_text(response.get("clientDataJSON"))))
    except (ValueError, RecursionError) as problem:
        raise CeremonyRefused("clientDataJSON is malformed") from problem
    if not isinstance(data, dict):
        raise CeremonyRefused("clientDataJSON is malformed")
    return data


def _transports(credential: Mapping[str, Any]) -> tuple[str, ...]:
    listed = credential["response"].get("transports")
    known = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
    return tuple(name for name in known if isinstance(listed, list) and name in listed)


def _bytes(value: object, what: str) -> bytes:
    try:
        return base64url_to_bytes(_text(value))
    except ValueError as problem:
        raise CeremonyRefused(f"{what} is not base64url") from problem


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise CeremonyRefused("a field is missing")
    return value


def _reason(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:200]
