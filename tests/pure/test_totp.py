"""Which code belongs to which moment, and what people type for it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from authsvc.core.segno_qr import qr_picture
from authsvc.factors.totp.one_time import digits_of, enrolment_uri, grouped, proven_step, secret_text, step_of

SECRET = secret_text(b"12345678901234567890")  # RFC 6238, appendix B
NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238, appendix B, SHA1: the last six of its eight digits
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_of_the_standard(seconds: int, code: str) -> None:
    assert proven_step(SECRET, code, now=at(seconds)) == seconds // 30


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_to_either_side_is_taken(steps: int, taken: bool) -> None:
    moment = at(1234567890) - timedelta(seconds=30 * steps)
    assert proven_step(SECRET, "005924", now=moment) == (1234567890 // 30 if taken else None)


def test_the_first_second_of_all() -> None:
    assert proven_step(SECRET, "755224", now=at(0)) == 0  # RFC 4226, appendix D; there is no step before it


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("005924", "005924"),
        (" 005 924 ", "005924"),
        ("005-924", "005924"),
        ("００５９２４", "005924"),  # a Japanese keyboard
        ("٠٠٥٩٢٤", None),  # digits, but not ones that any app shows
        ("5924", None),
        ("0059241", None),
        ("00592a", None),
        ("", None),
        ("\x00", None),
        ("0" * 8000, None),
        ("²²²²²²", "222222"),  # what NFKC makes of them
    ],
)
def test_what_people_type(typed: str, digits: str | None) -> None:
    assert digits_of(typed) == digits


def test_what_is_no_code_proves_nothing() -> None:
    assert proven_step(SECRET, "abcdef", now=NOW) is None
    assert proven_step(SECRET, "", now=NOW) is None


def test_a_step_lasts_thirty_seconds() -> None:
    assert step_of(at(29)) == 0
    assert step_of(at(30)) == 1
    assert step_of(NOW) == int(NOW.timestamp()) // 30


def test_the_uri_names_the_service_and_the_account() -> None:
    uri = enrolment_uri(SECRET, service_name="Tea: a shop", account_name="ada+tea@example.org")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Tea  a shop:ada+tea@example.org"  # one colon, between issuer and account
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Tea  a shop"]}  # all else is the apps' default


def test_the_secret_has_160_bits_and_can_be_read_aloud() -> None:
    assert len(SECRET) == 32
    assert grouped(SECRET).replace(" ", "") == SECRET
    assert {len(part) for part in grouped(SECRET).split(" ")} == {4}


def test_the_picture_is_plain_svg() -> None:
    picture = qr_picture(enrolment_uri(SECRET, service_name="authsvc", account_name="ada@example.org"))
    assert picture.startswith("data:image/svg+xml;charset=utf-8,")
    svg = unquote(picture.partition(",")[2])
    assert svg.startswith("<svg ")
    assert not [word for word in ("<script", "style=", "href", "onload") if word in svg]
    assert 'fill="#fff"' in svg.replace("'", '"')  # light ground on a dark page too
