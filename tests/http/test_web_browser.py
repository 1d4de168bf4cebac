"""The browser secret: who is given one, who keeps theirs, and where there is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from authsvc.core.ids import new_secret
from authsvc.settings import Settings
from authsvc.web.paths import BROWSER_PATHS, covers
from tests.support.edge import Edge, build_edge


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


def test_a_new_browser_is_given_a_secret_before_the_endpoint_runs(edge: Edge) -> None:
    answer = edge.client().get("/login/token")
    (header,) = answer.headers.get_list("set-cookie")
    name, _, rest = header.partition("=")
    secret, _, attributes = rest.partition(";")
    assert (name, secret) == ("__Host-flow", answer.json()["browser"])
    assert len(secret) == 43  # 256 bits
    assert {part.strip().lower() for part in attributes.split(";")} == {
        "httponly", "max-age=86400", "path=/", "samesite=lax", "secure",
    }  # fmt: skip


def test_a_browser_keeps_its_secret_for_all_its_flows(edge: Edge) -> None:
    with edge.client() as client:
        first = client.get("/login/token").json()["browser"]
        again = client.get("/login/token")
    assert again.json()["browser"] == first
    # Sent again, so that it lives for a day after the last page.
    assert again.headers.get_list("set-cookie")[0].startswith(f"__Host-flow={first};")


def test_two_browsers_have_two_secrets(edge: Edge) -> None:
    secrets = {edge.client().get("/login/token").json()["browser"] for _ in range(8)}
    assert len(secrets) == 8


@pytest.mark.parametrize("sent", ["x", "v" * 42, "v" * 44, "v" * 42 + ".", "v" * 42 + "%", '"' + "v" * 43 + '"'])
def test_a_malformed_secret_is_replaced(edge: Edge, sent: str) -> None:
    answer = edge.client(cookie=f"__Host-flow={sent}").get("/login/token")
    assert answer.json()["browser"] != sent
    assert "set-cookie" in answer.headers


def test_a_post_does_not_set_a_secret_that_the_browser_has(edge: Edge) -> None:
    client = edge.client(cookie=f"__Host-flow={new_secret()}")
    assert "set-cookie" not in client.post("/login/form").headers


@pytest.mark.parametrize(
    "path", ["/public", "/v1/origin", "/loginx", "/oauth2/jwks", "/health/live", "/static/page.js"]
)
def test_elsewhere_no_secret_is_made(edge: Edge, path: str) -> None:
    assert "set-cookie" not in edge.client().get(path).headers


def test_a_prefix_covers_itself_and_what_lies_below() -> None:
    assert all(covers(BROWSER_PATHS, path) for path in ("/login", "/login/", "/login/x", "/oauth2/authorize/resume"))
    assert not any(covers(BROWSER_PATHS, path) for path in ("/", "/log", "/loginx", "/oauth2", "/oauth2/token"))


def test_a_post_without_cookies_gets_no_secret(edge: Edge) -> None:
    # A shop's own form may post to authorize: its browser has a secret that SameSite keeps back.
    assert "set-cookie" not in edge.client().post("/login/form").headers
