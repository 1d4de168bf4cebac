"""What the provider says of itself is what it does."""

from collections.abc import Callable

import pytest
from authlib.oauth2 import rfc9207
from authlib.oidc.discovery import OpenIDProviderMetadata
from authlib.oidc.rpinitiated import OpenIDProviderMetadata as LogoutMetadata

from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.browser_client import ISSUER
from tests.support.clocks import SettableClock
from tests.support.provider import Rig, build_rig


@pytest.fixture
def rig(sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), sqlite_only_database, clock)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"])
def test_the_metadata_satisfies_authlibs_validator(rig: Rig, path: str) -> None:
    response = rig.browser().http.get(path)
    assert response.headers["access-control-allow-origin"] == "*"
    assert "max-age=" in response.headers["cache-control"]
    document = response.json()
    assert document["issuer"] == ISSUER
    # Authlib's validator wants https everywhere; discovery itself lets localhost pass in development.
    secure = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in document.items()
    }
    OpenIDProviderMetadata(secure).validate(metadata_classes=[rfc9207.AuthorizationServerMetadata, LogoutMetadata])
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["prompt_values_supported"] == ["none", "login", "create", "select_account"]


def test_every_endpoint_it_names_is_there(rig: Rig) -> None:
    browser = rig.browser()
    document = browser.http.get("/.well-known/openid-configuration").json()
    named = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(named) == 5
    for url in named:
        assert browser.http.get(url).status_code != 404, url


def test_the_published_keys_are_public(rig: Rig) -> None:
    response = rig.browser().http.get("/oauth2/jwks")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "public, max-age=300"
    keys = response.json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "RS256"]
    for key in keys:
        assert set(key) <= {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"}
        assert key["use"] == "sig"
