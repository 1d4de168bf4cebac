"""The headers that every answer has, the host names that are answered, and the health checks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from authsvc.core.database import Database
from authsvc.settings import Settings
from authsvc.web import health
from tests.support.edge import Edge, build_edge

NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


@pytest.fixture
def production(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    settings = make_settings(issuer="https://id.shop.example", demo=False, mail={"host": "mail.shop.example"})
    return build_edge(settings, tmp_path / "templates")


@pytest.mark.parametrize(
    "path",
    ["/login", "/public", "/v1/origin", "/v1/raise", "/nothing", "/v1/nothing", "/static/page.js", "/not-me/x"],
)
def test_every_answer_has_the_security_headers(edge: Edge, path: str) -> None:
    headers = edge.client().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    permissions = headers["permissions-policy"].split(", ")
    assert {"publickey-credentials-get=(self)", "publickey-credentials-create=(self)", "camera=()"} <= set(permissions)
    assert headers["x-request-id"]
    assert "strict-transport-security" not in headers  # http on localhost
    if path not in ("/login", "/nothing"):
        assert headers["content-security-policy"] == NO_PAGE


def test_only_pages_ask_for_the_round_trip_time(edge: Edge) -> None:
    assert edge.client().get("/login").headers["accept-ch"] == "RTT"
    assert "accept-ch" not in edge.client().get("/v1/origin").headers


def test_an_https_issuer_is_pinned_to_https(production: Edge) -> None:
    answer = production.client(host="id.shop.example").get("/public")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        ("/login", "no-store"),
        ("/not-me/x", "no-store"),  # whatever the endpoint said
        ("/oauth2/userinfo", "no-store"),
        ("/oauth2/jwks", "public, max-age=300"),
        ("/v1/origin", "no-store"),
        ("/public", "no-store"),
        ("/demo/nothing", "no-store"),
        ("/nothing", "no-store"),
    ],
)
def test_what_may_be_cached(edge: Edge, path: str, cache_control: str) -> None:
    assert edge.client().get(path).headers["cache-control"] == cache_control


@pytest.mark.parametrize("host", ["localhost:8000", "LocalHost:8000"])
def test_the_issuers_host_is_answered(edge: Edge, host: str) -> None:
    assert edge.client(host=host).get("/public").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000"])
def test_a_loopback_address_redirects_to_localhost_with_path_and_query(edge: Edge, host: str) -> None:
    answer = edge.client(host=host).get("/login/a%2Fb?flow=1&x=%20")
    assert answer.status_code == 307
    assert answer.headers["location"] == "http://localhost:8000/login/a%2Fb?flow=1&x=%20"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_redirect_never_leaves_the_issuer(edge: Edge) -> None:
    answer = edge.client(host="127.0.0.1:8000").get("//evil.example/")
    assert answer.headers["location"].startswith("http://localhost:8000/")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8001",
        "evil.example",
        "localhost:8000.evil.example",
        "127.0.0.1:9",
        "localhost:8000@x",
        "",
    ],
)
def test_another_host_is_refused(edge: Edge, host: str) -> None:
    answer = edge.client(host=host, accept="application/json").get("/public")
    assert (answer.status_code, answer.json()["code"]) == (421, "request.wrong_host")


def test_two_hosts_are_refused(edge: Edge) -> None:
    with edge.client() as client:
        answer = client.get("/v1/origin", headers=[("host", "localhost:8000"), ("host", "evil.example")])
    assert answer.status_code == 421


@pytest.mark.parametrize(
    ("host", "status"),
    [("id.shop.example", 200), ("id.shop.example:443", 200), ("127.0.0.1", 421), ("localhost", 421)],
)
def test_in_production_only_the_issuer_is_answered(production: Edge, host: str, status: int) -> None:
    assert production.client(host=host).get("/public").status_code == status


def test_health_is_answered_under_any_host(edge: Edge, sqlite_only_database: Database) -> None:
    edge.app.include_router(health.build_router(sqlite_only_database))
    client = edge.client(host="10.0.0.7:8000")
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok", "database": "ok"}


def test_not_ready_without_a_database(edge: Edge, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite3'}")
    edge.app.include_router(health.build_router(database))
    answer = edge.client().get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "database": "unreachable"})
    assert edge.client().get("/health/live").status_code == 200


def test_the_origin_reaches_the_endpoint(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    edge = build_edge(make_settings(trusted_proxies=("0.0.0.0/32",)), tmp_path / "templates")
    answer = edge.client(x_forwarded_for="::ffff:198.51.100.7", x_request_id="request-0001").get("/v1/origin")
    assert answer.json()["address"] == "0.0.0.0"  # the test client sends no header of that name
    named = {"x-forwarded-for": "::ffff:198.51.100.7", "x-request-id": "request-0001"}
    answer = edge.client(**named).get("/v1/origin")
    assert answer.json() == {"address": "198.51.100.7", "request_id": "request-0001", "key": "198.51.100.7"}
    assert answer.headers["x-request-id"] == "request-0001"
