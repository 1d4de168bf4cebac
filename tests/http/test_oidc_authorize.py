"""The authorization endpoint: who is answered, where, and what a session must prove."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from authsvc.accounts.levels import Level, ProofKind
from authsvc.core.database import Database
from authsvc.oidc.flows import FinishedSignIn
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.provider import REDIRECT_URI, Relying, Rig, build_rig

PHR = Level.PHR.acr


@pytest.fixture
def rig(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


@pytest.fixture
def shop(rig: Rig) -> Relying:
    return rig.relying()


def test_a_sign_in_from_a_shop_and_back(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    response = shop.authorize(browser, login_hint="ada@example.org", ui_locales="en")
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?flow={rig.journey.last}"
    asked = rig.journey.asked
    assert (asked.client_name, asked.required, asked.max_age_s) == ("Tea Shop", Level.PWD, None)
    assert (asked.prompt, asked.login_hint, asked.redirect_origin) == (
        frozenset(),
        "ada@example.org",
        "https://shop.example",
    )
    answer = shop.answer(browser.http.get(rig.complete(browser, ada)))
    assert set(answer) == {"code", "state", "iss"}
    assert rig.events("oidc:code:issued")[-1]["acr"] == Level.PWD.acr


def test_a_signed_in_customer_is_not_asked_again(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    session = rig.sign_in(browser, ada)
    location = shop.authorize(browser).headers["location"]
    assert location == f"/oauth2/authorize/resume?flow={rig.journey.last}"
    rig.clock.advance(minutes=5)
    shop.tokens = shop.redeem(shop.answer(browser.http.get(location))["code"]).json()
    claims = shop.id_token()
    assert claims["sid"] == session.id
    assert claims["auth_time"] == int(session.created_at.timestamp()), "silent sign-on never moves auth_time"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "cli_nobody"}, "oidc.unknown_client"),
        ({"client_id": ""}, "oidc.unknown_client"),
        ({"redirect_uri": ""}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": "https://evil.example/callback"}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": REDIRECT_URI + "/"}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": REDIRECT_URI + "?x=1"}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": REDIRECT_URI.upper()}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": "https://shop.example/%63allback"}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": "https://shop.example:443/callback"}, "oidc.redirect_uri_not_registered"),
        ({"redirect_uri": REDIRECT_URI + '"\N{SNOWMAN}'}, "oidc.redirect_uri_not_registered"),
        ({"state": "two\nlines"}, "oidc.malformed_parameters"),
        ({"state": "x" * 20_000}, "oidc.malformed_parameters"),
    ],
)
def test_what_cannot_be_redirected_is_a_page(rig: Rig, shop: Relying, changes: dict[str, str], code: str) -> None:
    response = shop.authorize(rig.browser(), **changes)
    assert response.status_code == 400
    assert "location" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert code in response.text
    assert rig.events("oidc:authorization:refused")[-1]["error"] == code
    assert rig.journey.flows == {}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'co"de\N{SNOWMAN}'}, "unsupported_response_type"),
        ({"response_type": "id_token code"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://shop.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"id_token_hint": "eyJ.e30.x"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none", "state": ""}, "login_required"),
    ],
)
def test_everything_else_goes_back_to_the_client(rig: Rig, shop: Relying, changes: dict[str, str], error: str) -> None:
    response = shop.authorize(rig.browser(), **changes)
    shop.state = changes.get("state", shop.state)
    assert shop.answer(response)["error"] == error
    assert rig.events("oidc:authorization:refused")[-1] == {
        "client": shop.client.id,
        "error": error,
        "reason": "nobody" if error == "login_required" else None,
    }
    assert rig.journey.flows == {}


def test_an_unknown_scope_is_ignored(rig: Rig, shop: Relying) -> None:
    tokens = shop.sign_in(rig.browser(), rig.account(), scope="openid offline_access email pets")
    assert tokens["scope"] == "openid email"


def test_prompt_none_tells_what_is_missing(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    rig.sign_in(browser, ada)
    rig.clock.advance(minutes=2)
    assert shop.answer(shop.authorize(browser, prompt="none", max_age="60"))["error"] == "login_required"
    assert shop.answer(shop.authorize(browser, prompt="none", max_age="0"))["error"] == "login_required"
    assert shop.answer(shop.authorize(browser, prompt="none", acr_values=PHR))["error"] == "interaction_required"
    location = shop.authorize(browser, prompt="none", max_age="600").headers["location"]
    assert rig.journey.asked.prompt == frozenset()
    assert "code" in shop.answer(browser.http.get(location))


def test_acr_values_and_the_clients_minimum_and_risk_are_checked_where_the_code_is_issued(rig: Rig) -> None:
    browser, ada = rig.browser(), rig.account()
    plain, strict = rig.relying(), rig.relying(minimum_level=Level.PHR, redirect_uris=["https://bank.example/cb"])

    plain.authorize(browser, acr_values=PHR)
    assert rig.journey.asked.required == Level.PHR
    answer = browser.http.get(rig.complete(browser, ada, ProofKind.PASSWORD))
    assert plain.answer(answer)["error"] == "unmet_authentication_requirements"

    strict.authorize(browser)
    assert rig.journey.asked.required == Level.PHR
    answer = browser.http.get(rig.complete(browser, ada, ProofKind.PASSWORD))
    assert strict.answer(answer)["error"] == "unmet_authentication_requirements"

    plain.authorize(browser, prompt="login")
    answer = browser.http.get(rig.complete(browser, ada, ProofKind.PASSWORD, required=Level.PHR))
    assert plain.answer(answer)["error"] == "unmet_authentication_requirements"
    assert rig.events("oidc:authorization:refused")[-1]["reason"] == "too_low"

    strict.authorize(browser)
    assert "code" in strict.answer(browser.http.get(rig.complete(browser, ada, ProofKind.PASSKEY)))


def test_a_level_that_has_aged_is_asked_for_again(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    rig.sign_in(browser, ada, ProofKind.PASSKEY)
    rig.clock.advance(minutes=14)
    assert "resume" in shop.authorize(browser, acr_values=PHR).headers["location"]
    rig.clock.advance(minutes=1)
    assert "/login" in shop.authorize(browser, acr_values=PHR).headers["location"]
    assert "resume" in shop.authorize(browser).headers["location"]


def test_a_hint_names_whose_sign_in_it_is(rig: Rig, shop: Relying) -> None:
    browser, ada, eve = rig.browser(), rig.account(), rig.account("Eve", "eve@example.org")
    hint = shop.sign_in(browser, ada)["id_token"]

    assert "resume" in shop.authorize(browser, id_token_hint=hint).headers["location"]
    assert "id_token_hint" not in rig.journey.asked.params, "the hint is read once and not kept"

    rig.sign_in(browser, eve)
    assert shop.answer(shop.authorize(browser, id_token_hint=hint, prompt="none"))["error"] == "login_required"
    shop.authorize(browser, id_token_hint=hint)
    assert rig.journey.asked.prompt == {"login"}
    answer = browser.http.get(rig.complete(browser, eve))
    assert shop.answer(answer)["error"] == "login_required"

    other = rig.relying(redirect_uris=["https://other.example/cb"])
    assert other.answer(other.authorize(browser, id_token_hint=hint))["error"] == "invalid_request"
    access = shop.sign_in(browser, ada, prompt="login")["access_token"]
    assert shop.answer(shop.authorize(browser, id_token_hint=access))["error"] == "invalid_request"


def test_a_session_whose_refresh_token_was_reused_must_be_proven_anew(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    first = shop.sign_in(browser, ada)["refresh_token"]
    shop.refresh(first)
    rig.clock.advance(minutes=1)
    assert shop.refresh(first).status_code == 400
    assert "/login" in shop.authorize(browser).headers["location"]
    assert rig.journey.asked.prompt == {"login"}


def test_a_refused_sign_in_goes_back_with_its_error(rig: Rig, shop: Relying) -> None:
    browser = rig.browser()
    for error in ("access_denied", "unmet_authentication_requirements"):
        shop.authorize(browser)
        assert shop.answer(browser.http.get(rig.refuse(error)))["error"] == error
        assert rig.events("oidc:authorization:refused")[-1]["error"] == error


def test_a_flow_resumes_once_in_its_own_browser_and_session(rig: Rig, shop: Relying) -> None:
    browser, other, ada = rig.browser(), rig.browser(), rig.account()
    shop.authorize(browser)
    resume = rig.complete(browser, ada)
    shop_of_other = rig.relying()
    shop_of_other.authorize(other)  # so that the other browser has a secret of its own

    foreign = other.http.get(resume)
    assert (foreign.status_code, "flow.foreign_browser" in foreign.text) == (403, True)
    assert rig.events("oidc:authorization:refused")[-1]["error"] == "flow.foreign_browser"

    rig.sign_in(browser, ada)  # another session in the same browser
    assert browser.http.get(resume).status_code == 403
    assert rig.events("oidc:authorization:refused")[-1]["error"] == "flow.foreign_session"

    shop.authorize(browser)
    resume = rig.complete(browser, ada)
    assert "code" in shop.answer(browser.http.get(resume))
    assert browser.http.get(resume).status_code == 410
    for bad in ("", "?flow=", f"?flow={'x' * 65}"):
        assert browser.http.get(f"/oauth2/authorize/resume{bad}").status_code == 400


def test_the_provider_looks_for_itself_whose_sign_in_it_was(
    rig: Rig, shop: Relying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journey that hands over somebody else's sign-in gets no code for it."""
    browser, ada, eve = rig.browser(), rig.account(), rig.account("Eve", "eve@example.org")
    shop.authorize(browser)
    resume = rig.complete(browser, ada)
    flow = rig.journey.flows[rig.journey.last]
    assert flow.session is not None
    taken = FinishedSignIn(
        rig.journey.last, shop.client.id, flow.request.params, Level.PWD, flow.session, ada, flow.started_at
    )
    monkeypatch.setattr(rig.journey, "take", lambda *_, **__: taken)
    rig.sign_in(browser, eve)
    assert browser.http.get(resume).status_code == 403
    assert rig.events("oidc:authorization:refused")[-1]["error"] == "oidc.foreign_session"


def test_a_client_disabled_meanwhile_is_refused_at_resume(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    shop.authorize(browser)
    resume = rig.complete(browser, ada)
    rig.registry.disable_client(shop.client.id)
    refused = browser.http.get(resume)
    assert (refused.status_code, "oidc.unknown_client" in refused.text) == (400, True)
    assert rig.events("oidc:code:issued") == []
    assert shop.authorize(browser).status_code == 400


def test_a_posted_request_is_kept_and_answered_with_a_redirect(rig: Rig, shop: Relying) -> None:
    browser, ada = rig.browser(), rig.account()
    rig.sign_in(browser, ada)
    cross_site = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    stored = rig.browser().http.post("/oauth2/authorize", data=shop.parameters(), headers=cross_site)
    assert stored.status_code == 303
    location = stored.headers["location"]
    assert set(parse_qs(urlsplit(location).query)) == {"client_id", "request_uri"}

    # The redirect brings the cookies that the post could not: the session is found.
    resume = browser.http.get(location).headers["location"]
    assert "code" in shop.answer(browser.http.get(resume))

    again = browser.http.get(location)
    assert (again.status_code, "oidc.request_expired" in again.text) == (400, True)


def test_a_posted_request_expires_and_is_checked_before_it_is_kept(rig: Rig, shop: Relying) -> None:
    browser = rig.browser()
    location = browser.http.post("/oauth2/authorize", data=shop.parameters()).headers["location"]
    rig.clock.advance(seconds=61)
    assert "oidc.request_expired" in browser.http.get(location).text

    unknown = browser.http.post("/oauth2/authorize", data=shop.parameters(client_id="cli_nobody"))
    assert (unknown.status_code, "oidc.unknown_client" in unknown.text) == (400, True)
    json = browser.http.post("/oauth2/authorize", json=shop.parameters(), headers={"Accept": "text/html"})
    assert json.status_code == 400
    twice = urlencode(shop.parameters()) + "&state=1"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = browser.http.post("/oauth2/authorize", content=twice, headers=form)
    assert (refused.status_code, "oidc.duplicate_parameter" in refused.text) == (400, True)


def test_another_clients_request_uri_is_worth_nothing(rig: Rig, shop: Relying) -> None:
    browser, other = rig.browser(), rig.relying(redirect_uris=["https://other.example/cb"])
    location = browser.http.post("/oauth2/authorize", data=shop.parameters()).headers["location"]
    stolen = location.replace(shop.client.id, other.client.id)
    assert "oidc.request_expired" in browser.http.get(stolen).text


def test_flows_are_limited_per_address(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> None:
    rig = build_rig(make_settings(limits={"flow_per_address": "3 per 1 minute"}), sqlite_only_database, clock)
    shop, browser = rig.relying(), rig.browser()
    answers = [shop.authorize(browser).status_code for _ in range(4)]
    assert answers == [303, 303, 303, 429]
    assert shop.authorize(rig.browser(peer="192.0.2.80")).status_code == 303
