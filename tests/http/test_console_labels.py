"""Labelling over HTTP: what the page shows, who may, and what is refused."""

import re
from collections.abc import Callable

import httpx2 as httpx
import pytest
from sqlalchemy import select

from authsvc.console import routes as console_routes
from authsvc.console.labels.routes import build_router
from authsvc.console.labels.service import Labels
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.risk.feedback.tables import risk_labels
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(
    sqlite_only_database: Database, audit: Audit, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Desk:
    made = open_desk(
        sqlite_only_database,
        audit,
        clock,
        make_settings(),
        lambda console, pages, csrf: [
            console_routes.build_router(console, pages),
            build_router(Labels(console), pages, csrf),
        ],
    )
    made.scene.decision(made.scene.person("Ada", "ada@example.org"), id="dec_ada")
    made.scene.decision(made.people["ines"], id="dec_ines")
    return made


def opened(desk: Desk, decision: str = "dec_ada") -> str:
    return desk.browser("ines").get(f"/console/decisions/{decision}").text


def say(desk: Desk, who: str | None, *, csrf: str | None = None, **fields: str) -> httpx.Response:
    token = re.search(r'name="csrf" content="([^"]+)"', opened(desk))
    assert token is not None
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}
    data = {"csrf": csrf or token[1], "decision": "dec_ada", "label": "safe", **fields}
    return desk.browser(who).post("/console/labels", data=data, headers=headers)


def labels(desk: Desk) -> dict[str, str]:
    with desk.scene.database.read() as connection:
        return {row.decision_id: row.label for row in connection.execute(select(risk_labels))}


def test_a_label_is_set_shown_and_changed(desk: Desk) -> None:
    assert "Nobody has said yet." in opened(desk)
    for label, words in (("safe", "It was the owner"), ("compromised", "It was somebody else")):
        response = say(desk, "ines", label=label)
        assert (response.status_code, response.headers["location"]) == (303, "/console/decisions/dec_ada")
        assert labels(desk) == {"dec_ada": label}
        page = opened(desk)
        assert f"<b>{words}</b>" in page and "Ines Okafor, " in page


def test_ones_own_decision_has_no_form_and_is_refused(desk: Desk) -> None:
    assert "/console/labels" not in opened(desk, "dec_ines")
    assert say(desk, "ines", decision="dec_ines").status_code == 403
    assert labels(desk) == {}


def test_who_may_not_be_here_labels_nothing(desk: Desk) -> None:
    response = say(desk, None)
    assert (response.status_code, response.headers["location"]) == (303, "/console/sign-in")
    assert say(desk, "sam").status_code == 403
    assert say(desk, "ines", csrf="forged").status_code == 403
    assert labels(desk) == {}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"label": "not_me"}, 400),
        ({"label": "x"}, 400),
        ({"label": "safe\x00"}, 400),
        ({"decision": "dec_none"}, 404),
        ({"decision": "dec_\x00"}, 404),
        ({"decision": "//evil.example"}, 404),
        ({"label": "x" * 101}, 400),
    ],
)
def test_garbage_is_refused(desk: Desk, fields: dict[str, str], status: int) -> None:
    assert say(desk, "ines", **fields).status_code == status
    assert labels(desk) == {}
