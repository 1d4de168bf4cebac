"""A short password whose second factor goes: the next sign-in with it asks for a longer one, and nothing else does."""

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from authsvc.factors.password.tables import passwords
from authsvc.login.tables import flows
from tests.support.account_pages import NEW_PASSWORD, post, signed_up
from tests.support.account_pages import heading as whole_heading
from tests.support.browser_client import BrowserClient
from tests.support.resets import ask, without_session
from tests.support.running import PASSWORD, REDIRECT_URI, Running
from tests.support.second_factors import HERE, Phone, enrol_app

EMAIL = "ada@example.org"
SHORT = "Kx7#mQ2p"
ELSEWHERE = "198.51.100.9"
CLOSED = "Your password has to be changed"
TOO_SHORT = "login:password:too_short_alone"


def set_up_app(service: Running, browser: BrowserClient) -> Phone:
    browser.open("/account/authenticator")
    browser.submit("/account/authenticator/begin")
    found = re.search(r'id="key">([^<]+)<', browser.answer.text)
    assert found is not None
    phone = Phone(service, found[1].replace(" ", ""))
    browser.submit("/account/authenticator/confirm", code=phone.code())
    return phone


def choose(browser: BrowserClient, password: str) -> Any:
    browser.open("/account/password/change")
    return browser.submit("/account/password/change", password=password)


def remove_app(browser: BrowserClient) -> None:
    browser.open("/account/authenticator/remove")
    browser.submit("/account/authenticator/remove")


def short_beside_app(service: Running) -> BrowserClient:
    """Return an owner, signed in, whose short password stands beside an app."""
    owner = signed_up(service)
    set_up_app(service, owner)
    assert heading(choose(owner, SHORT)) == "Password"
    return owner


def heading(answer: Any) -> str:
    """Return what the page is called, without the shop that it leads to."""
    return whole_heading(answer).partition("to continue to")[0].strip()


def is_in(answer: Any) -> bool:
    return bool(answer.headers.get("location", "").startswith(REDIRECT_URI))


def chosen_beside(service: Running) -> bool:
    with service.services.database.read() as connection:
        return bool(connection.execute(select(passwords.c.chosen_beside)).scalar_one())


def test_the_next_sign_in_asks_for_a_longer_one_and_the_one_after_for_nothing(service: Running) -> None:
    owner = short_beside_app(service)
    assert "fewer than 15" not in owner.answer.text
    remove_app(owner)
    assert "fewer than 15 characters" in owner.open("/account/password").text
    without_session(owner)
    service.clock.advance(days=2)
    shop = service.shop()
    shop.begin(owner)
    page = owner.submit("/login/password", email=EMAIL, password=SHORT)
    assert heading(page) == CLOSED
    assert "at least 15 characters" in page.text
    assert "this wasn't me" not in page.text
    assert owner.http.get("/account").status_code == 303  # nobody is signed in by it
    owner.submit("/login/reset")
    owner.submit("/login/reset/code", code=service.code_for(EMAIL))
    assert "At least 15 characters" in owner.answer.text
    assert owner.submit("/login/reset/password", password=SHORT).status_code == 400
    claims = shop.finish(owner, owner.submit("/login/reset/password", password=NEW_PASSWORD))
    assert claims["acr"] == "urn:authsvc:acr:pwd"
    assert [event.account_id for event in service.events(TOO_SHORT)] == [claims["sub"]]
    assert not chosen_beside(service)
    without_session(owner)
    service.clock.advance(minutes=5)
    assert is_in(service.sign_in(owner, EMAIL, password=NEW_PASSWORD))
    assert "fewer than 15" not in owner.open("/account/password").text


def test_beside_the_app_it_signs_in_and_so_it_does_when_the_app_is_back(local: Running) -> None:
    owner = short_beside_app(local)
    without_session(owner)
    assert is_in(local.sign_in(owner, EMAIL, password=SHORT))
    set_up_again = local.browser()
    with local.services.database.write() as connection:
        account_id = connection.execute(select(passwords.c.account_id)).scalar_one()
        local.services.totp.remove_all(connection, account_id, origin=HERE, now=local.clock.now())
    assert heading(local.sign_in(set_up_again, EMAIL, password=SHORT)) == CLOSED
    enrol_app(local, EMAIL)
    without_session(owner)
    assert is_in(local.sign_in(owner, EMAIL, password=SHORT))


def test_a_long_one_that_was_chosen_beside_the_app_stays(local: Running) -> None:
    owner = signed_up(local)
    set_up_app(local, owner)
    choose(owner, NEW_PASSWORD)
    remove_app(owner)
    assert chosen_beside(local)
    without_session(owner)
    assert is_in(local.sign_in(owner, EMAIL, password=NEW_PASSWORD))


def test_one_from_elsewhere_stays_however_short(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    short = local.services.passwords.hasher.hash(SHORT)
    with local.services.database.write() as connection:
        connection.execute(update(passwords).values(hash=short))
    assert is_in(local.sign_in(local.browser(), EMAIL, password=SHORT))


def test_where_eight_will_do_alone_nothing_is_asked(local_with: Any) -> None:
    local = local_with(password={"min_length": 8})
    owner = short_beside_app(local)
    remove_app(owner)
    without_session(owner)
    assert is_in(local.sign_in(owner, EMAIL, password=SHORT))


def test_a_wrong_password_says_nothing_of_it_and_the_right_one_is_counted(local: Running) -> None:
    remove_app(short_beside_app(local))
    wrong = local.sign_in(local.browser(peer=ELSEWHERE), EMAIL, password="Kx7#mQ2q")
    assert (wrong.status_code, heading(wrong)) == (400, "Sign in")
    assert local.events(TOO_SHORT) == []
    for _ in range(4):
        assert heading(local.sign_in(local.browser(peer=ELSEWHERE), EMAIL, password=SHORT)) == CLOSED
    assert local.sign_in(local.browser(peer=ELSEWHERE), EMAIL, password=SHORT).status_code == 200
    assert local.sign_in(local.browser(peer=ELSEWHERE), EMAIL, password=SHORT).status_code == 429


def test_who_is_signed_in_confirms_with_it_to_choose_a_longer_one(local: Running) -> None:
    owner = short_beside_app(local)
    remove_app(owner)
    local.clock.advance(minutes=10, seconds=1)
    owner.open("/account/password/change")
    owner.submit("/login/password", password=SHORT)
    assert heading(owner.submit("/account/password/change", password=SHORT)) == "Change your password"
    assert owner.answer.status_code == 400
    assert heading(owner.submit("/account/password/change", password=NEW_PASSWORD)) == "Password"
    assert not chosen_beside(local)


def test_a_sign_in_that_waits_for_the_app_ends_with_it(local: Running) -> None:
    owner = short_beside_app(local)
    other = local.browser(peer=ELSEWHERE)
    local.shop().begin(other, acr_values="urn:authsvc:acr:mfa")
    assert "Use a code from your app" in other.submit("/login/password", email=EMAIL, password=SHORT).text
    flow = other.flow
    remove_app(owner)
    assert other.open(f"/login?flow={flow}").status_code == 410


def test_a_reset_that_was_told_eight_ends_when_the_app_goes(local: Running) -> None:
    owner = short_beside_app(local)
    other = local.browser(peer=ELSEWHERE)
    ask(local, other)
    other.submit("/login/reset/code", code=local.code_for(EMAIL))
    assert "At least 8 characters" in other.answer.text
    remove_app(owner)
    late = post(other, "/login/reset/password", flow=other.flow, password="Mv3!tR9z")
    assert late.status_code == 410
    with local.services.database.read() as connection:
        assert connection.execute(select(passwords.c.version)).scalar_one() == 2  # the owner's own change
        states = connection.execute(select(flows.c.state).where(flows.c.expires_at > local.clock.now())).scalars()
        assert "new_password" not in set(states)


@pytest.mark.parametrize("typed", [PASSWORD, SHORT])
def test_at_the_console_the_page_says_so(local: Running, typed: str) -> None:
    remove_app(short_beside_app(local))
    analyst = local.browser()
    analyst.open("/console/sign-in")
    answer = post(analyst, "/login/password", flow=analyst.flow, email=EMAIL, password=typed)
    assert answer.status_code == (403 if typed == SHORT else 400)
    assert ("has to be changed" in answer.text) is (typed == SHORT)
