"""Whether a FIDO metadata blob is believed, and what is read from one that is."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from authsvc.factors.passkey.metadata import BROKEN, BlobRefused, read_blob
from tests.support.fido import MODEL, SIGNER, Service, authority, entry, leaf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVICE = Service()
VENDOR = authority("Vendor")
GOOD = SERVICE.blob(entry(VENDOR))


def test_a_blob_under_the_operators_root_is_believed() -> None:
    metadata = read_blob(GOOD, root=SERVICE.root.pem, signer=SIGNER, now=NOW)
    assert metadata.number == 7
    model = metadata.models[MODEL]
    assert model.roots == (VENDOR.der,)
    assert model.description == "Vendor's key"
    assert not model.broken


def test_the_root_may_be_binary_and_the_blob_end_in_a_line_break() -> None:
    assert read_blob(GOOD + b"\n", root=SERVICE.root.der, signer=SIGNER, now=NOW).models


def test_a_blob_may_be_as_large_as_the_public_one() -> None:
    many = [entry(VENDOR, aaguid=f"00000000-0000-0000-0000-{number:012x}") for number in range(3000)]
    assert len(read_blob(SERVICE.blob(*many), root=SERVICE.root.pem, signer=SIGNER, now=NOW).models) == 3000


def test_a_chain_may_be_longer() -> None:
    middle = authority("Between", SERVICE.root)
    blob = SERVICE.blob(entry(VENDOR), chain=(leaf(middle), middle))
    assert read_blob(blob, root=SERVICE.root.pem, signer=SIGNER, now=NOW).models
    with_root = SERVICE.blob(entry(VENDOR), chain=(leaf(middle), middle, SERVICE.root))
    assert read_blob(with_root, root=SERVICE.root.pem, signer=SIGNER, now=NOW).models


def test_entries_without_an_aaguid_are_left_out() -> None:
    u2f = {"attestationCertificateKeyIdentifiers": ["00" * 20], "statusReports": [], "metadataStatement": {}}
    assert list(read_blob(SERVICE.blob(u2f, entry(VENDOR)), root=SERVICE.root.pem, signer=SIGNER, now=NOW).models) == [
        MODEL
    ]


@pytest.mark.parametrize("status", sorted(BROKEN))
def test_a_status_that_breaks_a_model_stays(status: str) -> None:
    blob = SERVICE.blob(entry(VENDOR, statuses=("FIDO_CERTIFIED", status, "FIDO_CERTIFIED_L1")))
    assert read_blob(blob, root=SERVICE.root.pem, signer=SIGNER, now=NOW).models[MODEL].broken == {status}


@pytest.mark.parametrize(
    ("moment", "stale"),
    [
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 4, 1, 23, 59, tzinfo=UTC), False),  # the day itself
        (datetime(2026, 4, 2, 0, 0, tzinfo=UTC), True),
    ],
)
def test_a_blob_is_stale_after_the_day_of_its_next_update(moment: datetime, stale: bool) -> None:
    assert read_blob(GOOD, root=SERVICE.root.pem, signer=SIGNER, now=NOW).is_stale(moment) is stale


def _parts(blob: bytes) -> list[bytes]:
    return blob.split(b".")


def _other_payload() -> bytes:
    header, _, signature = _parts(GOOD)
    return b".".join((header, _parts(SERVICE.blob(entry(VENDOR), number=99))[1], signature))


def _with_header(**changes: object) -> bytes:
    header, payload, signature = _parts(GOOD)
    values = json.loads(base64.urlsafe_b64decode(header + b"=="))
    changed = base64.urlsafe_b64encode(json.dumps({**values, **changes}).encode()).rstrip(b"=")
    return b".".join((changed, payload, signature))


def _below_a_leaf() -> bytes:
    no_authority = authority("No authority", SERVICE.root, may_sign=False)
    return SERVICE.blob(entry(VENDOR), chain=(leaf(no_authority), no_authority))


def _of_an_expired_signer() -> bytes:
    return SERVICE.blob(entry(VENDOR), chain=(leaf(SERVICE.root, ends=datetime(2026, 2, 1, tzinfo=UTC)),))


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "header"),
    "no JWS": (lambda: b"{}", "header"),
    "another root": (lambda: Service().blob(entry(VENDOR)), "does not end at the root"),
    "another root, with ours in the chain": (
        lambda: Service().blob(entry(VENDOR), chain=(leaf(authority("Metadata root")), SERVICE.root)),
        "does not end at the root",
    ),
    "signed below a certificate that may not": (_below_a_leaf, "does not end at the root"),
    "signed with a certificate that has expired": (_of_an_expired_signer, "does not end at the root"),
    "signed by somebody else below the same root": (
        lambda: SERVICE.blob(entry(VENDOR), chain=(leaf(SERVICE.root, "evil.example", f"{SIGNER}.evil.example"),)),
        "is not mds.fidoalliance.org's",
    ),
    "signed with a certificate of no host": (
        lambda: SERVICE.blob(entry(VENDOR), chain=(authority(SIGNER, SERVICE.root, may_sign=False),)),
        "names no host",
    ),
    "another payload under the signature": (_other_payload, "signature"),
    "alg none": (lambda: _with_header(alg="none"), "signature"),
    "an HMAC": (lambda: _with_header(alg="HS256"), "signature"),
    "something odd called critical": (lambda: _with_header(crit=[["b64"]]), "signature"),
    "no chain": (lambda: _with_header(x5c=None), "chain"),
    "an empty chain": (lambda: _with_header(x5c=[]), "chain"),
    "a chain of garbage": (lambda: _with_header(x5c=["AAAA"]), "chain"),
    "a chain of numbers": (lambda: _with_header(x5c=[1]), "chain"),
    "a chain without end": (lambda: _with_header(x5c=["AAAA"] * 50), "chain"),
    "a number that is none": (lambda: SERVICE.blob(no="7"), "payload"),
    "no day of the next update": (lambda: SERVICE.blob(nextUpdate=None), "payload"),
    "an impossible day": (lambda: SERVICE.blob(nextUpdate="2026-02-30"), "payload"),
    "entries that are none": (lambda: SERVICE.blob(entries=["x"]), "payload"),
    "an entry without reports": (lambda: SERVICE.blob({"aaguid": MODEL}), "payload"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_blob_that_can_not_be_believed_is_refused(name: str) -> None:
    make, why = REFUSED[name]
    with pytest.raises(BlobRefused, match=why):
        read_blob(make(), root=SERVICE.root.pem, signer=SIGNER, now=NOW)


def test_a_root_that_is_no_certificate_is_refused() -> None:
    for root in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", SERVICE.root.der[:40]):
        with pytest.raises(BlobRefused, match="root"):
            read_blob(GOOD, root=root, signer=SIGNER, now=NOW)
