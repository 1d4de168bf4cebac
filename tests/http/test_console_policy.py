"""The policy over HTTP: who may look, what two people do, what a refused one says."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx2 as httpx
import pytest
from sqlalchemy import select

from authsvc.console.policy.routes import build_router
from authsvc.console.policy.service import PolicyDesk
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Policies
from authsvc.risk.policies.store import Proposal, list_proposals, versions_in_force
from authsvc.risk.policy_file import default_policy, policy_text
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.desk import ANALYST, Desk, open_desk

BEFORE = default_policy()
STRICTER = replace(BEFORE, name="stricter", prior_log_odds=-5.0)


@pytest.fixture
def desk(database: Database, audit: Audit, clock: SettableClock, make_settings: Callable[..., Settings]) -> Desk:
    return open_desk(
        database,
        audit,
        clock,
        make_settings(),
        lambda console, pages, csrf: [
            build_router(PolicyDesk(console, Policies(audit), InForce(audit, BEFORE)), pages, csrf)
        ],
        people={"ines": ("ines", ANALYST), "bob": ("bob", ANALYST), "sam": ("sam", None)},
    )


def send(desk: Desk, who: str | None, action: str, **fields: str) -> httpx.Response:
    token = re.search(r'name="csrf" content="([^"]+)"', desk.browser("ines").get("/console/policy").text)
    assert token is not None
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}
    data = {"csrf": token[1], **fields}
    return desk.browser(who).post(f"/console/policy/{action}", data=data, headers=headers)


def propose(desk: Desk, who: str | None = "ines", **changes: str) -> httpx.Response:
    fields = {"source": policy_text(STRICTER), "note": "Half the challenges?", "role": "live", **changes}
    return send(desk, who, "propose", **fields)


def proposals(desk: Desk) -> list[Proposal]:
    with desk.scene.database.read() as connection:
        return list_proposals(connection, limit=9)


def in_force(desk: Desk) -> dict[str, str | None]:
    with desk.scene.database.read() as connection:
        return versions_in_force(connection)


def tags(desk: Desk) -> list[str]:
    with desk.scene.database.read() as connection:
        found = connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars()
        return [tag for tag in found if tag != "console:policy:viewed"]


def test_what_is_in_force_is_shown_and_where_its_weights_are_from(desk: Desk) -> None:
    page = desk.browser("ines").get("/console/policy").text
    for text in (BEFORE.version, "2.1 %", "95 %", "from the simulator and published figures", "Nothing was proposed"):
        assert text in page


def test_who_may_not_look_sees_and_changes_nothing(desk: Desk) -> None:
    assert desk.browser(None).get("/console/policy").headers["location"] == "/console/sign-in"
    assert desk.browser("sam").get("/console/policy").status_code == 403
    assert propose(desk, None).headers["location"] == "/console/sign-in"
    assert propose(desk, "sam").status_code == 403
    foreign = desk.browser("ines").post("/console/policy/end-shadow")
    assert foreign.status_code == 403
    assert proposals(desk) == [] and in_force(desk) == {}


def test_one_proposes_another_activates(desk: Desk) -> None:
    assert propose(desk).status_code == 303
    (proposal,) = proposals(desk)
    assert 'action="/console/policy/activate"' not in desk.browser("ines").get("/console/policy").text
    alone = send(desk, "ines", "activate", proposal=proposal.id)
    assert alone.status_code == 403 and "Somebody else than who proposed it" in alone.text
    assert in_force(desk) == {}
    assert 'action="/console/policy/activate"' in desk.browser("bob").get("/console/policy").text
    assert send(desk, "bob", "activate", proposal=proposal.id).status_code == 303
    assert in_force(desk) == {"live": STRICTER.version}
    again = send(desk, "bob", "activate", proposal=proposal.id)
    assert again.status_code == 409 and "settled before" in again.text
    assert tags(desk) == ["risk:policy:proposed", "risk:policy:activated"]


def test_a_policy_that_is_none_says_line_and_reason_and_is_still_in_the_form(desk: Desk) -> None:
    answer = propose(desk, source=policy_text(STRICTER).replace("-5.0", '"five"'), note="Nights", role="live")
    assert answer.status_code == 400
    assert "policy:2: prior_log_odds: must be a number" in answer.text
    assert "&#34;five&#34;" in answer.text
    assert 'value="Nights"' in answer.text and 'value="live" selected' in answer.text
    assert proposals(desk) == []


@pytest.mark.parametrize("changes", [{"note": " "}, {"role": "king"}, {"source": "x"}])
def test_what_can_not_be_proposed_is_told(desk: Desk, changes: dict[str, str]) -> None:
    answer = propose(desk, **changes)
    assert answer.status_code == 400 and 'role="alert"' in answer.text
    assert proposals(desk) == []


def test_a_file_with_the_ends_of_lines_that_forms_send_is_the_same_version(desk: Desk) -> None:
    propose(desk, source=policy_text(STRICTER).replace("\n", "\r\n"))
    assert [each.version for each in proposals(desk)] == [STRICTER.version]


def test_a_proposal_is_withdrawn(desk: Desk) -> None:
    propose(desk)
    assert send(desk, "ines", "withdraw", proposal=proposals(desk)[0].id).status_code == 303
    assert [each.outcome for each in proposals(desk)] == ["withdrawn"]
    assert send(desk, "bob", "activate", proposal=proposals(desk)[0].id).status_code == 409
    assert send(desk, "bob", "activate", proposal="pol_none").status_code == 404


def test_the_shadow_is_compared_with_what_was_decided(desk: Desk) -> None:
    propose(desk, role="shadow")
    assert send(desk, "ines", "activate", proposal=proposals(desk)[0].id).status_code == 303
    assert in_force(desk) == {"shadow": STRICTER.version}
    ada = desk.scene.person("Ada", "ada@example.org")
    silent = {"shadow_version": STRICTER.version, "shadow_required": "none"}
    for decided in ("allow", "step_up", "step_up"):
        desk.scene.decision(ada, shadow_decision=decided, **silent)
    desk.scene.decision(ada, ago=timedelta(days=8), shadow_decision="deny", **silent)
    desk.scene.decision(ada)
    desk.clock.advance(seconds=2)
    page = desk.browser("ines").get("/console/policy").text
    assert "<b>2 of 3</b> decisions of the last 7 days would have been others" in page
    assert send(desk, "bob", "end-shadow").status_code == 303
    assert in_force(desk) == {"shadow": None}
