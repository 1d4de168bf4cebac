"""The client credentials grant: a shop's server gets a token of its own, and nobody else's token does its work."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2 as httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from authsvc.core.database import Database
from authsvc.core.errors import BadInput
from authsvc.oidc.callers.service import Callers
from authsvc.oidc.clients.client import API_SCOPES
from authsvc.settings import Settings
from tests.support.browser_client import ISSUER
from tests.support.clocks import SettableClock
from tests.support.provider import Rig, build_rig

READ, WRITE = "accounts:read", "accounts:write"


@pytest.fixture
def rig(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


@pytest.fixture
def callers(rig: Rig) -> Callers:
    return Callers(rig.database, rig.keys, rig.clock, ISSUER)


class Service:
    """A shop's server."""

    def __init__(self, rig: Rig, *scopes: str, **options: Any) -> None:
        self.rig = rig
        self.client, self.secret = rig.registry.register_service(name="Tea server", scopes=scopes, **options)
        self.http = TestClient(rig.app, base_url=ISSUER, client=("198.51.100.9", 443))

    def ask(self, form: Mapping[str, str] | None = None, *, secret: str | None = None) -> httpx.Response:
        sent = {"grant_type": "client_credentials", **(form or {})}
        return self.http.post("/oauth2/token", data=sent, auth=(self.client.id, secret or self.secret))

    def token(self, **form: str) -> str:
        answer = self.ask(form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


def test_a_service_gets_a_token_for_the_api_in_its_own_name(rig: Rig, callers: Callers) -> None:
    service = Service(rig, READ, WRITE)
    answer = service.ask({"scope": READ})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, READ)
    assert answer.headers["cache-control"] == "no-store"

    keys = KeySet.import_key_set(service.http.get("/oauth2/jwks").json())
    token = jwt.decode(body["access_token"], keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    claims = token.claims
    assert claims["sub"] == claims["client_id"] == service.client.id
    assert (claims["iss"], claims["aud"]) == (ISSUER, f"{ISSUER}/v1/accounts")
    assert claims["exp"] - claims["iat"] == 300
    assert not {"sid", "grant_id", "acr", "auth_time"} & set(claims)

    caller = callers.identify(body["access_token"])
    assert caller is not None
    assert (caller.client_id, caller.scopes) == (service.client.id, {READ})
    assert rig.events("oidc:token:issued") == [{"client": service.client.id, "grant_type": "client_credentials"}]


def test_without_a_scope_it_gets_what_it_has(rig: Rig, callers: Callers) -> None:
    caller = callers.identify(Service(rig, READ, WRITE).token())
    assert caller is not None
    assert caller.scopes == {READ, WRITE}


@pytest.mark.parametrize("scope", [WRITE, f"{READ} {WRITE}", "openid", f"openid {READ}", "accounts:everything"])
def test_a_scope_it_does_not_have_is_refused(rig: Rig, scope: str) -> None:
    answer = Service(rig, READ).ask({"scope": scope})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_wrong_secret_gets_nothing(rig: Rig) -> None:
    answer = Service(rig, READ).ask(secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert rig.events("oidc:token:refused")[0]["error"] == "invalid_client"


def test_the_secret_may_be_in_the_form_where_that_was_registered(rig: Rig) -> None:
    service = Service(rig, READ, auth_method="client_secret_post")
    form = {"grant_type": "client_credentials", "client_id": service.client.id, "client_secret": service.secret}
    assert service.http.post("/oauth2/token", data=form).status_code == 200
    assert service.ask().status_code == 401


@pytest.mark.parametrize("auth_method", ["client_secret_basic", "none"])
def test_a_shop_that_signs_people_in_gets_no_service_token(rig: Rig, auth_method: str) -> None:
    shop = rig.relying(auth_method=auth_method)
    answer = shop.post({"grant_type": "client_credentials", "scope": READ})
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("unauthorized_client", "invalid_client")
    assert rig.events("oidc:token:issued") == []


def test_a_service_can_not_sign_people_in(rig: Rig) -> None:
    service = Service(rig, READ)
    query = rig.relying().parameters(client_id=service.client.id)
    answer = rig.browser().http.get("/oauth2/authorize", params=query)
    assert answer.status_code == 400
    assert "oidc.redirect_uri_not_registered" in answer.text


def test_another_audience_is_refused_for_each(rig: Rig) -> None:
    service, shop = Service(rig, READ), rig.relying()
    assert service.ask({"resource": f"{ISSUER}/v1/accounts"}).status_code == 200
    assert service.ask({"resource": f"{ISSUER}/oauth2/userinfo"}).json()["error"] == "invalid_target"
    code = shop.code(rig.browser(), rig.account())
    assert shop.redeem(code, resource=f"{ISSUER}/v1/accounts").json()["error"] == "invalid_target"


def test_a_customers_token_is_no_callers_and_a_callers_opens_no_userinfo(rig: Rig, callers: Callers) -> None:
    shop = rig.relying()
    tokens = shop.sign_in(rig.browser(), rig.account())
    assert callers.identify(tokens["access_token"]) is None
    assert callers.identify(tokens["id_token"]) is None
    assert shop.userinfo(Service(rig, *API_SCOPES).token()).status_code == 401


def test_what_no_longer_holds_ends_at_once(rig: Rig, callers: Callers) -> None:
    service = Service(rig, READ)
    token = service.token()
    assert callers.identify(token) is not None
    rig.clock.advance(seconds=299)
    assert callers.identify(token) is not None
    rig.clock.advance(seconds=1)
    assert callers.identify(token) is None
    fresh = service.token()
    rig.registry.disable_client(service.client.id)
    assert callers.identify(fresh) is None
    assert service.ask().status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_nobodys(callers: Callers, token: str) -> None:
    assert callers.identify(token) is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": " "}, "client.name"),
        ({"name": "Shop\nBcc: mallory@example.org"}, "client.name"),
        ({"name": "Shop\x1b[2J"}, "client.name"),
        ({"scopes": ()}, "client.scopes"),
        ({"scopes": ("openid",)}, "client.scopes"),
        ({"scopes": (READ, "accounts:everything")}, "client.scopes"),
        ({"auth_method": "none"}, "client.auth_method"),
    ],
)
def test_what_can_not_be_registered(rig: Rig, options: dict[str, Any], code: str) -> None:
    right: dict[str, Any] = {"name": "Tea server", "scopes": (READ,)}
    with pytest.raises(BadInput) as problem:
        rig.registry.register_service(**(right | options))
    assert problem.value.code == code


def test_the_metadata_say_so(rig: Rig) -> None:
    document = Service(rig, READ).http.get("/.well-known/openid-configuration").json()
    assert "client_credentials" in document["grant_types_supported"]
    assert set(API_SCOPES) < set(document["scopes_supported"])
