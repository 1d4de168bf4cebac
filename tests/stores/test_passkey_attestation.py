"""What a client's attestation policy takes and refuses, and the operator's metadata file behind it."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.factors.passkey.attestation import ASKS_NOTHING, AttestationPolicy, policy_of
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.metadata import Metadata, Model
from authsvc.factors.passkey.metadata_file import NO_METADATA, MetadataFile, open_metadata
from authsvc.factors.passkey.service import Passkeys, Proven, Refused
from authsvc.factors.passkey.store import believe
from authsvc.factors.passkey.tables import believed_metadata
from authsvc.settings import SettingsProblem
from tests.support.clocks import SettableClock
from tests.support.fido import (
    AAGUID,
    MODEL,
    SIGNER,
    Service,
    anonymous,
    attestation_leaf,
    authority,
    entry,
    packed,
    self_attested,
)
from tests.support.passkeys import ORIGIN, RP_ID, PasskeyBench

DIRECT = AttestationPolicy(direct=True)
LISTED = AttestationPolicy(direct=True, aaguids=frozenset({MODEL}))
VENDOR = authority("Vendor")
ELSEWHERE = authority("Elsewhere")
NOT_ACCEPTED = Refused("passkey.authenticator_not_accepted", None)
UNUSABLE = Refused("passkey.metadata_unusable", None)


@dataclass
class Given:
    """Metadata that a test holds in its hand."""

    metadata: Metadata | None

    def current(self, now: datetime) -> Metadata | None:
        return self.metadata


def knows(
    *statuses: str, aaguid: str = MODEL, root: bytes = VENDOR.der, roots: tuple[bytes, ...] | None = None
) -> Given:
    model = Model(aaguid, "", (root,) if roots is None else roots, frozenset(statuses))
    return Given(Metadata(1, date(2200, 1, 1), {aaguid: model}))


@pytest.fixture
def bench(sqlite_only_database: Database, audit: Audit, clock: SettableClock) -> PasskeyBench:
    return PasskeyBench(sqlite_only_database, Passkeys(RelyingParty(RP_ID, "Shop", ORIGIN), audit, knows()), clock)


def vendors_key(**certificate: Any) -> SoftAuthenticator:
    """An authenticator of the vendor, whose statements its own attestation key signs."""
    issuer = certificate.pop("issuer", VENDOR)
    return SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID, attester=packed(attestation_leaf(issuer, **certificate)))


def with_metadata(bench: PasskeyBench, given: Given) -> PasskeyBench:
    bench.service = Passkeys(bench.service.rp, bench.service.audit, given)
    return bench


@pytest.mark.parametrize("policy", [DIRECT, LISTED])
def test_a_model_that_the_metadata_vouches_for_is_taken(bench: PasskeyBench, policy: AttestationPolicy) -> None:
    owner, authenticator = bench.add_account(), vendors_key()
    assert bench.creation_options(owner, attestation=policy)["attestation"] == "direct"
    assert isinstance(bench.register(owner, authenticator, policy), str)
    assert bench.facts("passkey:factor:added")[-1]["attested"]
    outcome = bench.verify(authenticator.get(bench.request_options()), attestation=policy)
    assert isinstance(outcome, Proven)


def test_by_default_nothing_is_asked_and_nothing_is_verified(bench: PasskeyBench) -> None:
    for authenticator in (vendors_key(issuer=ELSEWHERE), SoftAuthenticator(RP_ID, ORIGIN)):
        assert isinstance(bench.register(bench.add_account(), authenticator), str)
        assert not bench.facts("passkey:factor:added")[-1]["attested"]


def test_a_model_that_is_not_on_the_list_is_refused(bench: PasskeyBench) -> None:
    policy = AttestationPolicy(direct=True, aaguids=frozenset({"00000000-0000-0000-0000-00000000ffff"}))
    assert bench.register(bench.add_account(), vendors_key(), policy) == NOT_ACCEPTED
    assert bench.facts("passkey:ceremony:refused") == [{"code": "passkey.authenticator_not_accepted"}]


def test_a_model_that_the_metadata_does_not_know_is_refused(bench: PasskeyBench) -> None:
    with_metadata(bench, knows(aaguid="00000000-0000-0000-0000-00000000ffff"))
    assert bench.register(bench.add_account(), vendors_key(), DIRECT) == NOT_ACCEPTED


@pytest.mark.parametrize("status", ["REVOKED", "USER_VERIFICATION_BYPASS", "ATTESTATION_KEY_COMPROMISE"])
def test_a_broken_model_is_refused(bench: PasskeyBench, status: str) -> None:
    with_metadata(bench, knows("FIDO_CERTIFIED", status))
    assert bench.register(bench.add_account(), vendors_key(), LISTED) == NOT_ACCEPTED


def test_stale_metadata_vouches_for_nothing(bench: PasskeyBench) -> None:
    given = knows()
    assert given.metadata is not None
    stale = Metadata(1, bench.clock.now().date().replace(year=2000), given.metadata.models)
    with_metadata(bench, Given(stale))
    assert bench.register(bench.add_account(), vendors_key(), DIRECT) == UNUSABLE


def numbered(number: int, signer: str = SIGNER) -> Given:
    given = knows().metadata
    assert given is not None
    return Given(replace(given, number=number, signer=signer))


def test_metadata_that_was_rolled_back_vouches_for_nothing_after_a_restart(bench: PasskeyBench) -> None:
    def take(given: Given) -> Any:
        return with_metadata(bench, given).register(bench.add_account(), vendors_key(), DIRECT)

    assert isinstance(take(numbered(8)), str)
    believed_at = bench.clock.now()
    bench.clock.advance(hours=1)
    assert take(numbered(7)) == UNUSABLE  # as a process that is started with the older file sees it
    assert bench.facts("passkey:metadata:rolled_back") == [{"signer": SIGNER, "number": 7, "believed": 8}]
    assert isinstance(take(numbered(8)), str)
    assert isinstance(take(numbered(9)), str)
    assert take(numbered(8)) == UNUSABLE
    assert isinstance(take(numbered(1, signer="another.example")), str)  # numbers of their own
    with bench.database.read() as connection:
        rows = connection.execute(select(believed_metadata).order_by(believed_metadata.c.number)).all()
    assert [(row.signer, row.number) for row in rows] == [("another.example", 1), (SIGNER, 9)]
    assert rows[1].believed_at > believed_at


def test_of_many_processes_with_different_files_the_newest_is_remembered(database: Database) -> None:
    def offer(number: int) -> int:
        given = numbered(number).metadata
        assert given is not None
        with database.write() as connection:
            return believe(connection, given, NOW).number

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(offer, range(1, 17)))
    assert all(answer >= number for number, answer in enumerate(answers, start=1))
    assert offer(3) == 16


def test_without_metadata_no_model_is_taken(bench: PasskeyBench) -> None:
    with_metadata(bench, Given(None))
    assert bench.register(bench.add_account(), vendors_key(), DIRECT) == UNUSABLE


def test_metadata_without_a_root_takes_nothing(bench: PasskeyBench) -> None:
    with_metadata(bench, knows(roots=()))
    assert bench.register(bench.add_account(), vendors_key(), DIRECT) == NOT_ACCEPTED


def test_apples_own_root_vouches_for_no_model_of_another_vendor(
    bench: PasskeyBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """py_webauthn takes that root beside the model's own; the statement says nothing of the AAGUID but what we read."""
    monkeypatch.setattr("webauthn.registration.formats.apple.apple_webauthn_root_ca", ELSEWHERE.pem)
    claims = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID)
    anonymous(claims, ELSEWHERE)
    assert bench.register(bench.add_account(), claims, LISTED) == NOT_ACCEPTED
    with_metadata(bench, knows(root=ELSEWHERE.der))
    assert isinstance(bench.register(bench.add_account(), claims, LISTED), str)


@pytest.mark.parametrize(("named", "taken"), [(AAGUID, True), (bytes(16), False)])
def test_a_certificate_of_any_format_that_names_a_model_names_this_one(
    bench: PasskeyBench, named: bytes, taken: bool
) -> None:
    authenticator = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID)
    anonymous(authenticator, VENDOR, aaguid=named)
    assert isinstance(bench.register(bench.add_account(), authenticator, LISTED), str) is taken


def test_no_statement_is_refused(bench: PasskeyBench) -> None:
    plain = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID)
    assert bench.register(bench.add_account(), plain, DIRECT) == NOT_ACCEPTED


def test_an_authenticator_that_vouches_for_itself_is_refused(bench: PasskeyBench) -> None:
    own = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID)
    self_attested(own)
    assert bench.register(bench.add_account(), own, DIRECT) == NOT_ACCEPTED


@pytest.mark.parametrize(
    "certificate",
    [
        {"issuer": ELSEWHERE},
        {"unit": "Marketing"},
        {"aaguid": bytes(16)},
        {"ca": True},
    ],
    ids=["another root", "another unit", "another model's", "an authority's"],
)
def test_an_attestation_certificate_that_is_not_the_models_is_refused(
    bench: PasskeyBench, certificate: dict[str, Any]
) -> None:
    assert bench.register(bench.add_account(), vendors_key(**certificate), DIRECT) == NOT_ACCEPTED


def test_a_certificate_need_not_name_its_model(bench: PasskeyBench) -> None:
    assert isinstance(bench.register(bench.add_account(), vendors_key(aaguid=None), DIRECT), str)


def test_a_statement_over_something_else_is_refused(bench: PasskeyBench) -> None:
    attest = packed(attestation_leaf(VENDOR))
    odd = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID, attester=lambda signed: attest(signed + b"."))
    assert bench.register(bench.add_account(), odd, DIRECT) == NOT_ACCEPTED


@pytest.mark.parametrize("fmt", ["none", "fido-u2f", "android-safetynet", "compound", "x" * 500, ""])
def test_a_format_that_is_not_verified_here_is_refused(bench: PasskeyBench, fmt: str) -> None:
    attest = packed(attestation_leaf(VENDOR))
    odd = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID, attester=lambda signed: (fmt, attest(signed)[1]))
    assert bench.register(bench.add_account(), odd, DIRECT) == NOT_ACCEPTED


@pytest.mark.parametrize("statement", [{}, {"x5c": []}, {"x5c": [b""], "sig": b"", "alg": -7}, {"x5c": 7, "sig": 7}])
@pytest.mark.parametrize("fmt", ["packed", "tpm", "android-key", "apple"])
def test_garbage_for_a_statement_is_refused(bench: PasskeyBench, fmt: str, statement: dict[str, Any]) -> None:
    odd = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID, attester=lambda _: (fmt, statement))
    assert bench.register(bench.add_account(), odd, DIRECT) == NOT_ACCEPTED


def test_a_passkey_that_was_not_attested_does_not_sign_in_where_it_must_be(bench: PasskeyBench) -> None:
    owner, authenticator = bench.add_account(), vendors_key()
    assert isinstance(bench.register(owner, authenticator, ASKS_NOTHING), str)
    answer = authenticator.get(bench.request_options())
    assert bench.verify(answer, attestation=DIRECT) == Refused(NOT_ACCEPTED.code, owner.id)
    assert isinstance(bench.verify(authenticator.get(bench.request_options())), Proven)


def test_what_was_asked_at_the_beginning_is_checked_at_the_end(bench: PasskeyBench) -> None:
    options = bench.creation_options(bench.account, attestation=DIRECT)
    answer = SoftAuthenticator(RP_ID, ORIGIN, aaguid=AAGUID).create({**options, "attestation": "none"})
    assert bench.keep(bench.account, answer) == NOT_ACCEPTED


def test_a_policy_is_kept_as_json() -> None:
    for policy in (ASKS_NOTHING, DIRECT, LISTED):
        assert policy_of(policy.to_json()) == policy


# -- the operator's file

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Service, Path, Path]:
    fido, blob, root = Service(), tmp_path / "blob.jwt", tmp_path / "root.pem"
    root.write_bytes(fido.root.pem)
    write(blob, fido.blob(entry(VENDOR)))
    return fido, blob, root


def write(path: Path, content: bytes) -> None:
    """Write a file, and give it another time than it had."""
    path.write_bytes(content)
    stamp = path.stat().st_mtime_ns + write.__dict__.setdefault("written", 0)
    write.__dict__["written"] += 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


def test_the_file_is_read_at_start_and_when_it_changes(files: tuple[Service, Path, Path]) -> None:
    fido, blob, root = files
    source = MetadataFile(blob, root, SIGNER, NOW)
    assert source.current(NOW).number == 7
    write(blob, fido.blob(entry(VENDOR, statuses=("REVOKED",)), number=8))
    assert source.current(NOW).number == 8
    assert source.current(NOW).models[MODEL].broken == {"REVOKED"}


@pytest.mark.parametrize("change", ["garbage", "another signer", "an older one", "gone"])
def test_a_change_that_can_not_be_believed_is_passed_over(files: tuple[Service, Path, Path], change: str) -> None:
    fido, blob, root = files
    source = MetadataFile(blob, root, SIGNER, NOW)
    if change == "gone":
        blob.unlink()
    else:
        contents = {
            "garbage": b"garbage",
            "another signer": Service().blob(entry(VENDOR), number=9),
            "an older one": fido.blob(entry(VENDOR), number=6),
        }
        write(blob, contents[change])
    for _ in range(2):
        assert source.current(NOW).number == 7


@pytest.mark.parametrize("broken", ["blob", "root"])
def test_at_start_a_file_that_can_not_be_used_refuses(files: tuple[Service, Path, Path], broken: str) -> None:
    _, blob, root = files
    {"blob": blob, "root": root}[broken].unlink()
    with pytest.raises(SettingsProblem, match=f"AUTHSVC_PASSKEYS__METADATA_{broken.upper()}"):
        MetadataFile(blob, root, SIGNER, NOW)


def test_at_start_a_blob_of_somebody_else_refuses(files: tuple[Service, Path, Path]) -> None:
    _, blob, root = files
    blob.write_bytes(Service().blob(entry(VENDOR)))
    with pytest.raises(SettingsProblem, match="does not end at the root"):
        MetadataFile(blob, root, SIGNER, NOW)


def test_no_file_is_no_metadata() -> None:
    assert open_metadata(None, None, SIGNER, NOW) is NO_METADATA
    assert NO_METADATA.current(NOW) is None
