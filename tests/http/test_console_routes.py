"""The console over HTTP: redirects, what the pages say, what they must not say, bad queries."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from authsvc.console.routes import build_router
from authsvc.console.service import PAGE_ROWS
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.decisions import NEW_DEVICE
from tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(
    sqlite_only_database: Database, audit: Audit, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Desk:
    return open_desk(
        sqlite_only_database, audit, clock, make_settings(), lambda console, pages, _: [build_router(console, pages)]
    )


@pytest.mark.parametrize("path", ["/console", "/console/decisions/dec_1", "/console?decision=deny"])
def test_who_is_not_signed_in_is_sent_to_the_consoles_sign_in(desk: Desk, path: str) -> None:
    response = desk.client(None).get(path)
    assert response.status_code == 303
    assert response.headers["location"] == "/console/sign-in"


def test_who_is_no_analyst_sees_nothing_but_a_reason(desk: Desk) -> None:
    desk.scene.decision(desk.scene.person("Ada", "ada@example.org"))
    response = desk.client("sam").get("/console")
    assert response.status_code == 403
    assert "role “analyst”" in response.text
    assert "ada@example.org" not in response.text


def test_the_list_says_who_what_and_why(desk: Desk) -> None:
    ada = desk.scene.person("Ada <b>", "ada@example.org")
    decision = desk.scene.decision(
        ada, decision="step_up", log_odds=-2.0, probability=0.119, contributions=[NEW_DEVICE]
    )
    page = desk.client("ines").get("/console")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for text in ("Step-up", "Ada &lt;b&gt;", "ada@example.org", NEW_DEVICE["text"], "12 %", "cli_shop"):
        assert str(text) in page.text
    assert f"/console/decisions/{decision.id}" in page.text


def test_an_empty_list_says_so(desk: Desk) -> None:
    assert "No decisions in the last 7 days" in desk.client("ines").get("/console").text
    filtered = desk.client("ines").get("/console", params={"decision": "deny"}).text
    assert "Nothing matches this filter" in filtered


def test_older_pages_keep_the_filter(desk: Desk) -> None:
    ada = desk.scene.person("Ada", "ada@example.org")
    for i in range(PAGE_ROWS + 1):
        desk.scene.decision(ada, ago=timedelta(minutes=i))
    client = desk.client("ines")
    first = client.get("/console", params={"account": "ada@example.org"}).text
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "account=ada%40example.org" in link
    second = client.get(link).text
    assert second.count("row-link") == 1
    assert "This is the end of the list" in second


@pytest.mark.parametrize(
    "query",
    [
        "decision=perhaps",
        "window=1y",
        "account=nobody",
        "account=%00",
        "reason=" + "x" * 400,
        "before=rubbish",
        "before=%ff",
        "before=abcd",
    ],
)
def test_what_cannot_be_asked_for_is_said_on_the_page(desk: Desk, query: str) -> None:
    response = desk.client("ines").get(f"/console?{query}")
    assert response.status_code == 400
    assert 'role="alert"' in response.text


def test_a_decision_shows_every_contribution_and_what_it_looked_at(desk: Desk) -> None:
    ada = desk.scene.person("Ada", "ada@example.org")
    decision = desk.scene.decision(ada, log_odds=-4.0, contributions=[NEW_DEVICE])
    page = desk.client("ines").get(f"/console/decisions/{decision.id}")
    assert page.status_code == 200
    for text in ("device.new", "+2.00", "policy.prior", "\N{MINUS SIGN}6.00", "Device known to the account", "1.0 d"):
        assert text in page.text
    assert "style=" not in page.text


def test_an_unknown_decision_is_a_plain_404(desk: Desk) -> None:
    response = desk.client("ines").get("/console/decisions/dec_none")
    assert response.status_code == 404
    assert "There is no such decision." in response.text


def test_altered_inputs_are_called_an_incident(desk: Desk) -> None:
    ada = desk.scene.person("Ada", "ada@example.org")
    decision = desk.scene.decision(ada, inputs_sealed=b"\x01\x06person" + bytes(40))
    assert "treat it as an incident" in desk.client("ines").get(f"/console/decisions/{decision.id}").text
