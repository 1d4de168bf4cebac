""" "This wasn't me" closes the password: what the right one is worth then, and how it is replaced."""

from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.tables import accounts, sessions
from authsvc.core.origin import Origin
from authsvc.factors.password.tables import passwords
from authsvc.login.alerts.concern import concerns_password
from tests.support import account_pages
from tests.support.account_pages import answer_passkey, post, with_passkey
from tests.support.browser_client import BrowserClient
from tests.support.resets import add_passkey, without_session
from tests.support.running import PASSWORD, REDIRECT_URI, Running

EMAIL = "ada@example.org"
NEW = "another good phrase 42"
ELSEWHERE = "198.51.100.9"
CLOSED = "Your password has to be changed"


def disown(service: Running, kind: str = AlertKind.NEW_DEVICE.value) -> None:
    """Press "this wasn't me" on something of the only account."""
    account_id = one(service, accounts).id
    with service.services.database.write() as connection:
        service.services.not_me.shield(
            connection, account_id, kind=kind, origin=Origin("request", "203.0.113.99", "test"), now=service.clock.now()
        )


def heading(answer: Any) -> str:
    """Return what the page is called, without the shop that it leads to."""
    return account_pages.heading(answer).partition("to continue to")[0].strip()


def one(service: Running, table: Any) -> Any:
    with service.services.database.read() as connection:
        return connection.execute(select(table)).one()


def live_sessions(service: Running) -> int:
    with service.services.database.read() as connection:
        return len(connection.execute(select(sessions.c.id).where(sessions.c.ended_at.is_(None))).all())


def closed(service: Running) -> bool:
    return one(service, passwords).must_change_since is not None


def replace_by_mail(service: Running, browser: BrowserClient) -> Any:
    """Go on from the page that says so, in the same flow."""
    browser.submit("/login/reset")
    browser.submit("/login/reset/code", code=service.code_for(EMAIL))
    return browser.submit("/login/reset/password", password=NEW)


def test_the_right_password_leads_to_a_new_one_and_then_to_the_shop(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    service.clock.advance(days=2)
    disown(service)
    without_session(owner)
    shop = service.shop()
    shop.begin(owner)
    flow = owner.flow
    assert heading(owner.submit("/login/password", email=EMAIL, password=PASSWORD)) == CLOSED
    assert owner.flow == flow
    assert live_sessions(service) == 0
    claims = shop.finish(owner, replace_by_mail(service, owner))
    assert claims["acr"] == "urn:authsvc:acr:pwd"
    assert not closed(service)
    again = service.browser(peer="203.0.113.8")
    assert heading(service.sign_in(again, EMAIL, password=PASSWORD)) == "Sign in"  # wrong by now
    without_session(owner)
    service.clock.advance(minutes=5)
    assert service.sign_in(owner, EMAIL, password=NEW).headers["location"].startswith(REDIRECT_URI)
    (event,) = service.events("password:factor:disowned")
    assert event.account_id == claims["sub"]


def test_a_wrong_password_says_nothing_of_it(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=2)
    before = service.sign_in(service.browser(peer=ELSEWHERE), EMAIL, password="not the right one")
    disown(service)
    after = service.sign_in(service.browser(peer=ELSEWHERE), EMAIL, password="not the right one")
    assert (after.status_code, heading(after)) == (before.status_code, heading(before)) == (400, "Sign in")
    assert "has to be changed" not in after.text
    assert len(service.events("login:password:failed")) == 2
    assert service.events("login:password:must_change") == []


def test_trying_it_forgets_no_failure_and_is_counted(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    local.clock.advance(days=2)
    disown(local)
    for _ in range(6):
        answer = local.sign_in(local.browser(peer=ELSEWHERE), EMAIL)
        assert heading(answer) == CLOSED
    assert local.sign_in(local.browser(peer=ELSEWHERE), EMAIL).status_code == 429
    assert len(local.events("login:password:must_change")) == 6


def test_a_sign_in_that_is_half_done_with_it_ends(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    add_passkey(service, owner)
    disown(service, "refresh_reused")  # guards the account, and leaves the password
    assert not closed(service)
    thief = service.browser(peer=ELSEWHERE)
    assert "One more proof" in heading(service.sign_in(thief, EMAIL))
    flow = thief.flow
    disown(service)
    assert thief.open(f"/login?flow={flow}").status_code == 410
    assert heading(service.sign_in(thief, EMAIL)) == CLOSED


def test_a_passkey_works_as_before_and_the_owner_changes_the_password_with_it(service: Running) -> None:
    owner, authenticator = with_passkey(service)
    owner.open("/account/password/change")
    assert owner.submit("/account/password/change", password=PASSWORD).status_code == 200
    disown(service)
    owner.open("/account/password")
    answer = answer_passkey(owner, authenticator)
    assert answer.json()["next"] == "/account/password"
    assert closed(service)  # the passkey lifts the guard alone
    assert one(service, accounts).guarded_at is None
    assert "signs nobody in until you change it" in owner.open("/account/password").text
    assert heading(service.sign_in(service.browser(peer=ELSEWHERE), EMAIL)) == CLOSED
    owner.open("/account/password/change")
    owner.submit("/account/password/change", password=NEW)
    assert not closed(service)
    answer = service.sign_in(service.browser(), EMAIL, password=NEW)
    assert answer.headers["location"].startswith(REDIRECT_URI)


def test_a_second_factor_is_asked_for_after_it(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    add_passkey(local, owner)
    local.clock.advance(days=2)
    disown(local)
    thief = local.browser(peer=ELSEWHERE)  # with the password, and the mailbox
    local.sign_in(thief, EMAIL)
    page = replace_by_mail(local, thief)
    assert "Use your passkey" in page.text
    assert "code by mail" not in page.text
    assert one(local, accounts).guarded_at is not None
    assert live_sessions(local) == 0


def test_a_mailbox_that_reset_it_today_answers_no_guard(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    local.clock.advance(days=2)
    thief = local.browser(peer=ELSEWHERE)
    for _ in range(2):
        disown(local)
        local.clock.advance(minutes=5)
        local.sign_in(thief, EMAIL, password=PASSWORD if not local.events("login:reset:completed") else NEW)
        page = replace_by_mail(local, thief)
    assert page.status_code == 200
    assert one(local, accounts).guarded_at is not None
    assert live_sessions(local) == 0


@pytest.mark.parametrize(
    "kind", ["refresh_reused", "recovery_started", "login:password:failed", "login:reset:code_sent"]
)
def test_what_took_no_password_leaves_it_open(local: Running, kind: str) -> None:
    local.sign_up(local.browser(), EMAIL)
    local.clock.advance(days=2)
    disown(local, kind)
    assert not closed(local)
    assert "One more proof" in heading(local.sign_in(local.browser(), EMAIL))
    assert not concerns_password(kind)


def test_where_no_password_can_be_reset_the_page_says_so(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    disown(local)
    analyst = local.browser()
    analyst.open("/console/sign-in")
    answer = post(analyst, "/login/password", flow=analyst.flow, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 403
    assert "has to be changed" in answer.text


def test_the_flow_goes_back_is_cancelled_and_takes_one_step_once(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    disown(local)
    browser = local.browser()
    assert heading(local.sign_in(browser, EMAIL)) == CLOSED
    assert heading(browser.submit("/login/back")) == "Sign in"
    assert heading(browser.submit("/login/password", email=EMAIL, password=PASSWORD)) == CLOSED
    flow = browser.flow
    late = post(browser, "/login/password", flow=flow, email=EMAIL, password=PASSWORD)
    assert late.headers["location"] == f"/login?flow={flow}"
    skipped = post(browser, "/login/reset/password", flow=flow, password=NEW)
    assert skipped.headers["location"] == f"/login?flow={flow}"
    answer = browser.submit("/login/cancel")
    assert "error=access_denied" in answer.headers["location"]
    assert closed(local)
