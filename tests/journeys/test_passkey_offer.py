"""The offer of a passkey after a password: who gets it, who can take it, and that it never stands in the way."""

from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import accounts
from authsvc.cli.soft_authenticator import encoded
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.offer.tables import passkey_offers
from authsvc.login.tables import flows
from tests.journeys.test_sign_in import EMAIL
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running, Shop

UP, UV, AT = 0x01, 0x04, 0x40


def at_the_offer(service: Running, browser: BrowserClient, **fields: str) -> Shop:
    """Sign in by password, as a page whose script found a platform authenticator."""
    shop = service.shop()
    shop.begin(browser, prompt="login")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, **{"makes_passkeys": "yes", **fields})
    return shop


def offered(browser: BrowserClient) -> bool:
    return "Sign in faster next time" in browser.answer.text


def make(browser: BrowserClient, authenticator: Any, *, conditional: bool = False, **bend: Any) -> httpx.Response:
    """Do the ceremony as the offer's script does."""
    begun = browser.post_json("/login/offer/options", {"flow": browser.flow, "conditional": conditional})
    assert begun.status_code == 200, begun.text
    credential = authenticator.create(begun.json()["publicKey"], **bend)
    return browser.post_json("/login/offer/verify", {"flow": browser.flow, "credential": credential})


def sign_in_with(service: Running, browser: BrowserClient, authenticator: Any, **bend: Any) -> httpx.Response:
    shop = service.shop()
    shop.begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options, **bend)}
    return browser.post_json("/login/passkey/verify", body)


@pytest.fixture
def owner(local: Running) -> BrowserClient:
    """The browser in which an account with a password was made, two days later."""
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    local.clock.advance(days=2)
    return browser


def test_a_passkey_is_made_on_the_way_to_the_shop(service: Running) -> None:
    browser, authenticator = service.browser(), service.authenticator()
    service.sign_up(browser, EMAIL)
    service.clock.advance(days=2)
    shop = at_the_offer(service, browser)
    assert offered(browser)
    answer = make(browser, authenticator)
    assert answer.status_code == 200, answer.text
    claims = shop.finish(browser, browser.open(answer.json()["next"]))
    assert claims["acr"] == "urn:authsvc:acr:pwd"  # it was made, not used
    (event,) = service.events("login:offer:accepted")
    assert event.account_id == claims["sub"]
    assert len(service.events("passkey:factor:added")) == 1
    assert any("new way to sign in" in mail.text for mail in service.mails(EMAIL))
    assert sign_in_with(service, service.browser(), authenticator).status_code == 200


def test_not_now_goes_on_and_is_heard_for_thirty_days(local: Running, owner: BrowserClient) -> None:
    shop = at_the_offer(local, owner)
    shop.finish(owner, owner.submit("/login/offer/decline"))
    assert len(local.events("login:offer:declined")) == 1
    local.clock.advance(days=29)
    shop = at_the_offer(local, owner)
    assert not offered(owner)
    shop.finish(owner, owner.answer)
    local.clock.advance(days=1)
    at_the_offer(local, owner)
    assert offered(owner)


def test_a_browser_that_says_nothing_sees_no_offer(local: Running, owner: BrowserClient) -> None:
    for said in ("", "no", "YES", "1"):
        shop = at_the_offer(local, owner, makes_passkeys=said)
        shop.finish(owner, owner.answer)


def test_the_password_alone_earns_no_offer_in_an_unknown_browser(local: Running, owner: BrowserClient) -> None:
    thief = local.browser()
    shop = at_the_offer(local, thief)
    shop.finish(thief, thief.answer)
    at_the_offer(local, owner)
    assert offered(owner)


def test_it_comes_after_the_step_up_where_there_is_one(local: Running, owner: BrowserClient) -> None:
    browser, shop = local.browser(), local.shop()
    shop.begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, makes_passkeys="yes")
    assert not offered(browser)
    browser.submit("/login/step-up/email")
    browser.submit("/login/code", code=local.code_for(EMAIL))
    assert offered(browser)
    assert shop.finish(browser, browser.submit("/login/offer/decline"))["acr"] == "urn:authsvc:acr:pwd_email"


@pytest.mark.parametrize("changed", ["password_reset_at", "address_changed_at", "guarded_at"])
def test_a_doubtful_owner_sees_no_offer(local: Running, owner: BrowserClient, changed: str) -> None:
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values({changed: local.clock.now()}))
    at_the_offer(local, owner)
    assert not offered(owner)


def test_who_has_a_passkey_is_not_offered_another(local: Running, owner: BrowserClient) -> None:
    authenticator = local.authenticator()
    at_the_offer(local, owner)
    assert make(owner, authenticator, conditional=True, flags=UP | AT).status_code == 200
    local.clock.advance(days=31)
    at_the_offer(local, owner)
    assert not offered(owner)  # it does not count yet, but it is there


def test_a_passkey_that_the_browser_made_by_itself_counts_from_its_first_use(
    local: Running, owner: BrowserClient
) -> None:
    authenticator = local.authenticator()
    shop = at_the_offer(local, owner)
    answer = make(owner, authenticator, conditional=True, flags=AT)
    shop.finish(owner, owner.open(answer.json()["next"]))
    other = local.browser()
    assert sign_in_with(local, other, authenticator, flags=UP).status_code == 400  # nobody was verified
    assert sign_in_with(local, other, authenticator, flags=UP | UV).status_code == 200
    assert [event.facts["amr"] for event in local.events("accounts:session:opened")][-1] == ["mfa", "pop", "user"]


def test_a_ceremony_by_button_verifies_its_user(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    refused = make(owner, local.authenticator(), flags=UP | AT)
    assert (refused.status_code, refused.json()["code"]) == (400, "passkey.refused")
    assert local.count(passkeys) == 0
    assert make(owner, local.authenticator()).status_code == 200  # it can be tried again


def test_another_browser_is_refused(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    thief = local.browser()
    local.shop().begin(thief)
    for path, body in (("options", {}), ("verify", {"credential": {}})):
        answer = thief.post_json(f"/login/offer/{path}", {"flow": owner.flow, **body})
        assert (answer.status_code, answer.json()["code"]) == (403, "flow.foreign_browser")
    assert thief.open(f"/login/offer?flow={owner.flow}").status_code == 403
    assert len(local.events("login:flow:foreign")) == 3
    assert offered(owner)


def test_another_session_in_the_same_browser_is_refused(local: Running, owner: BrowserClient) -> None:
    local.sign_up(local.browser(), "grace@example.org")
    at_the_offer(local, owner)
    flow, page = owner.flow, owner.answer
    local.shop().begin(owner, prompt="login")  # somebody else signs in at the same machine
    owner.submit("/login/password", email="grace@example.org", password=PASSWORD)
    owner.answer = page
    answer = owner.post_json("/login/offer/options", {"flow": flow})
    assert (answer.status_code, answer.json()["code"]) == (403, "flow.foreign_session")
    assert owner.submit("/login/offer/decline", follow=False).headers["location"].endswith(f"/resume?flow={flow}")
    assert local.count(passkey_offers) == 0


def test_an_ended_session_is_refused_and_led_on(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    page = owner.answer
    owner.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    assert owner.post_json("/login/offer/options", {"flow": owner.flow}).status_code == 401
    assert owner.submit("/login/offer/decline", follow=False).headers["location"].startswith("/oauth2/authorize/resume")
    owner.answer = page
    assert owner.open(f"/login/offer?flow={owner.flow}").status_code == 403  # the end of the sign-in refuses it


def test_proofs_older_than_ten_minutes_add_nothing(local: Running, owner: BrowserClient) -> None:
    shop = at_the_offer(local, owner)
    begun = owner.post_json("/login/offer/options", {"flow": owner.flow}).json()["publicKey"]
    local.clock.advance(minutes=11)
    credential = local.authenticator().create(begun)
    answer = owner.post_json("/login/offer/verify", {"flow": owner.flow, "credential": credential})
    assert (answer.status_code, answer.json()["code"]) == (403, "account.proof_needed")
    assert local.count(passkeys) == 0
    shop.finish(owner, owner.open(f"/login/offer?flow={owner.flow}"))  # the page only leads on


def test_a_silent_sign_in_offers_nothing_to_whoever_asks(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    owner.submit("/login/offer/decline")
    page = owner.answer
    local.clock.advance(hours=3)
    shop = local.shop()
    answer = owner.http.get("/oauth2/authorize", params=shop.parameters())
    flow = answer.headers["location"].partition("flow=")[2]
    assert flow, answer.headers["location"]
    owner.open("/account")
    refused = owner.post_json("/login/offer/options", {"flow": flow})
    assert (refused.status_code, refused.json()["code"]) == (409, "flow.out_of_step"), page.text
    assert local.count(passkeys) == 0


def test_an_answer_is_given_once(local: Running, owner: BrowserClient) -> None:
    shop = at_the_offer(local, owner)
    page = owner.answer
    owner.submit("/login/offer/decline", follow=False)
    owner.answer = page
    again = owner.post_json("/login/offer/options", {"flow": owner.flow})
    assert (again.status_code, again.json()["code"]) == (409, "flow.out_of_step")
    owner.answer = page
    shop.finish(owner, owner.submit("/login/offer/decline"))  # a second press goes on
    assert len(local.events("login:offer:declined")) == 1


def test_a_response_is_taken_once(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    begun = owner.post_json("/login/offer/options", {"flow": owner.flow}).json()["publicKey"]
    body = {"flow": owner.flow, "credential": local.authenticator().create(begun)}
    assert owner.post_json("/login/offer/verify", body).status_code == 200
    assert owner.post_json("/login/offer/verify", body).json()["code"] == "flow.out_of_step"
    assert local.count(passkeys) == 1


def test_a_challenge_of_another_purpose_is_refused(local: Running, owner: BrowserClient) -> None:
    newcomer = local.browser()
    local.shop().begin(newcomer)
    local.prove_address(newcomer, "grace@example.org")
    foreign = newcomer.post_json("/login/passkey/create/options", {"flow": newcomer.flow}).json()["publicKey"]
    at_the_offer(local, owner)
    body = {"flow": owner.flow, "credential": local.authenticator().create(foreign)}
    answer = owner.post_json("/login/offer/verify", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "passkey.refused")
    assert local.events("passkey:ceremony:refused")[-1].facts["code"] == "passkey.challenge_spent"
    assert local.count(passkeys) == 0


def test_garbage_is_refused(local: Running, owner: BrowserClient) -> None:
    at_the_offer(local, owner)
    for credential in ({}, {"id": "AAAA"}, {"id": 1, "response": []}):
        answer = owner.post_json("/login/offer/verify", {"flow": owner.flow, "credential": credential})
        assert (answer.status_code, answer.json()["code"]) == (400, "passkey.refused")
    for body in ({"conditional": "perhaps"}, {"more": 1}):
        answer = owner.post_json("/login/offer/options", {"flow": owner.flow, **body})
        assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")
    token = owner.form("/login/offer/decline")
    crossing = owner.http.post("/login/offer/decline", data={**token, "csrf": "x"}, headers=SAME_ORIGIN)
    assert crossing.status_code == 403
    assert offered(owner)


def test_a_sign_in_that_took_long_is_not_held_up(local: Running, owner: BrowserClient) -> None:
    shop = local.shop()
    shop.begin(owner, prompt="login")
    local.clock.advance(minutes=28, seconds=1)
    shop.finish(owner, owner.submit("/login/password", email=EMAIL, password=PASSWORD, makes_passkeys="yes"))


@pytest.mark.parametrize(("raised_minutes", "waits_s"), [(15, 540), (5, 270)])
def test_a_page_that_nobody_answers_goes_on_in_time(local_with: Any, raised_minutes: int, waits_s: int) -> None:
    service = local_with(sessions={"raised_minutes": raised_minutes})
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    service.clock.advance(days=2)
    at_the_offer(service, browser)
    assert f'data-waits-s="{waits_s}"' in browser.answer.text


# -- the address field that waits for a passkey


def autofill(browser: BrowserClient) -> httpx.Response:
    return browser.post_json("/login/passkey/options", {"flow": browser.flow, "autofill": True})


def test_a_page_that_was_left_open_for_an_hour_still_signs_in(local: Running) -> None:
    authenticator = local.sign_up_with_passkey(local.browser(), EMAIL)
    browser, shop = local.browser(), local.shop()
    shop.begin(browser)
    options = autofill(browser).json()["publicKey"]
    for _ in range(14):
        local.clock.advance(minutes=4.5)
        options = autofill(browser).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    answer = browser.post_json("/login/passkey/verify", body)
    shop.finish(browser, browser.open(answer.json()["next"]))


def test_it_is_kept_open_for_four_hours_and_no_longer(local: Running) -> None:
    browser = local.browser()
    local.shop().begin(browser)
    answers = []
    for _ in range(10):
        answers.append(autofill(browser).status_code)
        local.clock.advance(minutes=29)
    assert answers == [200] * 9 + [410]


def test_looking_at_pages_costs_nobody_their_sign_in(local_with: Any) -> None:
    service = local_with(limits={"passkey_per_address": "2 per 1 minute", "autofill_per_address": "3 per 1 minute"})
    browser = service.browser()
    service.shop().begin(browser)
    assert [autofill(browser).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert browser.post_json("/login/passkey/options", {"flow": browser.flow}).status_code == 200


def test_autofill_belongs_to_the_first_page_only(local: Running, owner: BrowserClient) -> None:
    local.shop().begin(owner, acr_values="urn:authsvc:acr:pwd_email", prompt="login")
    owner.submit("/login/password", email=EMAIL, password=PASSWORD)
    answer = autofill(owner)
    assert (answer.status_code, answer.json()["code"]) == (409, "flow.out_of_step")
    with local.services.database.read() as connection:
        expires_at = connection.execute(select(flows.c.expires_at).where(flows.c.id == owner.flow)).scalar_one()
    assert (expires_at - local.clock.now()).total_seconds() == 1800


# -- what the browser's passkey manager is told


def test_the_manager_is_told_of_every_passkey_and_of_nobody_elses(local: Running, owner: BrowserClient) -> None:
    assert local.browser().http.get("/login/passkey/accepted").json() == {"account": None}
    authenticator = local.authenticator()
    at_the_offer(local, owner)
    owner.open(make(owner, authenticator).json()["next"])
    local.sign_up_with_passkey(local.browser(), "grace@example.org")
    told = owner.http.get("/login/passkey/accepted")
    assert told.headers["cache-control"] == "no-store"
    assert told.json()["account"] == {
        "rpId": "localhost",
        "userId": encoded(authenticator.user_handle),
        "name": EMAIL,
        "displayName": "Ada Lovelace",
        "credentialIds": [encoded(authenticator.credential_id)],
    }
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(status="frozen"))
    assert owner.http.get("/login/passkey/accepted").json() == {"account": None}
