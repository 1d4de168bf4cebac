"""Every way of saying no: its status, its code, its form, and what it never tells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.testclient import TestClient

from authsvc.core import errors
from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages
from authsvc.web.problems import STATUSES
from tests.support.edge import Edge, build_edge

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SECRET = "hunter2"


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (errors.BadInput("room.what", "Say it so."), 400, "That did not work"),
        (errors.NotSignedIn("room.what", "Say it so."), 401, "Not signed in"),
        (errors.NotAllowed("room.what", "Say it so."), 403, "Not allowed"),
        (errors.NotFound("room.what", "Say it so."), 404, "Not found"),
        (errors.Conflict("room.what", "Say it so."), 409, "Conflict"),
        (errors.Gone("room.what", "Say it so."), 410, "No longer there"),
        (errors.TooLarge("room.what", "Say it so."), 413, "Too large"),
        (errors.TooMany("room.what", "Say it so.", retry_after_s=7), 429, "Too many requests"),
        (errors.Busy("room.what", "Say it so.", retry_after_s=2), 503, "Busy"),
    ],
)
def test_an_error_of_ours_is_a_document_for_machines_and_a_page_for_people(
    edge: Edge, error: errors.AuthsvcError, status: int, title: str
) -> None:
    edge.raised = error
    document = edge.client().get("/v1/raise")
    assert document.status_code == status
    assert document.headers["content-type"] == "application/problem+json"
    assert document.json() == {
        "type": "urn:authsvc:error:room.what",
        "title": title,
        "status": status,
        "detail": "Say it so.",
        "code": "room.what",
        "request_id": document.headers["x-request-id"],
    }
    page = edge.client(accept=BROWSER).get("/raise")
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert f"<title>{title}</title><p>Say it so.</p>room.what {status} {page.headers['x-request-id']}" in page.text
    retry_after_s = getattr(error, "retry_after_s", None)
    for answer in (document, page):
        assert answer.headers.get("retry-after") == (str(retry_after_s) if retry_after_s else None)


def test_every_kind_of_error_has_a_status() -> None:
    assert {kind for kind in errors.AuthsvcError.__subclasses__() if not kind.__name__.startswith("_")} <= set(STATUSES)


def test_an_api_call_without_credentials_is_told_the_scheme(edge: Edge) -> None:
    edge.raised = errors.NotSignedIn("room.what", "Say it so.")
    assert edge.client().get("/v1/raise").headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in edge.client().get("/raise").headers


@pytest.mark.parametrize(
    ("path", "headers", "is_json"),
    [
        ("/nothing", {"accept": BROWSER}, False),
        ("/nothing", {"accept": "*/*"}, False),
        ("/nothing", {"accept": ""}, False),
        ("/nothing", {"accept": "application/json"}, True),
        ("/nothing", {"accept": "application/problem+json, */*"}, True),
        ("/nothing", {"accept": "*/*", "content-type": "application/json"}, True),
        ("/nothing", {"accept": "text/html, application/json"}, False),
        ("/v1/nothing", {"accept": BROWSER}, True),
        ("/v1nothing", {"accept": BROWSER}, False),
        ("/oauth2/nothing", {"accept": BROWSER}, True),
        ("/oauth2/authorize", {"accept": BROWSER}, False),
        ("/oauth2/authorize/resume", {"accept": BROWSER}, False),
        ("/.well-known/nothing", {"accept": BROWSER}, True),
    ],
)
def test_who_gets_which_form(edge: Edge, path: str, headers: dict[str, str], is_json: bool) -> None:
    answer = edge.client(**headers).get(path)
    assert answer.status_code == 404
    assert "request.not_found" in answer.text
    assert (answer.headers["content-type"] == "application/problem+json") is is_json


def test_a_wrong_method_is_told_the_right_one(edge: Edge) -> None:
    answer = edge.client().delete("/v1/orders/1")
    assert (answer.status_code, answer.json()["code"]) == (405, "request.method_not_allowed")
    assert answer.headers["allow"] == "GET"


def test_wrong_fields_are_named_and_never_repeated(edge: Edge) -> None:
    answer = edge.client().post("/v1/orders", json={"amount_minor": SECRET, "note": {SECRET: SECRET}, SECRET * 9: 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")
    assert {"name": "amount_minor", "problem": "int_parsing"} in answer.json()["fields"]
    assert {"name": "note", "problem": "string_type"} in answer.json()["fields"]
    values = json.dumps([{"problem": each["problem"]} for each in answer.json()["fields"]]) + answer.json()["detail"]
    assert SECRET not in values


def test_a_key_that_the_sender_made_up_is_not_repeated_unless_it_looks_like_a_name(edge: Edge) -> None:
    answer = edge.client().post("/v1/orders", json={"amount_minor": 1, "<script>alert(1)</script>": 1, "x" * 65: 1})
    assert {each["name"] for each in answer.json()["fields"]} == {"body"}


def test_many_wrong_fields_make_no_long_answer(edge: Edge) -> None:
    answer = edge.client().post("/v1/orders", json={f"key{number}": number for number in range(500)})
    assert len(answer.json()["fields"]) == 20


def test_a_path_or_query_value_of_the_wrong_kind_is_bad_input(edge: Edge) -> None:
    answer = edge.client().get("/v1/orders/abc")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")
    assert answer.json()["fields"] == [{"name": "order_id", "problem": "int_parsing"}]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'amount_minor': 1}",
        b'{"amount_minor": 1',
        b"\xff\xfe\x00",
        b'{"amount_minor": "\xff"}',
        b"[" * 30_000,
        b'{"amount_minor": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_body_that_is_no_json(edge: Edge, body: bytes) -> None:
    answer = edge.client().post("/v1/orders", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_json")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"1", b'{"amount_minor": "\\ud800"}', b"NaN"])
def test_json_of_the_wrong_shape(edge: Edge, body: bytes) -> None:
    answer = edge.client().post("/v1/orders", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "image/jpeg"])
def test_json_under_another_name_is_no_json(edge: Edge, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = edge.client().post("/v1/orders", content=b'{"amount_minor": 1}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"garbage"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1_500))),
        ("application/x-www-form-urlencoded", b"%"),
    ],
)
def test_a_broken_form_is_bad_input_and_not_a_failure(edge: Edge, content_type: str, body: bytes) -> None:
    headers = {"content-type": content_type, "origin": "http://localhost:8000"}
    assert edge.client().post("/login/form", content=body, headers=headers).status_code in (400, 403)


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
def test_an_unknown_exception_is_a_fixed_500_that_leaks_nothing(edge: Edge, accept: str) -> None:
    edge.raised = RuntimeError(f"could not open /etc/{SECRET}")
    answer = edge.client(accept=accept).get(f"/raise?code={SECRET}")
    assert answer.status_code == 500
    assert "request.failed" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for leak in (SECRET, "RuntimeError", "Traceback", "/etc", ".py"):
        assert leak not in answer.text
        assert leak not in str(answer.headers)


def test_the_log_has_the_exception_and_one_line_without_the_query(edge: Edge) -> None:
    edge.raised = RuntimeError("boom")
    with structlog.testing.capture_logs() as lines:
        answer = edge.client().get(f"/v1/raise?code={SECRET}", headers={"cookie": f"a={SECRET}"})
    failed, line = [each for each in lines if each["event"] in ("request.failed", "request")]
    assert failed["event"] == "request.failed"
    assert failed["exc_info"]
    assert {name: line[name] for name in ("method", "route", "status", "problem")} == {
        "method": "GET",
        "route": "/v1/raise",
        "status": 500,
        "problem": "request.failed",
    }
    assert line["bytes"] == len(answer.content)
    assert SECRET not in str(lines)


def test_the_log_line_has_the_routes_template_and_not_what_was_in_the_path(edge: Edge) -> None:
    with structlog.testing.capture_logs() as lines:
        edge.client().get(f"/not-me/{SECRET}")
    assert [line["route"] for line in lines] == ["/not-me/{token}"]


def test_half_an_answer_is_cut_off_rather_than_finished(edge: Edge) -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(RuntimeError, match=SECRET):
        edge.client().get("/half")
    assert [line["event"] for line in lines] == ["request.failed", "request"]


def test_a_broken_problem_page_still_answers(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "templates" / "problem.html").write_text("{{ nobody_gave_this }}")
    with structlog.testing.capture_logs():
        answer = edge.client(accept=BROWSER).get("/nothing")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text
    assert answer.headers["x-request-id"] in answer.text


def test_the_real_problem_page_says_what_happened_and_what_to_quote(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(support_contact="https://shop.example/help")
    app, csrf = FastAPI(), Csrf(bytes(32), settings.issuer)
    install_edge(app, settings, csrf, Pages(settings, csrf), OriginReader(()))
    client = TestClient(app, base_url="https://localhost:8000")
    for path in ("/nothing", "/login/nothing"):
        answer = client.get(path, headers={"accept": BROWSER})
        assert answer.status_code == 404
        for part in ("There is nothing at this address.", "request.not_found", answer.headers["x-request-id"]):
            assert part in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DataError(f"INSERT {SECRET}", {"a": SECRET}, Exception(SECRET)), 400, "request.invalid"),
        (OperationalError(f"SELECT {SECRET}", {"a": SECRET}, Exception(SECRET)), 503, "request.unavailable"),
        (PoolTimeout(SECRET), 503, "request.unavailable"),
    ],
)
def test_a_database_that_refuses_or_is_away(edge: Edge, error: Exception, status: int, code: str) -> None:
    edge.raised = error
    answer = edge.client().get("/v1/raise")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert SECRET not in answer.text
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


def test_head_and_options_get_answers_too(edge: Edge) -> None:
    assert edge.client().head("/nothing").status_code == 404
    assert edge.client().options("/v1/orders").status_code == 405
