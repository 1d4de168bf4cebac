"""Lines of exports: what each system's map reads, and that no line does anything but be read or be refused."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authsvc.accounts.addresses import normalise
from authsvc.cli.importing.file import MAX_LINE, fingerprint, read_lines
from authsvc.cli.importing.row import Checked, normalised_address, read_line
from authsvc.cli.user import Source
from authsvc.cli.user_import import MAPS
from authsvc.core.errors import BadInput
from authsvc.factors.password.legacy.formats import parse
from authsvc.factors.password.legacy.hashes import matches

EXPORTS = Path(__file__).parents[2] / "fixtures" / "imports"
PASSWORD = "tea for two please"
BCRYPT = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.flu1Gv69OE8XQBS4Bm1aHA6o5dN4y3."
GOOD = {"email": "ada@example.org", "email_verified": True, "password_hash": BCRYPT}

REASONS = {
    "import.not_json",
    "import.row_malformed",
    "import.address_invalid",
    "import.address_unverified",
    "import.no_password",
    "import.hash_unsupported",
    "import.hash_malformed",
    "import.hash_too_costly",
}


def read(row: Any, source: str = "plain", *, trust_addresses: bool = False) -> Checked:
    line = row if isinstance(row, bytes) else json.dumps(row).encode()
    return read_line(line, MAPS[source], trust_addresses=trust_addresses)


def read_export(source: str, *, trust_addresses: bool = False) -> tuple[dict[str, Checked], list[str]]:
    taken, refused = {}, []
    for line in (EXPORTS / f"{source}.ndjson").read_bytes().splitlines():
        try:
            row = read(line, source, trust_addresses=trust_addresses)
        except BadInput as problem:
            refused.append(problem.code)
        else:
            taken[row.email.partition("@")[0]] = row
    return taken, refused


def test_every_source_of_the_command_has_a_map() -> None:
    assert set(MAPS) == {source.value for source in Source}


@pytest.mark.parametrize("source", MAPS)
def test_the_rows_of_each_export_take_their_password(source: str) -> None:
    taken, _ = read_export(source, trust_addresses=True)
    assert len(taken) >= 4
    for name, row in taken.items():
        typed = "it's tea \"o'clock\"" if (source, name) == ("woocommerce", "dan") else PASSWORD
        assert matches(parse(row.password_hash), typed), name
        assert not matches(parse(row.password_hash), "another password"), name


def test_keycloak() -> None:
    taken, refused = read_export("keycloak")
    assert list(taken) == ["ada", "bob", "cleo", "dan", "eve"]
    assert refused == [
        "import.address_unverified",
        "import.no_password",
        "import.hash_too_costly",
        "import.hash_unsupported",
    ]
    assert taken["ada"].name == "Ada Example"
    assert taken["ada"].source_id == "0d9f6a1e-0000-4000-8000-000000000001"
    assert taken["ada"].password_hash.startswith("typed$argon2id$v=19$m=7168,t=5,p=1$")
    assert taken["bob"].password_hash.startswith("$pbkdf2-sha512$i=2100,l=64$")
    assert taken["dan"].password_hash.startswith("$pbkdf2-sha1$i=20000,l=64$")
    assert [row.frozen for row in taken.values()] == [False, False, False, False, True]


def test_auth0() -> None:
    taken, refused = read_export("auth0")
    assert refused == ["import.address_unverified"]
    assert taken["ada"].name == "Ada Lovelace"
    assert taken["ada"].source_id == "auth0|60425dc43519d90068f82973"
    assert taken["eve"].source_id == "auth0|60425dc43519d90068f82977"
    assert taken["dan"].frozen


def test_woocommerce_never_verified_an_address() -> None:
    assert Counter(read_export("woocommerce")[1]) == {"import.address_unverified": 5}
    taken, refused = read_export("woocommerce", trust_addresses=True)
    assert refused == ["import.hash_unsupported"]  # MD5, from before 2007
    assert taken["ada"].password_hash.startswith("wordpress$P$")
    assert (taken["bob"].name, taken["bob"].source_id) == ("Bob Example", "12")


def test_our_own_format() -> None:
    taken, refused = read_export("plain")
    assert refused == ["import.row_malformed"]  # a misspelt field
    assert (taken["ada"].name, taken["ada"].source_id) == ("Ada Lovelace", "u-1")
    assert (taken["bob"].name, taken["bob"].source_id) == ("bob", "2")
    assert taken["finn"].frozen


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"email": "nobody"}, "import.address_invalid"),
        ({"email": "a" * 300 + "@example.org"}, "import.address_invalid"),
        ({"email": "ada@example.org\u0000"}, "import.address_invalid"),
        ({"email": "\ud800@example.org"}, "import.address_invalid"),
        ({"email": None}, "import.row_malformed"),
        ({"email": ["ada@example.org"]}, "import.row_malformed"),
        ({"email_verified": "yes"}, "import.row_malformed"),
        ({"email_verified": 1}, "import.row_malformed"),
        ({"email_verified": None}, "import.address_unverified"),
        ({"email_verified": False}, "import.address_unverified"),
        ({"password_hash": ""}, "import.no_password"),
        ({"password_hash": None}, "import.no_password"),
        ({"password_hash": 7}, "import.row_malformed"),
        ({"password_hash": "$2b$" + "x" * 10_000}, "import.hash_malformed"),
        ({"password_hash": PASSWORD}, "import.hash_unsupported"),
        ({"frozen": "no"}, "import.row_malformed"),
        ({"id": "x" * 201}, "import.row_malformed"),
        ({"id": "a\u0007b"}, "import.row_malformed"),
        ({"id": 1.5}, "import.row_malformed"),
        ({"id": True}, "import.row_malformed"),
        ({"id": 2**70}, "import.row_malformed"),
        ({"name": 5}, "import.row_malformed"),
        ({"role": "analyst"}, "import.row_malformed"),
    ],
)
def test_a_good_row_with_one_thing_changed(changed: dict[str, Any], code: str) -> None:
    assert read(GOOD).email == "ada@example.org"
    with pytest.raises(BadInput) as refusal:
        read(GOOD | changed)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"tea",
        b"[]",
        b"null",
        b"7",
        b'"ada"',
        b"{",
        b'{"email": "ada@example.org"',
        b'{"email": "\xff"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"1" * 10_000,
        b"\x00",
    ],
)
def test_a_line_that_is_no_object(line: bytes) -> None:
    with pytest.raises(BadInput) as refusal:
        read(line)
    assert refusal.value.code == "import.not_json"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"credentials": {}}, "import.no_password"),
        ({"credentials": "x"}, "import.row_malformed"),
        ({"credentials": [7]}, "import.row_malformed"),
        ({"credentials": [{"type": "password"}]}, "import.row_malformed"),
        ({"credentials": [{"type": "password", "secretData": "{", "credentialData": "{}"}]}, "import.row_malformed"),
        ({"credentials": [{"type": "password", "secretData": "[]", "credentialData": "{}"}]}, "import.row_malformed"),
    ],
)
def test_keycloak_credentials_that_are_none(changed: dict[str, Any], code: str) -> None:
    good = json.loads((EXPORTS / "keycloak.ndjson").read_text().splitlines()[0])
    assert read(good, "keycloak")
    with pytest.raises(BadInput) as refusal:
        read(good | changed, "keycloak")
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("credentialData", {"hashIterations": "5"}),
        ("credentialData", {"hashIterations": True}),
        ("credentialData", {"algorithm": None}),
        ("credentialData", {"additionalParameters": {}}),
        ("credentialData", {"additionalParameters": {"type": ["id"], "version": ["1.3"], "memory": ["1e3"]}}),
        ("secretData", {"salt": "no base64!"}),
        ("secretData", {"value": None}),
    ],
)
def test_a_keycloak_credential_with_one_part_changed(part: str, changed: dict[str, Any]) -> None:
    good = json.loads((EXPORTS / "keycloak.ndjson").read_text().splitlines()[0])
    credential = next(each for each in good["credentials"] if each["type"] == "password")
    credential[part] = json.dumps(json.loads(credential[part]) | changed)
    with pytest.raises(BadInput) as refusal:
        read(good, "keycloak")
    assert refusal.value.code == "import.row_malformed"


_NAMES = ["email", "email_verified", "password_hash", "name", "id", "frozen", "user_pass", "user_email", "ID", "_id"]
_NAMES += [
    "credentials",
    "secretData",
    "credentialData",
    "type",
    "algorithm",
    "hashIterations",
    "salt",
    "value",
    "$oid",
]
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["password", BCRYPT, "argon2"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=12,
)
_ROWS = st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), _VALUES, max_size=10)


@given(st.sampled_from(sorted(MAPS)), st.one_of(_ROWS.map(lambda row: json.dumps(row).encode()), st.binary()))
@example("plain", json.dumps(GOOD | {"name": "\ud800\u0000\u202e" + "x" * 500}).encode())
def test_any_line_is_read_or_refused_for_a_known_reason(source: str, line: bytes) -> None:
    try:
        row = read(line, source, trust_addresses=True)
    except BadInput as problem:
        assert problem.code in REASONS
    else:
        assert normalise(row.email) == row.email
        assert 1 <= len(row.name) <= 100
        assert row.name.isprintable()
        row.name.encode()


_LOCALS = st.text(alphabet="abcXYZ019.+_-'\"@ é\\", min_size=1, max_size=70)
_DOMAINS = st.sampled_from(
    ["example.org", "EXAMPLE.org", "münchen.example.de", "xn--mnchen-3ya.de", "localhost", "a..b"]
)


@given(_LOCALS, _DOMAINS | st.text(max_size=12), st.sampled_from(["", " ", "\n"]))
@example("a" * 64, "x" * 63 + ".example.org", "")
@example("a" * 64, ".".join(["x" * 60] * 4) + ".org", "")
@example("a", "example.org", " ")
def test_the_quicker_way_to_read_an_address_reads_the_same(local: str, domain: str, blank: str) -> None:
    written = f"{blank}{local}@{domain}{blank}"
    assert _result(normalised_address, written) == _result(normalise, written)


def _result(function: Any, written: str) -> str:
    try:
        return str(function(written))
    except BadInput as problem:
        return problem.code


@given(st.lists(st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"")), max_size=12), st.booleans())
def test_a_file_read_from_the_end_of_any_line_goes_on_with_the_next(texts: list[bytes], ends: bool) -> None:
    content = b"\n".join(texts) + (b"\n" if ends else b"")
    lines = list(_lines(content))
    for index, line in enumerate(lines):
        assert list(_lines(content, line.end, line.number)) == lines[index + 1 :]
    stripped = [(number, text.strip()) for number, text in enumerate(texts, start=1)]
    assert [(line.number, line.text) for line in lines if line.number > 1] == [
        (number, text) for number, text in stripped if text and number > 1
    ]


def test_a_line_without_end_is_skipped_without_being_held() -> None:
    content = b"x" * (3 * MAX_LINE) + b"\n" + b"tea\n" + b"y" * (MAX_LINE + 1)
    assert [(line.number, line.text) for line in _lines(content)] == [(1, None), (2, b"tea"), (3, None)]
    assert next(_lines(b"z" * (MAX_LINE - 1) + b"\n")).text == b"z" * (MAX_LINE - 1)


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_row() -> None:
    assert [line.text for line in _lines(b"\xef\xbb\xbf{}\r\n{}\r\n")] == [b"{}", b"{}"]


def test_a_file_is_known_by_its_size_both_ends_and_the_way_it_is_read() -> None:
    content = bytes(range(256)) * 2000
    known = _fingerprint(content)
    assert _fingerprint(content) == known
    for other in (content + b"\n", b"\1" + content[1:], content[:-1] + b"\1"):
        assert _fingerprint(other) != known
    assert _fingerprint(content, read_as="keycloak:False") != known


def _lines(content: bytes, place: int = 0, line: int = 0) -> Any:
    return read_lines(io.BufferedReader(io.BytesIO(content)), place=place, line=line)


def _fingerprint(content: bytes, *, read_as: str = "plain:False") -> bytes:
    return fingerprint(io.BufferedReader(io.BytesIO(content)), len(content), read_as=read_as)
