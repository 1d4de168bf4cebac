"""A face on a registered device as the second factor, from the account page to a shop's tokens."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from authsvc.accounts.tables import alerts
from authsvc.factors.face.captures.service import Order
from authsvc.factors.face.devices.key import decoded
from authsvc.factors.face.prompts import Prompt
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.faces import Device, claim_of
from tests.support.running import PASSWORD, Running, Shop
from tests.support.second_factors import HERE, account_of, enrol_app
from tests.support.written_faces import measured, shot

EMAIL = "ada@example.org"
MFA = "urn:authsvc:acr:mfa"


@pytest.fixture(autouse=True)
def written(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames say what they show (tests/support/written_faces.py)."""
    lane = service.services.face_lane
    monkeypatch.setattr(lane, "run", lambda _, frames: measured(frames))
    monkeypatch.setattr(lane, "warm", lambda: None)


def ticket_in(page: httpx.Response, scheme: str) -> dict[str, str]:
    """Return what an app reads from a page."""
    found = re.search(rf"{scheme}([A-Za-z0-9_-]+)", page.text)
    assert found is not None, page.text[:2000]
    content: dict[str, str] = json.loads(decoded(found[1]) or b"")
    return content


def press(browser: BrowserClient, action: str, **fields: Any) -> httpx.Response:
    return browser.submit(action, **fields)


def registered(browser: BrowserClient, seed: int = 7) -> Device:
    """Add the app on the account page."""
    browser.open("/account/face")
    ticket = ticket_in(press(browser, "/account/face/devices", kind="app"), "authsvc-device:")
    device = Device(ec.derive_private_key(seed, ec.SECP256R1()), server=ticket["server"])
    sent = device.registration(ticket["nonce"])
    body = {"nonce": sent.nonce, "name": sent.name, "public_key": dict(sent.public_key), "signature": sent.signature}
    answer = browser.http.post("/v1/face/devices", json=body, headers=bearer(ticket))
    assert answer.status_code == 201, answer.text
    device.id = answer.json()["device"]
    assert browser.http.get("/account/face/devices/status").json() == {"status": "registered"}
    return device


def bearer(ticket: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {ticket['ticket']}"}


def captured(browser: BrowserClient, page: httpx.Response, device: Device | None, first: int, **shows: Any) -> Any:
    """Do what the app does with the ticket on this page."""
    ticket = ticket_in(page, "authsvc-face:")
    start = {"device": device.id} if device else {}
    order = browser.http.post("/v1/face/captures", json=start, headers=bearer(ticket)).json()
    prompts = tuple(Prompt(each) for each in order["prompts"])
    frames = [shot(prompt.value, first + number, **shows) for number, prompt in enumerate(prompts)]
    claim = claim_of(Order(order["nonce"], prompts, None), frames, device=device)
    answer = browser.http.post(
        "/v1/face/captures/frames",
        data={"capture": claim.model_dump_json(exclude_none=True)},
        files=[("frames", ("f.jpg", frame, "image/jpeg")) for frame in frames],
        headers=bearer(ticket),
    )
    return answer.json()


def with_face(service: Running) -> tuple[BrowserClient, Device]:
    """Return a browser that the account knows, and the phone that is registered with it."""
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    return browser, give_face(browser)


def give_face(browser: BrowserClient) -> Device:
    """Allow, register a phone and enrol, in a browser that is signed in; return the phone."""
    browser.open("/account/consents")
    page = browser.answer.text
    version = re.search(r'name="purpose" value="face">\s*<input type="hidden" name="version" value="(\d+)"', page)
    assert version is not None
    browser.http.post(
        "/account/consents",
        data={"csrf": browser._parsed().meta_csrf, "purpose": "face", "action": "give", "version": version[1]},
        headers=SAME_ORIGIN,
    )
    device = registered(browser)
    browser.open("/account/face")
    assert captured(browser, press(browser, "/account/face"), device, 100)["outcome"] == "enrolled"
    return device


def asked_for_more(service: Running, browser: BrowserClient) -> tuple[Shop, httpx.Response]:
    """Sign in again at a shop that wants two factors."""
    shop = service.shop()
    shop.begin(browser, acr_values=MFA, prompt="login")
    page = browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    return shop, page


def test_a_face_on_a_registered_device_reaches_two_factors(service: Running) -> None:
    browser, device = with_face(service)
    enrol_app(service, EMAIL)
    shop, page = asked_for_more(service, browser)
    assert "/login/step-up/face" in page.text
    assert "/login/step-up/typed" in page.text  # another proof is always offered beside it
    page = press(browser, "/login/step-up/face")
    assert "form-action 'self' https://shop.example;" in page.headers["content-security-policy"]  # where its form ends
    verdict = captured(browser, page, device, 0)
    assert (verdict["outcome"], verdict["satisfies_step_up"]) == ("match", True)
    claims = shop.finish(browser, press(browser, "/login/step-up/face/finish"))
    assert claims["acr"] == MFA
    assert set(claims["amr"]) == {"pwd", "face", "pop", "mfa", "otp"}  # otp: the address was proven minutes ago


@pytest.mark.parametrize("shows", [{"person": "bruno"}, {"attack": 3.0}, None])
def test_without_a_match_that_counts_nobody_goes_on(service: Running, shows: dict[str, Any] | None) -> None:
    browser, device = with_face(service)
    enrol_app(service, EMAIL)
    _, page = asked_for_more(service, browser)
    page = press(browser, "/login/step-up/face")
    if shows is not None:
        captured(browser, page, device, 0, **shows)
    else:
        assert captured(browser, page, None, 0)["satisfies_step_up"] is False  # nobody's key
    answer = press(browser, "/login/step-up/face/finish")
    assert answer.status_code == 400
    assert "login:step_up:face_missing" in service.tags()
    assert service.events("login:step_up:face_missing")[-1].account_id == account_of(service, EMAIL)


def test_tickets_for_captures_are_limited(local_with: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves rows: whoever has a password could fill the disk with them."""
    service = local_with(limits={"code_per_address": "12 per 10 minutes"})
    monkeypatch.setattr(service.services.face_lane, "warm", lambda: None)
    monkeypatch.setattr(service.services.face_lane, "run", lambda _, frames: measured(frames))
    browser, _ = with_face(service)
    enrol_app(service, EMAIL)
    _, page = asked_for_more(service, browser)
    asked = 0
    while page.status_code == 200 and asked < 20:
        page = press(browser, "/login/step-up/face")
        asked += 1
    assert page.status_code == 429
    assert 1 < asked <= 12


def test_in_a_browser_that_is_not_known_a_face_is_not_offered(service: Running) -> None:
    with_face(service)
    enrol_app(service, EMAIL)
    stranger = service.browser(peer="203.0.113.77")
    _, page = asked_for_more(service, stranger)
    assert "/login/step-up/typed" in page.text
    assert "/login/step-up/face" not in page.text


def test_a_face_alone_is_offered_to_nobody(service: Running) -> None:
    """The account has nothing else that reaches two factors: nobody depends on their face."""
    browser, _ = with_face(service)
    _, page = asked_for_more(service, browser)
    assert "/login/step-up/face" not in page.text


def test_the_owner_sees_and_removes_the_device_and_hears_of_it(service: Running) -> None:
    browser, device = with_face(service)
    phone = enrol_app(service, EMAIL)
    page = browser.open("/account/face")
    assert "Ada&#39;s phone" in page.text
    assert "The app" in page.text
    browser.open(f"/account/face/devices/remove?id={device.id}")
    assert "/login?flow=" in str(browser.answer.url)  # a fresh proof first: the app is the account's highest
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    browser.submit("/login/step-up/typed", kind="totp")
    page = browser.submit("/login/code", code=phone.code())
    assert "Captures of this device count for nothing any more" in page.text
    page = press(browser, "/account/face/devices/remove")
    assert "None yet" in page.text
    with service.services.database.read() as connection:
        kinds = connection.execute(select(alerts.c.kind)).scalars().all()
    assert kinds.count("factor_removed") == 1


def test_this_was_not_me_ends_the_devices(service: Running) -> None:
    _, device = with_face(service)
    with service.services.database.write() as connection:
        kind = connection.execute(select(alerts.c.kind)).scalars().first() or ""
        service.services.not_me.shield(
            connection, account_of(service, EMAIL), kind=kind, origin=HERE, now=service.clock.now()
        )
    with service.services.database.read() as connection:
        assert service.services.face.keys.find(connection, account_of(service, EMAIL), device.id) is None
    assert "face:device:removed" in service.tags()
