"""The example storefront against the real provider, both in this process; an ordinary client library checks it."""

import importlib.util
import secrets
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from authsvc.accounts.levels import ProofKind
from authsvc.core.clock import SystemClock
from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.browser_client import ISSUER, BrowserClient
from tests.support.clocks import SettableClock
from tests.support.programs import ROOT
from tests.support.provider import Rig, build_rig

SHOP = "http://127.0.0.1:8001"


@pytest.fixture
def rig(sqlite_only_database: Database, make_settings: Callable[..., Settings]) -> Rig:
    # The client library reads the machine's clock, so the provider begins there too.
    return build_rig(make_settings(), sqlite_only_database, SettableClock(SystemClock().now()))


@pytest.fixture
def shop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The storefront's own pages; its calls to the provider stay in this process."""
    client, secret = rig.registry.register_client(
        name="Low Tide Tea", redirect_uris=[f"{SHOP}/callback"], post_logout_redirect_uris=[f"{SHOP}/"]
    )
    environment = {
        "ISSUER": ISSUER,
        "URL": SHOP,
        "CLIENT_ID": client.id,
        "CLIENT_SECRET": secret or "",
        "SESSION_KEY": secrets.token_urlsafe(32),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"STOREFRONT_{name}", value)
    module = _load_storefront()
    module.oauth.provider.client_kwargs["transport"] = httpx.ASGITransport(app=rig.app)
    with TestClient(module.app, base_url=SHOP, follow_redirects=False) as http:
        yield http


def _load_storefront() -> ModuleType:
    spec = importlib.util.spec_from_file_location("storefront_app", ROOT / "examples" / "storefront" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def leave(shop: TestClient, browser: BrowserClient, path: str) -> str:
    """Press a link at the shop; return where the provider sends the browser."""
    location = shop.get(path).headers["location"]
    assert location.startswith(f"{ISSUER}/oauth2/authorize?")
    return str(browser.http.get(location).headers["location"])


def come_back(rig: Rig, shop: TestClient, browser: BrowserClient, resume: str) -> Any:
    back = browser.http.get(resume).headers["location"]
    assert back.startswith(f"{SHOP}/callback?"), back
    return shop.get(back)


def sign_in(rig: Rig, shop: TestClient, browser: BrowserClient, *kinds: ProofKind) -> None:
    leave(shop, browser, "/sign-in")
    answer = come_back(rig, shop, browser, rig.complete(browser, rig.account(), *kinds))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


def test_sign_in_look_and_sign_out(rig: Rig, shop: TestClient) -> None:
    browser = rig.browser()
    assert "Sign in" in shop.get("/").text
    sign_in(rig, shop, browser, ProofKind.PASSKEY)
    page = shop.get("/account").text
    for shown in ("Ada Lovelace", "ada@example.org", "urn:authsvc:acr:phr", "mfa pop user", "can&#39;t be phished"):
        assert shown in page
    assert len(shop.cookies["storefront"]) < 4000, "browsers keep cookies up to 4096 bytes"

    location = shop.post("/sign-out").headers["location"]
    assert set(parse_qs(urlsplit(location).query)) == {"id_token_hint", "post_logout_redirect_uri", "state"}
    back = browser.http.get(location).headers["location"]
    assert "You are signed out" in shop.get(back).text
    assert shop.get("/account").headers["location"] == "/"
    assert len(rig.events("oidc:logout:completed")) == 1


def test_create_account_begins_at_the_create_page(rig: Rig, shop: TestClient) -> None:
    leave(shop, rig.browser(), "/create-account")
    assert rig.journey.asked.prompt == {"create"}


def test_confirm_asks_for_a_fresh_proof_and_gets_it(rig: Rig, shop: TestClient) -> None:
    browser = rig.browser()
    sign_in(rig, shop, browser)
    assert "/login" in leave(shop, browser, "/confirm")
    ada = rig.account(email="again@example.org")
    assert come_back(rig, shop, browser, rig.complete(browser, ada)).headers["location"] == "/account"


def test_refusals_are_explained(rig: Rig, shop: TestClient) -> None:
    browser = rig.browser()
    leave(shop, browser, "/sign-in")
    assert "You are not signed in" in come_back(rig, shop, browser, rig.refuse("access_denied")).text

    leave(shop, browser, "/confirm-with-passkey")
    answer = come_back(rig, shop, browser, rig.complete(browser, rig.account(), ProofKind.PASSWORD))
    assert "We need a stronger proof" in answer.text


def test_an_answer_from_elsewhere_is_refused(rig: Rig, shop: TestClient) -> None:
    browser = rig.browser()
    leave(shop, browser, "/sign-in")
    back = browser.http.get(rig.complete(browser, rig.account())).headers["location"]
    assert shop.get(back.replace("iss=http%3A%2F%2Flocalhost", "iss=http%3A%2F%2Fevil")).status_code == 400
    other = TestClient(shop.app, base_url=SHOP, follow_redirects=False)
    assert "That did not work" in other.get(back).text, "a stranger's browser holds no state for it"
    assert rig.events("oidc:token:issued") == []


def test_a_provider_that_does_not_answer_is_explained(shop: TestClient) -> None:
    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    module = sys.modules["storefront_app"]
    module.oauth.provider.client_kwargs["transport"] = httpx.MockTransport(down)
    answer = shop.get("/sign-in")
    assert (answer.status_code, "Sign-in is resting" in answer.text) == (503, True)
