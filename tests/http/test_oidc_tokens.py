"""The token and userinfo endpoints: what is issued, to whom, for how long."""

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select

from authsvc.accounts.levels import Level, ProofKind
from authsvc.core.database import Database
from authsvc.oidc.tables import refresh_tokens, token_families
from authsvc.settings import Settings
from tests.support.browser_client import ISSUER
from tests.support.clocks import SettableClock
from tests.support.provider import ORIGIN, Relying, Rig, build_rig


@pytest.fixture
def rig(database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), database, clock)


@pytest.fixture
def local(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_tokens_of_a_sign_in(rig: Rig, alg: str) -> None:
    shop, browser, ada = rig.relying(id_token_alg=alg), rig.browser(), rig.account()
    rig.clock.advance(seconds=0.4)
    tokens = shop.sign_in(browser, ada, ProofKind.PASSKEY)
    now = int(rig.clock.now().timestamp())

    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 300, "openid profile email")
    claims = shop.id_token(max_age=60)
    assert claims["sub"] == ada.id
    assert (claims["acr"], claims["amr"]) == (Level.PHR.acr, ["mfa", "pop", "user"])
    assert (claims["auth_time"], claims["iat"], claims["exp"]) == (now, now, now + 300)
    assert {"name", "email"}.isdisjoint(claims), "userinfo tells those: an ID token travels in URLs"

    access = jwt.decode(tokens["access_token"], _jwks(shop), algorithms=["ES256"])
    assert access.header["typ"] == "at+jwt"
    assert access.claims["aud"] == f"{ISSUER}/oauth2/userinfo"
    assert {name: access.claims[name] for name in ("iss", "sub", "client_id", "acr", "amr", "auth_time", "exp")} == {
        "iss": ISSUER,
        "sub": ada.id,
        "client_id": shop.client.id,
        "acr": Level.PHR.acr,
        "amr": ["mfa", "pop", "user"],
        "auth_time": now,
        "exp": now + 300,
    }
    assert access.claims["sid"] == claims["sid"]
    assert rig.events("oidc:token:issued")[-1]["session"] == claims["sid"]


def test_userinfo_tells_what_the_scopes_ask_for(local: Rig) -> None:
    shop, ada = local.relying(), local.account()
    shop.sign_in(local.browser(), ada)
    assert shop.userinfo().json() == {
        "sub": ada.id,
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "email_verified": True,
    }
    shop.sign_in(local.browser(), ada, scope="openid")
    assert shop.userinfo().json() == {"sub": ada.id}
    posted = shop.http.post("/oauth2/userinfo", headers={"Authorization": f"Bearer {shop.tokens['access_token']}"})
    assert posted.json() == {"sub": ada.id}
    assert posted.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in posted.headers


def test_userinfo_refuses_everything_else(local: Rig) -> None:
    shop, browser, ada = local.relying(), local.browser(), local.account()
    tokens = shop.sign_in(browser, ada)
    nothing = shop.http.get("/oauth2/userinfo")
    assert (nothing.status_code, nothing.headers["www-authenticate"]) == (401, "Bearer")
    in_url = shop.http.get("/oauth2/userinfo", params={"access_token": tokens["access_token"]})
    assert in_url.status_code == 401

    head, body, signature = tokens["access_token"].split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    flipped = ("B" if body[10] == "A" else "A").join((body[:10], body[11:]))
    for bad in (
        "x",
        "é",
        "..",
        tokens["id_token"],
        tokens["refresh_token"],
        f"{head}.{flipped}.{signature}",
        f"{unsigned}.{body}.",
    ):
        refused = shop.http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {bad}".encode()})
        assert refused.status_code == 401, bad
        assert 'error="invalid_token"' in refused.headers["www-authenticate"], bad
    assert local.events("oidc:userinfo:refused")[-1] == {"error": "invalid_token"}

    local.clock.advance(seconds=299)
    assert shop.userinfo().status_code == 200
    local.clock.advance(seconds=1)
    assert shop.userinfo().status_code == 401


def test_ending_the_session_ends_its_tokens(local: Rig) -> None:
    shop, browser, ada = local.relying(), local.browser(), local.account()
    code = shop.code(browser, ada)
    tokens = shop.redeem(code).json()
    late = shop.code(browser, ada, prompt="login")
    with local.database.write() as connection:
        local.sessions.end_all(connection, ada.id, reason="test", origin=ORIGIN, now=local.clock.now())

    assert shop.userinfo(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert local.events("oidc:token:refused")[-1]["reason"] == "session_ended"
    assert shop.redeem(late).json()["error"] == "invalid_grant"
    assert local.told.accounts == [], "an ended session is no reuse"


def test_a_code_is_for_its_client_address_verifier_and_minute(local: Rig) -> None:
    shop, other, browser, ada = local.relying(), local.relying(), local.browser(), local.account()
    code = shop.code(browser, ada)
    other.verifier = shop.verifier
    assert other.redeem(code).json()["error"] == "invalid_grant"
    assert local.events("oidc:token:refused")[-1]["reason"] == "code_of_other_client"
    assert shop.redeem(code).status_code == 200, "another client's try does not spend it"

    for changes in ({"redirect_uri": "https://shop.example/other"}, {"code_verifier": ""}, {"code_verifier": "é" * 43}):
        code = shop.code(browser, ada, prompt="login")
        assert shop.redeem(code, **changes).status_code == 400, changes

    code = shop.code(browser, ada, prompt="login")
    local.clock.advance(seconds=60)
    assert shop.redeem(code).json()["error"] == "invalid_grant"
    assert local.events("oidc:token:refused")[-1]["reason"] == "code_expired"
    assert shop.redeem("no-such-code").json()["error"] == "invalid_grant"
    assert local.events("oidc:token:refused")[-1]["reason"] == "code_unknown"


def test_refresh_rotates_and_never_moves_auth_time(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    tokens = shop.sign_in(browser, ada, ProofKind.PASSKEY)
    first = shop.id_token()
    rig.clock.advance(minutes=10)
    shop.nonce = ""
    shop.tokens = shop.refresh(tokens["refresh_token"]).json()
    second = jwt.decode(shop.tokens["id_token"], _jwks(shop), algorithms=["RS256"]).claims
    assert second["auth_time"] == first["auth_time"]
    assert second["acr"] == Level.PHR.acr
    assert "nonce" not in second
    assert second["iat"] > first["iat"]
    assert shop.userinfo().status_code == 200

    rig.clock.advance(minutes=6)
    aged = shop.refresh(shop.tokens["refresh_token"]).json()
    claims = jwt.decode(aged["access_token"], _jwks(shop), algorithms=["ES256"]).claims
    assert claims["acr"] == Level.PWD.acr, "acr says what holds now: a passkey is worth phr for 15 minutes"
    assert claims["auth_time"] == first["auth_time"]


def test_a_later_proof_in_the_session_does_not_raise_older_tokens(local: Rig) -> None:
    shop, browser, ada = local.relying(), local.browser(), local.account()
    tokens = shop.sign_in(browser, ada)
    local.clock.advance(minutes=1)
    with local.database.write() as connection:
        session = local.sessions.find_live_by_id(connection, shop.id_token()["sid"], now=local.clock.now())
        assert session is not None
        local.sessions.raise_level(
            connection, session, {ProofKind.PASSKEY: local.clock.now()}, origin=ORIGIN, now=local.clock.now()
        )
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    claims = jwt.decode(refreshed["access_token"], _jwks(shop), algorithms=["ES256"]).claims
    assert claims["acr"] == Level.PWD.acr


def test_a_lost_answer_is_repeated_within_the_grace(rig: Rig) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    first = shop.sign_in(browser, ada)["refresh_token"]
    successor = shop.refresh(first).json()["refresh_token"]
    rig.clock.advance(seconds=10)
    repeated = shop.refresh(first)
    assert repeated.status_code == 200
    assert repeated.json()["refresh_token"] == successor, "that same successor, never a sibling"
    with rig.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(refresh_tokens)).scalar_one() == 2
    assert shop.refresh(successor).status_code == 200


@pytest.mark.parametrize("how", ["too_late", "successor_used", "grandparent"])
def test_anything_else_is_reuse(rig: Rig, how: str) -> None:
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    first = shop.sign_in(browser, ada)["refresh_token"]
    second = shop.refresh(first).json()["refresh_token"]
    newest = second
    if how == "too_late":
        rig.clock.advance(seconds=10.001)
    else:
        newest = shop.refresh(second).json()["refresh_token"]
        if how == "grandparent":
            newest = shop.refresh(newest).json()["refresh_token"]

    assert shop.refresh(first).json()["error"] == "invalid_grant"

    assert shop.refresh(newest).json()["error"] == "invalid_grant"
    assert shop.userinfo().status_code == 401
    assert rig.told.accounts == [ada.id], "told once"
    assert len(rig.events("oidc:refresh:reused")) == 1
    with rig.database.read() as connection:
        family = connection.execute(select(token_families)).one()
        session = rig.sessions.find_live_by_id(connection, family.session_id, now=rig.clock.now())
    assert (family.revoke_reason, family.revoked_at) == ("refresh_reused", rig.clock.now())
    assert session is not None
    assert session.flagged_at == rig.clock.now()


def test_a_public_client_has_pkce_and_no_grace(local: Rig) -> None:
    app = local.relying(auth_method="none", redirect_uris=["com.shop.app:/callback"])
    browser, ada = local.browser(), local.account()
    assert app.secret is None
    app.authorize(browser)
    assert local.journey.asked.redirect_origin == "com.shop.app:"
    location = browser.http.get(local.complete(browser, ada)).headers["location"]
    assert location.startswith("com.shop.app:/callback?code=")
    code = location.split("code=")[1].split("&")[0]
    first = app.redeem(code).json()["refresh_token"]
    assert app.refresh(first).status_code == 200
    assert app.refresh(first).status_code == 400
    assert local.told.accounts == [ada.id]


def test_refresh_for_less_scope_and_never_for_more(local: Rig) -> None:
    shop, browser, ada = local.relying(), local.browser(), local.account()
    first = shop.sign_in(browser, ada, scope="openid email")["refresh_token"]
    assert shop.refresh(first, scope="openid profile").json()["error"] == "invalid_scope"
    narrowed = shop.refresh(first, scope="openid")
    assert narrowed.status_code == 200, "a request refused for its scope does not cost the token"
    assert narrowed.json()["scope"] == "openid"


def test_a_refresh_family_ends_without_use_and_lives_with_it(local: Rig) -> None:
    shop, ada = local.relying(), local.account()
    token = shop.sign_in(local.browser(), ada)["refresh_token"]
    for _ in range(3):
        local.clock.advance(days=13)
        _keep_session_alive(local)
        token = shop.refresh(token).json()["refresh_token"]
    for _ in range(3):
        local.clock.advance(days=10)
        _keep_session_alive(local)
    assert shop.refresh(token).json()["error"] == "invalid_grant"
    assert local.events("oidc:token:refused")[-1]["reason"] == "refresh_expired"
    assert local.told.accounts == []


def test_a_client_without_the_refresh_grant_gets_no_refresh_token(local: Rig) -> None:
    shop = local.relying(grant_types=["authorization_code"])
    tokens = shop.sign_in(local.browser(), local.account())
    assert "refresh_token" not in tokens
    assert shop.userinfo().status_code == 200
    assert shop.refresh("anything").json()["error"] == "unauthorized_client"


def test_clients_authenticate_in_the_one_way_they_registered(local: Rig) -> None:
    basic, post = local.relying(), local.relying(auth_method="client_secret_post")
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    path = "/oauth2/token"
    http = basic.http
    assert post.refresh("x").json()["error"] == "invalid_grant"
    cases = {
        "wrong secret": http.post(path, data=form, auth=(basic.client.id, "wrong")),
        "no secret": http.post(path, data=form | {"client_id": basic.client.id}),
        "post instead of basic": http.post(
            path, data=form | {"client_id": basic.client.id, "client_secret": basic.secret or ""}
        ),
        "basic instead of post": http.post(path, data=form, auth=(post.client.id, post.secret or "")),
        "unknown": http.post(path, data=form, auth=("cli_nobody", "x")),
        "nobody": http.post(path, data=form),
    }
    for name, response in cases.items():
        assert (response.status_code, response.json()["error"]) in ((401, "invalid_client"), (400, "invalid_client")), (
            name
        )
    assert cases["wrong secret"].headers["www-authenticate"].startswith("Basic ")
    twice = http.post(path, data=form | {"client_secret": "x"}, auth=(basic.client.id, basic.secret or ""))
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    two_ids = http.post(path, data=form | {"client_id": post.client.id}, auth=(basic.client.id, basic.secret or ""))
    assert two_ids.json()["error"] == "invalid_request"


NUL_IN_ID = "Basic " + base64.b64encode(b"a\x00b:c").decode()


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic /w==", "Basic é", "Basic", "Negotiate abc", "Bearer x", NUL_IN_ID]
)
def test_a_malformed_authorization_header_is_an_oauth_error(rig: Rig, header: str) -> None:
    response = rig.relying().http.post(
        "/oauth2/token", data={"grant_type": "refresh_token"}, headers={"Authorization": header.encode()}
    )
    assert response.status_code in (400, 401)
    assert response.json()["error"] in ("invalid_request", "invalid_client")
    assert response.headers["cache-control"] == "no-store"


def test_a_disabled_client_gets_nothing_more(local: Rig) -> None:
    shop = local.relying()
    tokens = shop.sign_in(local.browser(), local.account())
    local.registry.disable_client(shop.client.id)
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert shop.userinfo().status_code == 401


def test_other_grants_and_methods_are_refused(local: Rig) -> None:
    shop = local.relying()
    for grant in ("password", "urn:ietf:params:oauth:grant-type:device_code", "", "é"):
        assert shop.post({"grant_type": grant}).json()["error"] == "unsupported_grant_type"
    assert shop.http.get("/oauth2/token").status_code == 405
    no_form = shop.http.post("/oauth2/token", json={})
    assert (no_form.status_code, no_form.json()["error"]) == (400, "invalid_request")
    assert local.events("oidc:token:refused")[-1]["grant_type"] is None


def test_failures_are_limited_per_address_and_successes_are_not(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(limits={"token_per_address": "2 per 1 minute"})
    rig = build_rig(settings, sqlite_only_database, clock)
    shop, browser, ada = rig.relying(), rig.browser(), rig.account()
    token = shop.sign_in(browser, ada)["refresh_token"]
    for _ in range(4):
        token = shop.refresh(token).json()["refresh_token"]
    assert [shop.refresh("x").status_code for _ in range(4)] == [400, 400, 429, 429]
    assert len(rig.events("oidc:token:refused")) == 2, "what comes after that makes no work and no rows"
    assert shop.userinfo().status_code == 429


def test_keys_rotate_with_an_overlap(local: Rig) -> None:
    shop, browser, ada = local.relying(), local.browser(), local.account()
    before = shop.sign_in(browser, ada)
    old_kid = jws.extract_compact(before["id_token"].encode()).headers()["kid"]
    local.keys.rotate()
    after = shop.refresh(before["refresh_token"]).json()
    assert jws.extract_compact(after["id_token"].encode()).headers()["kid"] != old_kid
    assert shop.userinfo(before["access_token"]).status_code == 200
    assert len(_jwks(shop).keys) == 4
    jwt.decode(before["id_token"], _jwks(shop), algorithms=["RS256"])

    local.clock.advance(seconds=(local.keys.overlap + timedelta(seconds=1)).total_seconds())
    assert old_kid not in [key.kid for key in _jwks(shop).keys]
    assert "/login" not in shop.authorize(browser, id_token_hint=before["id_token"]).headers["location"], (
        "a hint may be older than the published keys"
    )


def _jwks(shop: Relying) -> KeySet:
    return KeySet.import_key_set(shop.http.get("/oauth2/jwks").json())


def _keep_session_alive(rig: Rig) -> None:
    with rig.database.write() as connection:
        family = connection.execute(select(token_families.c.session_id)).scalars().first()
        assert family is not None
        session = rig.sessions.find_live_by_id(connection, family, now=rig.clock.now())
        assert session is not None
        rig.sessions.touch(connection, session, now=rig.clock.now())
