"""Pages: the policy they run under, what their templates know, and the files beside them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from jinja2 import UndefinedError

from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader
from authsvc.web.pages import content_security_policy
from authsvc.web.static import DIRECTORY, StaticAssets
from tests.support.edge import Edge, build_edge


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


def policy(header: str) -> dict[str, list[str]]:
    rules = [rule.split() for rule in header.split(";")]
    return {rule[0]: rule[1:] for rule in rules}


def test_a_page_runs_under_a_policy_without_inline_script_or_style(edge: Edge) -> None:
    rules = policy(edge.client().get("/login").headers["content-security-policy"])
    assert rules == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'", "http://127.0.0.1:8001"],
        "require-trusted-types-for": ["'script'"],
    }


@pytest.mark.parametrize(
    "origin", ["https://shop.example", "http://127.0.0.1:8001", "http://[::1]:80", "com.shop.app:"]
)
def test_a_form_may_end_at_the_flows_origin(origin: str) -> None:
    assert policy(content_security_policy([origin, origin]))["form-action"] == ["'self'", origin]


@pytest.mark.parametrize(
    "origin",
    ["", "*", "https://a.example; script-src *", "https://a.example https://b.ex", "https://a/x", "'unsafe'"],
)
def test_what_is_no_origin_never_reaches_the_policy(origin: str) -> None:
    with pytest.raises(ValueError, match="origins only"):
        content_security_policy([origin])


def test_values_are_escaped_and_the_token_is_there(edge: Edge) -> None:
    with edge.client() as client:
        browser = client.get("/login/token").json()
        page = client.get("/login")
    assert "<p>&lt;b&gt;</p>" in page.text
    assert f"<i>{browser['csrf']}</i>" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_an_undefined_name_is_an_error_and_not_an_empty_string(edge: Edge) -> None:
    answer = edge.client(accept="text/html").get("/login/undefined")
    assert answer.status_code == 500
    with pytest.raises(UndefinedError):
        edge.pages._environment.from_string("{{ nobody_gave_this }}").render()


def test_a_pages_script_is_cached_for_ever_under_its_content_hash(edge: Edge) -> None:
    with edge.client() as client:
        address = client.get("/login").text.split('src="')[1].split('"')[0]
        assert address.startswith("/static/v-")
        answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content == (DIRECTORY / "page.js").read_bytes()
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("version", ["", "v-0000000000000000/"])
def test_without_the_hash_or_with_another_versions_the_file_is_asked_for_again(edge: Edge, version: str) -> None:
    answer = edge.client().get(f"/static/{version}page.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["etag"]


@pytest.mark.parametrize(
    "path", ["nothing.js", "", "../pages.py", "%2e%2e/pages.py", "v-0000000000000000", "%00", "a" * 500]
)
def test_only_files_of_the_folder_are_served(edge: Edge, path: str) -> None:
    assert edge.client().get(f"/static/{path}").status_code == 404


def test_the_hash_covers_every_file(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("1")
    before = StaticAssets(tmp_path).url("js/a.js")
    assert StaticAssets(tmp_path).url("js/a.js") == before
    (tmp_path / "b.css").write_text("x")
    assert StaticAssets(tmp_path).url("js/a.js") != before
    with pytest.raises(LookupError, match=r"no static file js/b\.js"):
        StaticAssets(tmp_path).url("js/b.js")


def test_pages_and_routes_must_share_their_tokens(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings()
    edge = build_edge(settings, tmp_path / "templates")
    with pytest.raises(ValueError, match="share one Csrf"):
        install_edge(FastAPI(), settings, Csrf(b"k" * 32, settings.issuer), edge.pages, OriginReader(()))
