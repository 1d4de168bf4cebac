"""Two requests of one flow that cross: a step acts on the flow as it is, never on what it was a moment before.

Each test opens the flow as a request does, lets another request go first, and then finishes the one that was late.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from authsvc.accounts.levels import Level
from authsvc.core.errors import Conflict
from authsvc.core.origin import Origin
from authsvc.login.store import Flow
from authsvc.login.visitor import Visitor
from authsvc.risk.policy_file import default_policy, policy_text
from authsvc.risk.tables import risk_decisions
from tests.journeys.test_sign_in import EMAIL
from tests.support.browser_client import BrowserClient
from tests.support.running import PASSWORD, Running

MALLORY = "mallory@example.org"
ORIGIN = Origin("req_late", "203.0.113.7", "Mozilla/5.0")


def opened(service: Running, browser: BrowserClient, flow_id: str) -> Flow:
    secret = browser.cookie("__Host-flow")
    assert secret is not None
    return service.services.flows.open(flow_id, browser=secret, origin=ORIGIN)


def at_step_up(service: Running, browser: BrowserClient, email: str) -> str:
    """Bring a browser to the step-up of an account whose password it knows; return the flow."""
    service.shop().begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    flow = browser.flow
    answer = browser.submit("/login/password", email=email, password=PASSWORD)
    assert "One more proof" in answer.text
    return flow


def test_a_code_sent_again_late_does_not_prove_the_address_chosen_since(service: Running) -> None:
    browser = service.browser()
    service.shop().begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Mallory", email=MALLORY)
    flow_id = browser.flow
    late = opened(service, browser, flow_id)
    browser.open(f"/login/create?flow={flow_id}")
    browser.submit("/login/create", name="Mallory", email="victim@example.org")
    with pytest.raises(Conflict):
        service.services.sign_up.resend(late, origin=ORIGIN)
    answer = browser.submit("/login/code", code=service.code_for(MALLORY))
    assert answer.status_code == 400
    assert service.events("login:address:proven") == []


def test_a_step_up_code_asked_for_late_does_not_serve_another_account(service: Running) -> None:
    for email in (MALLORY, EMAIL):
        service.sign_up(service.browser(), email)
    service.clock.advance(days=1)
    browser = service.browser()
    flow_id = at_step_up(service, browser, MALLORY)
    late = opened(service, browser, flow_id)
    browser.submit("/login/back")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    with pytest.raises(Conflict):
        service.services.step_up.send_code(late, origin=ORIGIN)
    assert not [mail for mail in service.mails(MALLORY) if "to sign in" in mail.subject]


def test_a_step_up_is_answered_by_its_own_account_only(service: Running) -> None:
    mallory = service.browser()
    authenticator = service.sign_up_with_passkey(mallory, MALLORY)
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=1)
    browser = service.browser()
    service.shop().begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    answer = browser.post_json("/login/passkey/verify", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "passkey.refused"
    assert service.events("passkey:ceremony:refused")[-1].facts["code"] == "passkey.foreign_credential"


def test_a_right_password_leaves_evidence_even_where_the_flow_has_moved_on(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    browser = service.browser()
    service.shop().begin(browser)
    late = opened(service, browser, browser.flow)
    browser.open(f"/login/create?flow={late.id}")
    browser.submit("/login/create", name="Mallory", email=MALLORY)
    with pytest.raises(Conflict):
        service.services.sign_in.with_password(late, email=EMAIL, password=PASSWORD, typing="", visitor=Visitor(ORIGIN))
    event = service.events("login:password:overtaken")[0]
    assert event.account_id is not None
    assert event.facts["flow"] == late.id


def test_a_flow_that_went_back_says_nothing_about_the_sign_in_before(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=1)
    browser = service.browser()
    at_step_up(service, browser, EMAIL)
    browser.submit("/login/back")
    service.prove_address(browser, MALLORY)
    browser.submit("/login/credential/password", password=PASSWORD)
    with service.services.database.read() as connection:
        assert list(connection.execute(select(risk_decisions.c.outcome)).scalars()) == ["open"]


def test_what_risk_asked_for_still_holds_where_the_code_is_issued(
    local_with: Callable[..., Running], tmp_path: Path
) -> None:
    strict = replace(
        default_policy(), step_up_at=0.000001, costs=None, requires=Level.PHR, passkey_satisfies_step_up=False
    )
    policy = tmp_path / "policy.toml"
    policy.write_text(policy_text(strict))
    service = local_with(risk={"policy_file": policy})
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    service.clock.advance(days=1)
    browser = service.browser()
    service.shop().begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    resume = browser.post_json("/login/passkey/verify", body).json()["next"]
    service.clock.advance(minutes=16)  # the passkey's level has aged
    assert "error=unmet_authentication_requirements" in browser.http.get(resume).headers["location"]
