"""Authlib's defaults are not ours: one test for each of the six corrections."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from authsvc.accounts.levels import ProofKind
from authsvc.core.database import Database
from authsvc.core.ids import hash_secret
from authsvc.oidc.token.store import find_code
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.provider import Rig, build_rig


@pytest.fixture
def rig(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


def test_1_a_code_is_spent_once_and_a_failed_redemption_stays_spent(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    code = shop.code(browser, ada)

    failed = shop.redeem(code, code_verifier="w" * 43)
    assert (failed.status_code, failed.json()["error"]) == (400, "invalid_grant")
    with rig.database.read() as connection:
        spent = find_code(connection, hash_secret(code))
    assert spent is not None
    assert spent.consumed_at == rig.clock.now()

    again = shop.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert rig.events("oidc:token:refused")[-1]["reason"] == "code_reused"


def test_1_a_second_use_revokes_what_the_first_one_got(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    code = shop.code(browser, ada)
    tokens = shop.redeem(code).json()
    assert shop.userinfo(tokens["access_token"]).status_code == 200

    assert shop.redeem(code).status_code == 400

    assert shop.userinfo(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert rig.events("oidc:code:reused")[-1]["revoked"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": "", "code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 44},
        {"code_challenge": "!" * 43},
    ],
)
def test_2_pkce_is_required_at_authorize_and_s256_only(rig: Rig, changes: dict[str, str]) -> None:
    shop, browser = rig.relying(), rig.browser()
    assert shop.answer(shop.authorize(browser, **changes))["error"] == "invalid_request"
    assert rig.journey.flows == {}


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "nonce", "prompt", "unheard_of"])
def test_3_a_parameter_sent_twice_is_refused_at_authorize(rig: Rig, name: str) -> None:
    shop, browser = rig.relying(), rig.browser()
    right = shop.parameters(prompt="login", unheard_of="1")
    response = browser.http.get(f"/oauth2/authorize?{urlencode(right)}&{urlencode({name: right[name]})}")
    assert response.status_code == 400
    assert "oidc.duplicate_parameter" in response.text
    assert rig.events("oidc:authorization:refused")[-1]["error"] == "oidc.duplicate_parameter"
    assert rig.journey.flows == {}


def test_3_a_parameter_sent_twice_is_refused_at_the_token_endpoint(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    code = shop.code(browser, ada)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": shop.client.redirect_uris[0],
        "code_verifier": shop.verifier,
    }
    response = shop.http.post(
        "/oauth2/token",
        content=f"{urlencode(form)}&code={code}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(shop.client.id, shop.secret or ""),
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert rig.events("oidc:token:refused")[-1]["reason"] == "oidc.duplicate_parameter"
    assert shop.redeem(code).status_code == 200, "a request that means nothing spends nothing"


def test_3_resource_may_repeat(rig: Rig) -> None:
    shop, browser = rig.relying(), rig.browser()
    ours = urlencode({"resource": rig.settings.issuer + "/oauth2/userinfo"})
    right = urlencode(shop.parameters())
    assert browser.http.get(f"/oauth2/authorize?{right}&{ours}&{ours}").headers["location"].startswith("/login?flow=")
    foreign = urlencode({"resource": "https://orders.example"})
    assert shop.answer(browser.http.get(f"/oauth2/authorize?{right}&{ours}&{foreign}"))["error"] == "invalid_target"


def test_4_a_tls_proxy_in_front_makes_no_difference(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> None:
    # The proxy speaks plain http to us, under the issuer's host name: Authlib refuses such a request URI.
    settings = make_settings(issuer="https://id.shop.example", demo=False, mail={"host": "mail.example"})
    rig = build_rig(settings, sqlite_only_database, clock)
    browser = rig.browser()
    browser.http.base_url = "http://id.shop.example"
    shop = rig.relying()
    shop.http.base_url = "http://id.shop.example"
    assert shop.authorize(browser).headers["location"].startswith("/login?flow=")
    refused = shop.redeem("no-such-code")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_5_prompt_and_max_age_are_answered_and_do_not_loop(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    rig.sign_in(browser, ada)
    rig.clock.advance(minutes=1)
    for changes in ({"prompt": "login"}, {"max_age": "0"}, {"prompt": "create"}, {"max_age": "30"}):
        assert "/login?flow=" in shop.authorize(browser, **changes).headers["location"], changes
        prompt = rig.journey.asked.prompt
        assert prompt == ({"create"} if changes == {"prompt": "create"} else {"login"}), changes
        answer = browser.http.get(rig.complete(browser, ada))
        assert "code" in shop.answer(answer), changes
        rig.clock.advance(minutes=1)


def test_5_a_demand_for_a_fresh_proof_is_not_met_by_an_old_one(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    old = rig.sign_in(browser, ada)
    for changes in ({"prompt": "login"}, {"max_age": "0"}, {"max_age": "30"}):
        rig.clock.advance(minutes=1)
        shop.authorize(browser, **changes)
        rig.journey.flows[rig.journey.last].session = old  # a journey that asked for nothing
        answer = browser.http.get(f"/oauth2/authorize/resume?flow={rig.journey.last}")
        assert shop.answer(answer)["error"] == "unmet_authentication_requirements", changes


def test_6_one_request_is_one_unit_of_work(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    code = shop.code(browser, ada)

    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("the machine stops here")

    with monkeypatch.context() as patch:
        patch.setattr("authsvc.oidc.token.service.TokenEndpoint._record", break_down)
        assert shop.redeem(code).status_code == 500
    # Nothing was committed: neither the spent code nor the family.
    assert shop.redeem(code).status_code == 200


def test_6_refresh_rotates_and_the_old_token_is_worth_nothing_after_the_grace(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    first = shop.sign_in(browser, ada, ProofKind.PASSKEY)["refresh_token"]
    second = shop.refresh(first).json()["refresh_token"]
    assert second != first
    rig.clock.advance(seconds=11)
    assert shop.refresh(first).json()["error"] == "invalid_grant"
    assert shop.refresh(second).json()["error"] == "invalid_grant", "reuse revokes the whole family"
