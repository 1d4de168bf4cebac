"""What a browser hands over after a ceremony, read strictly: `PublicKeyCredential.toJSON()` (WebAuthn Level 3, 5.1.9).

Nothing is verified here. Whatever is missing, of another type, no base64url or no JSON is one refusal, so that garbage
ends as a 400 and never as a 500. Pure.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_CREDENTIAL_ID_BYTES = 1023  # WebAuthn Level 3, 4 "Credential ID"
# Enough for a statement with a chain of certificates. CBOR can hold numbers that take the square of their length to
# read: half a second in 48 kB.
MAX_PART_BYTES = 16 * 1024
TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")


class CeremonyRefused(Exception):
    """The authenticator's response does not prove what it should; `reason` is for the evidence, not for the page.

    `code` is set where the evidence should name the case by a code of its own.
    """

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self._code = code

    def code(self, otherwise: str) -> str:
        """Return the code for the evidence; `otherwise` is that of the ceremony."""
        return self._code or otherwise


@dataclass(frozen=True)
class ClientData:
    """CollectedClientData (5.8.1) and the bytes that were signed. Members that we don't know are allowed."""

    raw: bytes
    type: str
    challenge: bytes
    origin: str
    cross_origin: bool
    top_origin: str | None


def client_data_of(credential: Mapping[str, Any]) -> ClientData:
    """Return the client data of either ceremony. Raises CeremonyRefused."""
    raw = bytes_of(_response(credential), "clientDataJSON")
    try:
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as problem:
        raise CeremonyRefused("clientDataJSON is malformed") from problem
    if not isinstance(data, dict):
        raise CeremonyRefused("clientDataJSON is malformed")
    cross_origin, top_origin = data.get("crossOrigin", False), data.get("topOrigin")
    if not isinstance(cross_origin, bool) or not (top_origin is None or isinstance(top_origin, str)):
        raise CeremonyRefused("clientDataJSON is malformed")
    return ClientData(
        raw,
        _text(data, "type"),
        bytes_of(data, "challenge"),
        _text(data, "origin"),
        cross_origin,
        # A member that is there but null is still a frame's.
        top_origin if "topOrigin" not in data or top_origin is not None else "null",
    )


def challenge_of(credential: Mapping[str, Any]) -> bytes:
    """Return the challenge a response claims to answer; it is looked up before anything is verified.

    Raises:
        CeremonyRefused: it is no WebAuthn response.
    """
    return client_data_of(credential).challenge


def credential_id_of(credential: Mapping[str, Any]) -> bytes:
    """Return the credential id a response names. Raises CeremonyRefused."""
    credential_id = bytes_of(credential, "id")
    if credential.get("rawId") != credential.get("id"):
        raise CeremonyRefused("id and rawId differ")
    if credential.get("type") != "public-key":
        raise CeremonyRefused("it is no public-key credential")
    if not 0 < len(credential_id) <= MAX_CREDENTIAL_ID_BYTES:
        raise CeremonyRefused("the credential id is empty or too long")
    return credential_id


def user_handle_of(credential: Mapping[str, Any]) -> bytes | None:
    """Return the user handle of an assertion, if the authenticator gave one. Raises CeremonyRefused."""
    response = _response(credential)
    return None if response.get("userHandle") is None else bytes_of(response, "userHandle")


def response_bytes(credential: Mapping[str, Any], name: str) -> bytes:
    """Return a member of the response. Raises CeremonyRefused."""
    data = bytes_of(_response(credential), name)
    if len(data) > MAX_PART_BYTES:
        raise CeremonyRefused(f"{name} is too large")
    return data


def transports_of(credential: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the known ones among the transports that the browser names; they are hints only."""
    listed = _response(credential).get("transports")
    return tuple(name for name in TRANSPORTS if isinstance(listed, list) and name in listed)


def bytes_of(values: Mapping[str, Any], name: str) -> bytes:
    """Return what a member encodes in base64url without padding (5.1.8). Raises CeremonyRefused."""
    text = _text(values, name)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as problem:
        raise CeremonyRefused(f"{name} is not base64url") from problem
    return data


def _response(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    response = credential.get("response")
    if not isinstance(response, Mapping):
        raise CeremonyRefused("the response is missing")
    return response


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise CeremonyRefused(f"{name} is missing")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member appears twice")
    return found
