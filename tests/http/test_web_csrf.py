"""Cross-site request forgery: the success, and every way of it with one thing changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from httpx2 import Response

from authsvc.core.ids import new_secret
from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from tests.support.edge import Edge, build_edge

ISSUER = "http://localhost:8000"
US = {"origin": ISSUER, "sec-fetch-site": "same-origin"}


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


def post(
    edge: Edge,
    *,
    path: str = "/login/form",
    headers: dict[str, str] | None = None,
    cookie: str | None = None,
    token: str | None = None,
    **fields: str,
) -> Response:
    """Post what a page of ours would; each argument changes one thing."""
    with edge.client() as client:
        given = client.get("/login/token").json()
        if cookie is not None:
            client.cookies.clear()
            client.headers["cookie"] = cookie
        data = {"name": "Ada", "csrf": given["csrf"] if token is None else token} | fields
        return client.post(path, data=data, headers=US if headers is None else headers)


def refused(answer: Response) -> bool:
    return answer.status_code == 403 and "csrf.refused" in answer.text


def test_a_form_of_our_own_page_is_taken_and_its_fields_arrive(edge: Edge) -> None:
    answer = post(edge, note="hello")
    assert answer.json() == {"name": "Ada", "note": "hello"}


def test_the_form_can_also_be_read_by_an_endpoint_that_declares_no_field(edge: Edge) -> None:
    assert post(edge, path="/login/raw").json() == {"fields": ["csrf", "name"]}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ISSUER},
        {"sec-fetch-site": "same-origin"},
        {"referer": f"{ISSUER}/login?flow=1"},
        # What Chromium sends from our own pages: their Referrer-Policy is no-referrer.
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ],
)
def test_each_proof_of_where_it_came_from_is_enough(edge: Edge, headers: dict[str, str]) -> None:
    assert post(edge, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"origin": "https://shop.example"},
        {"origin": "http://localhost:8001"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8000.shop.example"},
        {"origin": "http://LOCALHOST:8000"},
        {"origin": f"{ISSUER}/"},
        {"origin": ""},
        {"origin": "https://shop.example", "sec-fetch-site": "same-origin"},
        {"origin": ISSUER, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
        {"referer": "https://shop.example/"},
        {"referer": f"{ISSUER}.shop.example/"},
        {"referer": "http://localhost:8000@shop.example/"},
        {"referer": "http://[broken/"},
        {"origin": "null", "referer": f"{ISSUER}/login"},
    ],
)
def test_a_request_from_elsewhere_is_refused_even_with_the_right_token(edge: Edge, headers: dict[str, str]) -> None:
    assert refused(post(edge, headers=headers))


@pytest.mark.parametrize("token", ["", "x", "é", "\x00", "A" * 43, "A" * 10_000])
def test_a_wrong_token_is_refused(edge: Edge, token: str) -> None:
    assert refused(post(edge, token=token))


def test_a_missing_token_is_refused(edge: Edge) -> None:
    with edge.client() as client:
        client.get("/login/token")
        assert refused(client.post("/login/form", data={"name": "Ada"}, headers=US))


def test_a_token_sent_twice_is_refused(edge: Edge) -> None:
    with edge.client() as client:
        token = client.get("/login/token").json()["csrf"]
        assert refused(client.post("/login/form", data={"name": "Ada", "csrf": [token, token]}, headers=US))


def test_a_token_in_a_file_or_in_the_query_is_refused(edge: Edge) -> None:
    with edge.client() as client:
        token = client.get("/login/token").json()["csrf"]
        assert refused(client.post("/login/raw", files={"csrf": ("csrf", token.encode())}, headers=US))
        assert refused(client.post(f"/login/raw?csrf={token}", headers=US))


def test_another_browsers_token_is_refused(edge: Edge) -> None:
    assert refused(post(edge, token=edge.csrf.token(new_secret())))


def test_a_browser_without_its_cookie_is_refused(edge: Edge) -> None:
    assert refused(post(edge, cookie=""))


def test_another_keys_token_is_refused(edge: Edge) -> None:
    browser = new_secret()
    other = Csrf(b"k" * 32, ISSUER)
    assert refused(post(edge, cookie=f"__Host-flow={browser}", token=other.token(browser)))
    assert post(edge, cookie=f"__Host-flow={browser}", token=edge.csrf.token(browser)).status_code == 200


def test_multipart_carries_the_token_too(edge: Edge) -> None:
    with edge.client() as client:
        token = client.get("/login/token").json()["csrf"]
        answer = client.post("/login/raw", data={"csrf": token}, files={"photo": ("a.jpg", b"x")}, headers=US)
        assert answer.json() == {"fields": ["csrf", "photo"]}


def test_json_carries_the_token_in_a_header(edge: Edge) -> None:
    with edge.client() as client:
        token = client.get("/login/token").json()["csrf"]
        body = {"amount_minor": 5}
        sent = client.post("/login/json", json=body, headers=US | {"x-csrf-token": token})
        assert sent.json() == body
        missing = client.post("/login/json", json=body, headers=US)
        assert (missing.status_code, missing.json()["code"]) == (403, "csrf.refused")
        in_body = client.post("/login/json", json=body | {"csrf": token}, headers=US)
        assert in_body.status_code in (400, 403)
        # Text that a foreign page may send without asking first is no form either.
        plain = client.post("/login/raw", content=f"csrf={token}", headers=US | {"content-type": "text/plain"})
        assert refused(plain)


def test_a_wrong_header_is_not_helped_by_a_right_field(edge: Edge) -> None:
    assert refused(post(edge, headers=US | {"x-csrf-token": "x"}))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_unsafe_method_is_checked(edge: Edge, method: str) -> None:
    assert refused(edge.client().request(method, "/login/raw", headers=US))


def test_the_token_tells_nothing_of_the_browser_secret(edge: Edge) -> None:
    browser = new_secret()
    token = edge.csrf.token(browser)
    assert browser not in token
    assert token == edge.csrf.token(browser)
    assert len(token) == 43
