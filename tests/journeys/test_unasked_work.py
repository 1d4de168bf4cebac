"""What a visitor who has proven nothing can make the service write, compute or tell apart: little, and bounded."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from authsvc.core.audit.tables import audit_events
from authsvc.core.outbox.tables import outbox
from authsvc.factors.email_code.tables import email_codes
from authsvc.login.tables import flows
from authsvc.risk.tables import risk_decisions
from tests.journeys.test_sign_in import EMAIL
from tests.support.running import PASSWORD, Running


@pytest.fixture
def strict(local_with: Callable[..., Running]) -> Running:
    """authsvc where each limit of one address is three a minute."""
    names = ("flow_per_address", "sign_in_per_address")
    return local_with(limits=dict.fromkeys(names, "3 per 1 minute"))


def test_asking_for_the_account_page_begins_few_flows(strict: Running) -> None:
    browser = strict.browser()
    statuses = [browser.http.get("/account").status_code for _ in range(5)]
    assert statuses == [303, 303, 303, 429, 429]
    assert strict.count(flows) == 3


def test_asking_for_a_face_enrolment_begins_few_flows(strict: Running) -> None:
    browser = strict.browser()
    strict.sign_up(browser, EMAIL)
    strict.clock.advance(hours=1)
    before = strict.count(flows)
    statuses = []
    for _ in range(3):
        browser.open("/account/face")
        statuses.append(browser.submit("/account/face", follow=False).status_code)
    assert 429 in statuses
    assert strict.count(flows) < before + 3


def test_a_foreign_flow_leaves_few_events(strict: Running) -> None:
    browser, thief = strict.browser(peer="198.51.100.9"), strict.browser()
    strict.shop().begin(browser)
    statuses = [thief.http.get("/login", params={"flow": browser.flow}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    assert len(strict.events("login:flow:foreign")) == 3


def test_choosing_a_password_again_and_again_is_bounded(strict: Running) -> None:
    late, quick = strict.browser(peer="198.51.100.9"), strict.browser(peer="198.51.100.10")
    for browser in (late, quick):
        strict.shop().begin(browser)
        strict.prove_address(browser, EMAIL)
    quick.submit("/login/credential/password", password=PASSWORD)
    before = strict.services.passwords.hasher.computed
    statuses = [late.submit("/login/credential/password", password=PASSWORD).status_code for _ in range(5)]
    assert statuses == [409, 409, 409, 429, 429]
    assert strict.services.passwords.hasher.computed == before + 3


def test_opening_an_account_by_mail_costs_the_same_whoever_it_is_for(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.mails()
    costs, pages = [], []
    for email in (EMAIL, "nobody@example.org"):
        browser = service.browser()
        service.shop().begin(browser)
        browser.open(f"/login?flow={browser.flow}")
        form = browser.form("/login/password")
        before = [service.count(table) for table in (email_codes, outbox, audit_events)]
        answer = browser.http.post(
            "/login/unlock",
            data={"csrf": form["csrf"], "flow": form["flow"], "email": email},
            headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"},
        )
        after = [service.count(table) for table in (email_codes, outbox, audit_events)]
        costs.append([later - earlier for later, earlier in zip(after, before, strict=True)])
        pages.append(answer.status_code)
    assert pages == [303, 303]
    assert costs == [[1, 1, 1], [1, 1, 1]]
    assert "no account" in service.mails("nobody@example.org")[0].text


def test_a_customer_at_the_console_is_refused_with_evidence(service: Running) -> None:
    browser = service.browser()
    authenticator = service.sign_up_with_passkey(browser, EMAIL)
    service.clock.advance(days=1)
    browser.open("/console/sign-in")
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    answer = browser.post_json("/login/passkey/verify", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "login.role_missing")
    assert browser.cookie("__Host-console") is None
    (refused,) = service.events("login:role:missing")
    assert refused.account_id is not None
    with service.services.database.read() as connection:
        assert list(connection.execute(select(risk_decisions.c.outcome)).scalars()) == ["denied"]
    assert browser.post_json("/login/passkey/verify", body).json()["code"] == "passkey.refused"  # it is spent


def test_nobody_signs_up_at_the_console_without_an_invitation(local: Running) -> None:
    browser = local.browser()
    browser.open("/console/sign-in")
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Mallory", email=EMAIL)
    assert "login:address:code_sent" not in local.tags()
