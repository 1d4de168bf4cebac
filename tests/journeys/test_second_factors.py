"""Step-up by an authenticator app and by a recovery code, from a shop's redirect to its tokens, on both databases."""

from typing import Any

import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import accounts, alerts
from authsvc.login.tables import flows
from tests.support.browser_client import BrowserClient
from tests.support.running import PASSWORD, Running, Shop
from tests.support.second_factors import HERE, account_of, enrol_app, make_recovery_codes

EMAIL = "ada@example.org"
MFA = "urn:authsvc:acr:mfa"
PHR = "urn:authsvc:acr:phr"
OTHER_WAY = "Use another way"


def asked_for(service: Running, level: str = MFA, email: str = EMAIL) -> tuple[BrowserClient, Shop]:
    """Return a browser that has given the right password to a shop that wants more."""
    browser, shop = service.browser(), service.shop()
    shop.begin(browser, acr_values=level)
    page = browser.submit("/login/password", email=email, password=PASSWORD, typing="")
    assert page.status_code == 200, page.headers
    return browser, shop


def choose(browser: BrowserClient, kind: str) -> Any:
    """Press the button of one typed factor; every form of that action looks alike but for its kind."""
    return browser.submit("/login/step-up/typed", kind=kind)


def alert_kinds(service: Running) -> list[str]:
    with service.services.database.read() as connection:
        return sorted(connection.execute(select(alerts.c.kind)).scalars())


def test_an_app_reaches_two_factors(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    phone = enrol_app(service, EMAIL)
    browser, shop = asked_for(service)
    page = choose(browser, "totp")
    assert "Type the code from your app" in page.text
    claims = shop.finish(browser, browser.submit("/login/code", code=phone.code()))
    assert claims["acr"] == MFA
    assert set(claims["amr"]) == {"pwd", "otp", "mfa"}


def test_a_recovery_code_reaches_two_factors_and_the_owner_is_told(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    enrol_app(service, EMAIL)
    code, *_ = make_recovery_codes(service, EMAIL)
    browser, shop = asked_for(service)
    page = choose(browser, "recovery_code")
    assert "Type a recovery code" in page.text
    claims = shop.finish(browser, browser.submit("/login/code", code=code.upper()))
    assert claims["acr"] == MFA
    assert "recovery_code_used" in alert_kinds(service)
    assert any("one of your recovery codes" in mail.text for mail in service.mails(EMAIL))


def test_strongest_first_and_recovery_codes_last(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    enrol_app(service, EMAIL)
    make_recovery_codes(service, EMAIL)
    page = asked_for(service)[0].answer.text
    assert page.index("Use a code from your app") < page.index("Use a recovery code")
    assert "Send me a code by mail" not in page  # it has something stronger
    assert page.count("button-primary") == 1
    assert "button-primary" in page[: page.index("Use a code from your app")]
    assert "Lost your phone?" in page


def test_recovery_codes_alone_are_not_the_first_choice(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    make_recovery_codes(service, EMAIL)
    page = asked_for(service)[0].answer.text
    assert "Use a recovery code" in page
    assert "button-primary" not in page


def test_an_app_is_not_enough_where_a_passkey_is_asked_for(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    enrol_app(service, EMAIL)
    make_recovery_codes(service, EMAIL)
    browser, _ = asked_for(service, PHR)
    assert "We can&#39;t confirm that it&#39;s you" in browser.answer.text
    assert "Use a code from your app" not in browser.answer.text


def test_the_mailbox_is_closed_to_an_account_with_an_app(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    enrol_app(service, EMAIL)
    browser, _ = asked_for(service, "urn:authsvc:acr:pwd_email")
    form = browser.form("/login/step-up/typed")
    answer = browser.http.post(
        "/login/step-up/email", data=form, headers={"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 403
    assert "login.rung_missing" in answer.text


def test_a_code_signs_in_once_whoever_saw_it(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    phone = enrol_app(service, EMAIL)
    owner, shop = asked_for(service)
    thief, _ = asked_for(service)
    choose(owner, "totp")
    choose(thief, "totp")
    code = phone.code()
    shop.finish(owner, owner.submit("/login/code", code=code))
    for seconds in (0, 20, 70):  # the rest of the window, and a little more
        service.clock.advance(seconds=seconds)
        assert thief.submit("/login/code", code=code).status_code == 400
    assert len(service.events("totp:code:replayed")) == 2
    refused = service.events("login:step_up:code_wrong")
    assert [event.facts["code"] for event in refused] == ["totp.spent", "totp.spent", "totp.wrong"]


def test_six_wrong_codes_wait_and_the_owner_hears_of_it_once(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    phone = enrol_app(service, EMAIL)
    before = alert_kinds(service)
    browser, shop = asked_for(service)
    choose(browser, "totp")
    pages = [browser.submit("/login/code", code=phone.wrong_code()) for _ in range(6)]
    assert [page.status_code for page in pages] == [400] * 6
    assert "not right" in pages[0].text
    waiting = browser.submit("/login/code", code=phone.code())
    assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "2")
    assert "wait 2 seconds" in waiting.text
    # a fresh flow, another browser: the tries are the account's
    again, _ = asked_for(service)
    choose(again, "totp")
    assert again.submit("/login/code", code=phone.code()).status_code == 429
    assert sorted([*before, "step_up_failed"]) == alert_kinds(service)
    service.clock.advance(seconds=2)
    assert shop.finish(browser, browser.submit("/login/code", code=phone.code()))["acr"] == MFA


def test_another_accounts_code_proves_nothing(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.sign_up(service.browser(peer="198.51.100.4"), "eve@example.org")
    enrol_app(service, EMAIL)
    theirs, (code, *_) = enrol_app(service, "eve@example.org"), make_recovery_codes(service, "eve@example.org")
    make_recovery_codes(service, EMAIL)
    browser, _ = asked_for(service)
    choose(browser, "totp")
    assert browser.submit("/login/code", code=theirs.code()).status_code == 400
    browser.submit("/login/back")
    choose(browser, "recovery_code")
    assert browser.submit("/login/code", code=code).status_code == 400
    eve, shop = asked_for(service, email="eve@example.org")
    choose(eve, "totp")
    assert shop.finish(eve, eve.submit("/login/code", code=theirs.code()))["acr"] == MFA  # theirs still is theirs


def test_another_way_leads_back_to_the_choice(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    enrol_app(service, EMAIL)
    code, *_ = make_recovery_codes(service, EMAIL)
    browser, shop = asked_for(service)
    page = choose(browser, "totp")
    assert OTHER_WAY in page.text
    page = browser.submit("/login/back")
    assert "Use a code from your app" in page.text
    choose(browser, "recovery_code")
    assert shop.finish(browser, browser.submit("/login/code", code=code))["acr"] == MFA


@pytest.mark.parametrize("kind", ["password", "passkey", "email_code", "face", "recovery_code", "sms", "\x00"])
def test_what_the_account_does_not_have_can_not_be_chosen(local: Running, kind: str) -> None:
    local.sign_up(local.browser(), EMAIL)
    enrol_app(local, EMAIL)
    browser, _ = asked_for(local)
    assert choose(browser, kind).status_code == 403
    assert "login.rung_missing" in browser.answer.text
    browser.open(f"/login?flow={_flow_of(local)}")
    assert "Use a code from your app" in browser.answer.text  # it is where it was


@pytest.mark.parametrize("typed", [" ", "12345", "abcdef", "\x00" * 6, "0" * 5000, "٠٠٠٠٠٠"])
def test_garbage_is_a_wrong_code(local: Running, typed: str) -> None:
    local.sign_up(local.browser(), EMAIL)
    enrol_app(local, EMAIL)
    browser, _ = asked_for(local)
    choose(browser, "totp")
    assert browser.submit("/login/code", code=typed).status_code == 400
    assert len(local.events("totp:code:wrong")) == 1


def test_an_app_removed_meanwhile_proves_nothing(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    phone = enrol_app(local, EMAIL)
    browser, _ = asked_for(local)
    choose(browser, "totp")
    with local.services.database.write() as connection:
        local.services.totp.remove(connection, account_of(local, EMAIL), origin=HERE, now=local.clock.now())
    answer = browser.submit("/login/code", code=phone.code())
    assert answer.status_code == 403
    assert "login.rung_missing" in answer.text


def test_a_frozen_account_spends_no_code(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    enrol_app(local, EMAIL)
    code, *_ = make_recovery_codes(local, EMAIL)
    browser, _ = asked_for(local)
    choose(browser, "recovery_code")
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(status="frozen"))
    assert browser.submit("/login/code", code=code).status_code == 403
    with local.services.database.read() as connection:
        assert local.services.recovery_codes.remaining(connection, account_of(local, EMAIL)) == 10


def test_without_a_right_password_no_code_is_asked_for(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    phone = enrol_app(local, EMAIL)
    browser, shop = local.browser(), local.shop()
    shop.begin(browser, acr_values=MFA)
    form = browser.form("/login/password")
    headers = {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    for path, fields in (("/login/step-up/typed", {"kind": "totp"}), ("/login/code", {"code": phone.code()})):
        data = {"csrf": form["csrf"], "flow": form["flow"], **fields}
        answer = browser.http.post(path, data=data, headers=headers)
        assert answer.status_code == 303  # shown where the flow is: at the beginning
    with local.services.database.read() as connection:
        assert connection.execute(select(flows.c.state).where(flows.c.id == form["flow"])).scalar_one() == "identify"


def test_a_guarded_account_with_an_app_is_asked_for_it(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    phone = enrol_app(local, EMAIL)
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(guarded_at=local.clock.now()))
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    shop = local.shop()
    shop.begin(browser)  # asks for nothing special, from a device it knows
    page = browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    assert "Use a code from your app" in page.text
    assert "Send me a code by mail" not in page.text
    choose(browser, "totp")
    assert shop.finish(browser, browser.submit("/login/code", code=phone.code()))["acr"] == MFA
    with local.services.database.read() as connection:
        assert connection.execute(select(accounts.c.guarded_at)).scalar_one() is None


def _flow_of(service: Running) -> str:
    with service.services.database.read() as connection:
        return str(connection.execute(select(flows.c.id).where(flows.c.state == "step_up")).scalar_one())
