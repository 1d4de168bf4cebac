"""The cases over HTTP: who may look, what is shown, handling one, and what is refused."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx2 as httpx
import pytest
from sqlalchemy import select

from authsvc.console.cases.routes import build_router
from authsvc.console.cases.service import Cases
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.login.store import insert_case
from authsvc.login.tables import cases
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(database: Database, audit: Audit, clock: SettableClock, make_settings: Callable[..., Settings]) -> Desk:
    return open_desk(
        database,
        audit,
        clock,
        make_settings(),
        lambda console, pages, csrf: [build_router(Cases(console), pages, csrf)],
    )


def opened(desk: Desk, case_id: str = "case_1", **changes: str) -> None:
    ada = desk.scene.person("Ada <b>", f"{case_id}@example.org")
    facts = {"kind": "login:password:failed", "event_id": "evt_7", **changes}
    with desk.scene.database.write() as connection:
        insert_case(connection, case_id=case_id, account_id=ada.id, now=desk.scene.start - timedelta(hours=1), **facts)


def handle(desk: Desk, who: str | None, **fields: str) -> httpx.Response:
    browser = desk.browser(who)
    token = re.search(r'name="csrf" content="([^"]+)"', desk.browser("ines").get("/console/cases").text)
    assert token is not None
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}
    return browser.post("/console/cases/handle", data={"csrf": token[1], **fields}, headers=headers)


def stored(desk: Desk, case_id: str = "case_1") -> tuple[object, str | None]:
    with desk.scene.database.read() as connection:
        row = connection.execute(select(cases).where(cases.c.id == case_id)).one()
    return row.handled_at, row.note


def tags(desk: Desk) -> list[str]:
    with desk.scene.database.read() as connection:
        return list(connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars())


def test_who_may_not_look_sees_nothing(desk: Desk) -> None:
    opened(desk)
    assert desk.browser(None).get("/console/cases").headers["location"] == "/console/sign-in"
    refused = desk.browser("sam").get("/console/cases")
    assert refused.status_code == 403
    assert "case_1@example.org" not in refused.text
    assert tags(desk) == ["console:access:refused"]


def test_a_case_says_who_what_and_when_and_leads_to_the_decisions(desk: Desk) -> None:
    opened(desk)
    opened(desk, "case_2", kind="new_device", alert_id="alt_9")
    page = desk.browser("ines").get("/console/cases").text
    for text in ("Ada &lt;b&gt;", "case_1@example.org", "Somebody typed a wrong password.", "evt_7"):
        assert text in page
    assert "/console?window=all&amp;account=case_1%40example.org" in page
    assert tags(desk) == ["console:cases:viewed"]


def test_an_empty_list_says_so(desk: Desk) -> None:
    assert "Nothing waits" in desk.browser("ines").get("/console/cases").text


def test_a_case_is_handled_once_and_the_first_note_stays(desk: Desk) -> None:
    opened(desk)
    assert handle(desk, "ines", case="case_1", note="  Called   her: a stolen phone. ").status_code == 303
    assert handle(desk, "ines", case="case_1", note="something else").status_code == 303
    handled_at, note = stored(desk)
    assert (handled_at, note) == (desk.scene.start, "Called her: a stolen phone.")
    assert tags(desk).count("console:case:handled") == 1
    page = desk.browser("ines").get("/console/cases").text
    assert "Called her: a stolen phone." in page
    assert "Nothing waits" in page


@pytest.mark.parametrize("note", [" ", "x" * 501, "a\x07b", "a\x00b"])
def test_a_note_that_cannot_be_kept_is_told_on_the_page(desk: Desk, note: str) -> None:
    opened(desk)
    answer = handle(desk, "ines", case="case_1", note=note)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert stored(desk) == (None, None)


def test_others_handle_nothing(desk: Desk) -> None:
    opened(desk)
    assert handle(desk, "sam", case="case_1", note="mine").status_code == 403
    assert handle(desk, None, case="case_1", note="mine").headers["location"] == "/console/sign-in"
    foreign = desk.browser("ines").post("/console/cases/handle", data={"case": "case_1", "note": "x"})
    assert foreign.status_code == 403
    assert stored(desk) == (None, None)


@pytest.mark.parametrize("case_id", ["case_none", "\x00", "x" * 2000])
def test_an_unknown_case_is_a_404(desk: Desk, case_id: str) -> None:
    assert handle(desk, "ines", case=case_id, note="x").status_code == 404
