"""RP-initiated logout: who is asked, where one lands, and what ends."""

from collections.abc import Callable
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.clocks import SettableClock
from tests.support.provider import SIGNED_OUT_URI, Relying, Rig, build_rig


@pytest.fixture
def rig(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


@pytest.fixture
def shop(rig: Rig) -> Relying:
    return rig.relying()


@pytest.fixture
def browser(rig: Rig, shop: Relying) -> BrowserClient:
    """A browser in which somebody signed in at the shop."""
    browser = rig.browser()
    shop.sign_in(browser, rig.account())
    return browser


def ask(browser: BrowserClient, **parameters: str) -> httpx.Response:
    response = browser.http.get(f"/oauth2/logout?{urlencode(parameters)}")
    browser.answer = response
    return response


def test_with_a_hint_for_this_very_session_it_ends_at_once(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    response = ask(
        browser,
        id_token_hint=shop.tokens["id_token"],
        post_logout_redirect_uri=SIGNED_OUT_URI,
        state="kettle",
    )
    assert (response.status_code, response.headers["location"]) == (303, f"{SIGNED_OUT_URI}?state=kettle")
    assert browser.cookie("__Host-session") is None
    assert shop.userinfo().status_code == 401
    assert shop.refresh(shop.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert "/login" in shop.authorize(browser).headers["location"]
    done = rig.events("oidc:logout:completed")[-1]
    assert (done["families"], done["client"]) == (1, shop.client.id)
    assert rig.events("accounts:session:ended")[-1]["reason"] == "logout"


def test_a_hint_stays_good_after_its_token_expired_and_its_key_was_rotated(
    rig: Rig, shop: Relying, browser: BrowserClient
) -> None:
    rig.keys.rotate()
    rig.clock.advance(days=3)
    response = ask(browser, id_token_hint=shop.tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT_URI)
    assert response.headers["location"] == SIGNED_OUT_URI


@pytest.mark.parametrize("hint", [None, "nonsense", "access_token", "refresh_token"])
def test_without_a_valid_hint_the_person_is_asked(
    rig: Rig, shop: Relying, browser: BrowserClient, hint: str | None
) -> None:
    parameters = {"post_logout_redirect_uri": SIGNED_OUT_URI, "client_id": shop.client.id}
    if hint:
        parameters["id_token_hint"] = shop.tokens.get(hint, hint)
    response = ask(browser, **parameters)
    assert (response.status_code, "Sign out?" in response.text) == (200, True)
    assert "Tea Shop" in response.text
    assert "form-action 'self';" in response.headers["content-security-policy"]
    assert shop.userinfo().status_code == 200, "asking ends nothing"

    done = browser.submit("/oauth2/logout")
    assert (done.status_code, "You are signed out" in done.text) == (200, True), "and no redirect without a hint"
    assert shop.userinfo().status_code == 401
    assert browser.cookie("__Host-session") is None


def test_a_hint_of_another_session_asks_and_then_goes_back(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    hint = shop.tokens["id_token"]
    shop.sign_in(browser, rig.account("Eve", "eve@example.org"), prompt="login")
    response = ask(browser, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT_URI)
    assert "Sign out?" in response.text
    assert "form-action 'self' https://shop.example" in response.headers["content-security-policy"]
    done = browser.submit("/oauth2/logout", follow=False)
    assert done.headers["location"] == SIGNED_OUT_URI
    assert shop.userinfo().status_code == 401


def test_the_answer_must_come_from_our_own_page(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    ask(browser)
    right = browser.form("/oauth2/logout")
    cross_site = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.http.post("/oauth2/logout", data=right, headers=cross_site).status_code == 403
    assert browser.http.post("/oauth2/logout", data=right | {"csrf": "x"}, headers=SAME_ORIGIN).status_code == 403
    # Without a token it is a client's request, which only ever asks.
    stored = browser.http.post("/oauth2/logout", data={"confirm": "yes"}, headers=cross_site)
    assert stored.status_code == 303
    assert "Sign out?" in browser.http.get(stored.headers["location"]).text
    assert shop.userinfo().status_code == 200


def test_a_client_may_post(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    form = {"id_token_hint": shop.tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT_URI}
    location = rig.browser().http.post("/oauth2/logout", data=form).headers["location"]
    assert shop.tokens["id_token"] not in location
    assert browser.http.get(location).headers["location"] == SIGNED_OUT_URI
    assert shop.userinfo().status_code == 401


@pytest.mark.parametrize(
    "uri", ["https://evil.example/", SIGNED_OUT_URI + "/", SIGNED_OUT_URI + "?x=1", "https://shop.example/callback"]
)
def test_only_a_registered_address_is_gone_to(shop: Relying, browser: BrowserClient, uri: str) -> None:
    response = ask(browser, id_token_hint=shop.tokens["id_token"], post_logout_redirect_uri=uri)
    assert (response.status_code, "location" in response.headers) == (200, False)
    assert "You are signed out" in response.text


def test_who_is_not_signed_in_is_told_so(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    stranger = rig.browser()
    assert "You are signed out" in ask(stranger).text
    hinted = ask(stranger, id_token_hint=shop.tokens["id_token"], post_logout_redirect_uri=SIGNED_OUT_URI)
    assert hinted.headers["location"] == SIGNED_OUT_URI
    assert shop.userinfo().status_code == 200, "a hint is no credential: it ends nobody else's session"


def test_a_request_that_contradicts_itself_is_refused(rig: Rig, shop: Relying, browser: BrowserClient) -> None:
    other = rig.relying(name="Other")
    contradictory = ask(browser, id_token_hint=shop.tokens["id_token"], client_id=other.client.id)
    assert (contradictory.status_code, "oidc.logout_refused" in contradictory.text) == (400, True)
    twice = browser.http.get("/oauth2/logout?state=1&state=2")
    assert (twice.status_code, "oidc.duplicate_parameter" in twice.text) == (400, True)
    assert shop.userinfo().status_code == 200
