"""What a request says of language, time zone and line: canonical, or nothing; whatever is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.web.origin import OriginReader

READER = OriginReader(())


def read(**headers: str) -> tuple[str, str, int | None]:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    origin = READER.read({"type": "http", "client": ("203.0.113.7", 1), "headers": raw})
    return origin.language, origin.time_zone, origin.round_trip_ms


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ("", "", None)),
        ({"accept_language": "nl-NL,nl;q=0.9,en;q=0.8"}, ("nl-nl", "", None)),
        ({"accept_language": "DE"}, ("de", "", None)),
        ({"accept_language": "*"}, ("", "", None)),
        ({"accept_language": "x" * 10_000}, ("", "", None)),
        ({"cookie": "a=1; __Host-zone=Europe/Amsterdam; b=2"}, ("", "Europe/Amsterdam", None)),
        ({"cookie": "__Host-zone=America/Argentina/Buenos_Aires"}, ("", "America/Argentina/Buenos_Aires", None)),
        ({"cookie": "x__Host-zone=Europe/Amsterdam"}, ("", "", None)),
        ({"cookie": "__Host-zone=Europe/<b>"}, ("", "", None)),
        ({"rtt": "50"}, ("", "", 50)),
        ({"rtt": "-1"}, ("", "", None)),
        ({"rtt": "9" * 99}, ("", "", None)),
    ],
)
def test_headers_are_read_or_unknown(headers: dict[str, str], expected: tuple[str, str, int | None]) -> None:
    assert read(**headers) == expected


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=20))
def test_no_header_is_too_odd(language: str, cookie: str, line: str) -> None:
    found = read(accept_language=language, cookie="__Host-zone=" + cookie, rtt=line)
    assert len(found[0]) <= 21
    assert len(found[1]) <= 93
