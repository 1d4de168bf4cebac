"""The 15 registrations and sign-ins of W3C Web Authentication Level 3, 16 "Test Vectors", as the service verifies them.

With attestation policy `none` every row whose algorithm is offered registers and signs in. Two rows have answers from
an embedded page: they pass with a rule that names the page around it, and are refused without one, as in the service.
Rows whose UV bit is 0 run without that rule. With policy `direct` and metadata that names the vectors' own root, the
rows say which statements can be verified; the others are refused. docs/reference/passkeys.md shows the same table.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from webauthn.helpers import parse_authenticator_data

from authsvc.cli.soft_authenticator import encoded
from authsvc.factors.passkey.attestation import AttestationPolicy, refuse_untrusted
from authsvc.factors.passkey.ceremony import (
    STRICT,
    Registered,
    RelyingParty,
    Rules,
    verify_assertion,
    verify_creation,
)
from authsvc.factors.passkey.cose_key import ALGORITHMS, read_key
from authsvc.factors.passkey.metadata import Metadata, Model
from authsvc.factors.passkey.response import CeremonyRefused
from authsvc.factors.passkey.store import Passkey

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIRECT = AttestationPolicy(direct=True)
ROOT = Path(__file__).parents[2]
UV = 0x04


@dataclass(frozen=True)
class Expected:
    """One row of the table."""

    algorithm: int
    format: str
    framed: str = ""  # what refuses it where nobody may frame our pages
    direct: str = "verified"  # or what the refusal says


NO_STATEMENT = "a statement of format 'none' is not verified here"
UNVERIFIED = "the statement does not verify"
TABLE = {
    "none-es256": Expected(-7, "none", direct=NO_STATEMENT),
    "packed-self-es256": Expected(-7, "packed", direct="self-attestation vouches for nothing"),
    "none-es256-crossOrigin": Expected(-7, "none", "crossOrigin", NO_STATEMENT),
    "none-es256-topOrigin": Expected(-7, "none", "topOrigin", NO_STATEMENT),
    "none-es256-long-credential-id": Expected(-7, "none", direct=NO_STATEMENT),
    "packed-es256": Expected(-7, "packed"),
    "packed-es384": Expected(-35, "packed"),
    "packed-es512": Expected(-36, "packed"),
    "packed-rs256": Expected(-257, "packed"),
    "packed-eddsa": Expected(-8, "packed"),
    "packed-ed448": Expected(-53, "packed"),
    "tpm-es256": Expected(-7, "tpm", direct=UNVERIFIED),
    "android-key-es256": Expected(-7, "android-key", direct=UNVERIFIED),
    "apple-es256": Expected(-7, "apple"),
    "fido-u2f-es256": Expected(-7, "fido-u2f", direct="a statement of format 'fido-u2f' is not verified here"),
}


@dataclass(frozen=True)
class Row:
    """One vector, ready to be verified."""

    name: str
    rp: RelyingParty
    framed_by: str
    registration: dict[str, bytes]
    authentication: dict[str, bytes]

    def created(self) -> dict[str, Any]:
        response = {name: encoded(self.registration[name]) for name in ("clientDataJSON", "attestationObject")}
        return self._credential(response)

    def asserted(self) -> dict[str, Any]:
        names = ("clientDataJSON", "authenticatorData", "signature")
        return self._credential({name: encoded(self.authentication[name]) for name in names})

    def register(self, rules: Rules) -> Registered:
        return verify_creation(self.rp, self.created(), challenge=self.registration["challenge"], rules=rules)

    def sign_in(self, new: Registered, rules: Rules) -> None:
        passkey = Passkey(
            id="pky",
            account_id="acc",
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=0,
            aaguid=new.aaguid,
            transports=(),
            backup_eligible=new.backup_eligible,
            backed_up=new.backed_up,
            name="Passkey",
            created_at=NOW,
        )
        challenge = self.authentication["challenge"]
        verify_assertion(self.rp, self.asserted(), challenge=challenge, passkey=passkey, rules=rules)

    def rules(self, data: bytes) -> Rules:
        """Return the service's rules, less those that this answer was made without."""
        verified = bool(parse_authenticator_data(data).flags.uv)
        framed = frozenset({self.framed_by}) if TABLE[self.name].framed else frozenset[str]()
        return replace(STRICT, user_verified=verified, framed_by=framed)

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        name = encoded(self.registration["credential_id"])
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


@pytest.fixture(scope="module")
def vectors(research_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((research_data / "webauthn" / "w3c_l3_test_vectors.json").read_text())
    return found


@pytest.fixture(scope="module")
def rows(vectors: dict[str, Any]) -> dict[str, Row]:
    rp = RelyingParty(vectors["rp_id"], "Vectors", vectors["origin"])
    return {
        (name := each["id"].removeprefix("sctn-test-vectors-")): Row(
            name, rp, vectors["top_origin"], _bytes(each["registration"]), _bytes(each["authentication"])
        )
        for each in vectors["vectors"]
    }


def _bytes(values: dict[str, str]) -> dict[str, bytes]:
    return {name: bytes.fromhex(value) for name, value in values.items()}


def _auth_data(attestation_object: bytes) -> bytes:
    from webauthn.helpers import parse_cbor

    data = parse_cbor(attestation_object)["authData"]
    assert isinstance(data, bytes)
    return data


def test_the_table_has_every_vector(rows: dict[str, Row]) -> None:
    assert list(rows) == list(TABLE)
    assert len(TABLE) == 15


@pytest.mark.parametrize("name", TABLE)
def test_a_vector_registers_and_signs_in(rows: dict[str, Row], name: str) -> None:
    row, expected = rows[name], TABLE[name]
    new = row.register(row.rules(_auth_data(row.registration["attestationObject"])))
    assert new.statement.format == expected.format
    assert read_key(new.public_key).algorithm == expected.algorithm
    assert expected.algorithm in ALGORITHMS
    row.sign_in(new, row.rules(row.authentication["authenticatorData"]))


@pytest.mark.parametrize("name", [name for name, expected in TABLE.items() if expected.framed])
def test_a_vector_from_an_embedded_page_is_refused_by_the_services_own_rules(rows: dict[str, Row], name: str) -> None:
    rules = replace(STRICT, user_verified=False)
    with pytest.raises(CeremonyRefused, match="embedded"):
        rows[name].register(rules)
    other = replace(rules, framed_by=frozenset({"https://elsewhere.example"}))
    if TABLE[name].framed == "topOrigin":
        with pytest.raises(CeremonyRefused, match="embedded"):
            rows[name].register(other)


@pytest.mark.parametrize("name", TABLE)
def test_a_vector_without_user_verification_is_refused_by_the_services_own_rules(
    rows: dict[str, Row], name: str
) -> None:
    row = rows[name]
    data = _auth_data(row.registration["attestationObject"])
    if data[32] & UV:
        row.register(row.rules(data))
        return
    with pytest.raises(CeremonyRefused, match="the person was not verified"):
        row.register(replace(row.rules(data), user_verified=True))


@pytest.mark.parametrize("name", TABLE)
def test_what_direct_attestation_makes_of_a_vector(rows: dict[str, Row], vectors: dict[str, Any], name: str) -> None:
    row, expected = rows[name], TABLE[name]
    new = row.register(row.rules(_auth_data(row.registration["attestationObject"])))
    root = bytes.fromhex(vectors["root"]["attestation_ca_cert"])
    model = Model(new.aaguid, "a vector", (root,), frozenset({"FIDO_CERTIFIED"}))
    metadata = Metadata(1, date(2026, 4, 1), {new.aaguid: model})
    if expected.direct == "verified":
        refuse_untrusted(new, DIRECT, metadata, now=NOW)
        return
    with pytest.raises(CeremonyRefused) as refusal:
        refuse_untrusted(new, DIRECT, metadata, now=NOW)
    assert refusal.value.code("") == "passkey.authenticator_not_accepted"
    assert refusal.value.reason.startswith(expected.direct)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("part", ["authenticatorData", "signature", "clientDataJSON"])
def test_a_vector_with_one_bit_changed_is_refused(rows: dict[str, Row], name: str, part: str) -> None:
    row = rows[name]
    new = row.register(row.rules(_auth_data(row.registration["attestationObject"])))
    rules = row.rules(row.authentication["authenticatorData"])
    for at in _places(row.authentication[part]):
        bent = bytearray(row.authentication[part])
        bent[at] ^= 0x01
        with pytest.raises(CeremonyRefused):
            replace(row, authentication={**row.authentication, part: bytes(bent)}).sign_in(new, rules)


def _places(data: bytes) -> Iterator[int]:
    return iter(range(0, len(data), max(1, len(data) // 16)))


def test_the_table_in_the_reference_is_this_one() -> None:
    text = (ROOT / "docs" / "reference" / "passkeys.md").read_text()
    for name, expected in TABLE.items():
        direct = "verified" if expected.direct == "verified" else "refused"
        framed = "passes, where the framing page is named" if expected.framed else "passes"
        assert f"| `{name}` | {expected.algorithm} | {framed} | {direct}" in text
