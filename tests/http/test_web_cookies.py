"""The cookies' attributes, and what is not taken for one."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from authsvc.core.ids import new_secret
from authsvc.web import cookies

NAMES = (cookies.SESSION, cookies.FLOW, cookies.DEVICE, cookies.CONSOLE)
VALUE = "v" * 43


def request_with(*headers: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", header.encode("latin-1")) for header in headers]})


def attributes(response: Response) -> list[set[str]]:
    return [
        {part.strip().lower() for part in header.split(";")[1:]} for header in response.headers.getlist("set-cookie")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_cookie_is_host_bound_secure_and_out_of_scripts_reach(name: str) -> None:
    response = Response()
    cookies.put(response, name, VALUE, max_age_s=None)
    assert name.startswith("__Host-")
    assert attributes(response) == [{"path=/", "secure", "httponly", "samesite=lax"}]


def test_a_lifetime_is_told_to_the_browser() -> None:
    response = Response()
    cookies.put(response, cookies.FLOW, VALUE, max_age_s=86_400)
    assert "max-age=86400" in attributes(response)[0]


def test_a_dropped_cookie_has_the_same_attributes_or_the_browser_would_keep_it() -> None:
    response = Response()
    cookies.drop(response, cookies.SESSION)
    assert attributes(response) == [{"max-age=0", "path=/", "secure", "httponly", "samesite=lax"}]


def test_one_response_sets_a_cookie_once_and_leaves_the_others() -> None:
    response = Response()
    cookies.put(response, cookies.SESSION, VALUE, max_age_s=None)
    cookies.put(response, cookies.DEVICE, VALUE, max_age_s=1)
    cookies.put(response, cookies.SESSION, "w" * 43, max_age_s=None)
    headers = response.headers.getlist("set-cookie")
    assert [header.split(";")[0] for header in headers] == [
        f"{cookies.DEVICE}={VALUE}",
        f"{cookies.SESSION}={'w' * 43}",
    ]


def test_what_was_put_is_read_back() -> None:
    secret = new_secret()
    assert cookies.read(request_with(f"other=1; {cookies.SESSION}={secret}; more=2"), cookies.SESSION) == secret
    signed = f"{secret}.{secret}"
    assert cookies.read(request_with(f"{cookies.DEVICE}={signed}"), cookies.DEVICE) == signed


@pytest.mark.parametrize(
    "header",
    [
        "",
        cookies.SESSION,
        f"{cookies.SESSION}=",
        f"{cookies.SESSION}=short",
        f"{cookies.SESSION}={'v' * 257}",
        f"{cookies.SESSION}={'v' * 20}\xe9",
        f'{cookies.SESSION}="{VALUE}"',
        f"{cookies.SESSION}={VALUE}%00",
        f"{cookies.SESSION}={VALUE} {VALUE}",
        f"{cookies.SESSION.lower()}={VALUE}",
        f"x{cookies.SESSION}={VALUE}",
        f"{cookies.SESSION}={VALUE}; {cookies.SESSION}={'w' * 43}",
    ],
)
def test_what_is_no_value_of_ours_counts_as_absent(header: str) -> None:
    assert cookies.read(request_with(header), cookies.SESSION) is None


def test_two_headers_with_two_values_count_as_absent() -> None:
    request = request_with(f"{cookies.SESSION}={VALUE}", f"{cookies.SESSION}={'w' * 43}")
    assert cookies.read(request, cookies.SESSION) is None


@pytest.mark.parametrize("value", ["short", "v" * 257, "v" * 20 + ";", "v" * 20 + "\r\nx: y", "v" * 20 + " "])
def test_a_value_that_could_not_be_read_back_is_not_set(value: str) -> None:
    with pytest.raises(ValueError, match="not a value"):
        cookies.put(Response(), cookies.SESSION, value, max_age_s=None)
