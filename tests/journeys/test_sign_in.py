"""From a shop's redirect to a shop's tokens, on both databases."""

import json
import random

import pytest
from sqlalchemy import select

from authsvc.accounts.tables import account_devices, sessions
from authsvc.risk.tables import risk_decisions, typing_profiles
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"


def typing(seed: int = 1, *, typist: int = 1, keys: int = 24) -> str:
    """Return timings of a typist: a rhythm of their own, and a little noise that no two typings share."""
    own, noise = random.Random(typist), random.Random(1000 * typist + seed)
    at, events = 0.0, []
    for _ in range(keys):
        hold, gap = own.gauss(95, 15) * typist, own.gauss(170, 40) * typist
        events.append([round(at, 1), round(at + max(20, hold + noise.gauss(0, 8)), 1)])
        at += max(40, gap + noise.gauss(0, 12))
    return json.dumps({"field": "password", "input": "keyboard", "events": events, "pasted": False})


def test_sign_up_with_a_password_ends_at_the_shop(service: Running) -> None:
    browser = service.browser()
    shop = service.sign_up(browser, EMAIL)
    claims = shop.claims()
    assert claims["acr"] == "urn:authsvc:acr:pwd_email"
    assert set(claims["amr"]) == {"pwd", "otp"}
    assert claims["auth_time"] == int(service.clock.now().timestamp())
    bearer = {"Authorization": f"Bearer {shop.tokens['access_token']}"}
    person = shop.http.get("/oauth2/userinfo", headers=bearer).json()
    assert (person["sub"], person["name"], person["email"]) == (claims["sub"], "Ada Lovelace", EMAIL)
    tags = service.tags()
    for tag in ("login:address:code_sent", "login:address:proven", "login:account:created", "login:sign_in:completed"):
        assert tag in tags


def test_sign_up_and_in_with_a_passkey(service: Running) -> None:
    browser = service.browser()
    authenticator = service.sign_up_with_passkey(browser, EMAIL)
    service.clock.advance(hours=3)
    elsewhere, shop = service.browser(), service.shop()
    shop.begin(elsewhere)
    options = elsewhere.post_json("/login/passkey/options", {"flow": elsewhere.flow}).json()["publicKey"]
    assert "allowCredentials" not in options or options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    body = {"flow": elsewhere.flow, "credential": authenticator.get(options)}
    answer = elsewhere.post_json("/login/passkey/verify", body)
    claims = shop.finish(elsewhere, elsewhere.open(answer.json()["next"]))
    assert claims["acr"] == "urn:authsvc:acr:phr"
    assert "mfa" in claims["amr"]


def test_a_known_device_is_let_through_silently(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    service.clock.advance(days=2)
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    shop = service.shop()
    shop.begin(browser)
    claims = shop.finish(browser, browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing=typing()))
    assert claims["acr"] == "urn:authsvc:acr:pwd"
    with service.services.database.read() as connection:
        decisions = list(connection.execute(select(risk_decisions)))
    assert [decision.decision for decision in decisions] == ["allow"]
    assert decisions[0].outcome == "completed"
    assert "device.known" in {each["code"] for each in decisions[0].contributions}


def test_a_live_session_signs_on_silently_and_never_moves_auth_time(service: Running) -> None:
    browser = service.browser()
    first = service.sign_up(browser, EMAIL).claims()
    service.clock.advance(minutes=30)
    shop = service.shop()
    claims = shop.finish(browser, shop.begin(browser))
    assert claims["auth_time"] == first["auth_time"]
    assert claims["acr"] == "urn:authsvc:acr:pwd"  # the emailed code has aged


def test_a_new_device_with_unlike_typing_is_asked_for_more(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL, typing_consent=True)
    for day in range(6):
        service.clock.advance(days=1)
        browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
        answer = service.sign_in(browser, EMAIL, typing=typing(day))
        assert answer.headers.get("location", "").startswith("https://shop.example/callback"), answer.text[:500]
    service.clock.advance(days=1)
    stranger, shop = service.browser(peer="198.51.100.9"), service.shop()
    shop.begin(stranger)
    page = stranger.submit("/login/password", email=EMAIL, password=PASSWORD, typing=typing(typist=2))
    assert page.status_code == 200
    assert "One more proof" in page.text
    stranger.submit("/login/step-up/email")
    claims = shop.finish(stranger, stranger.submit("/login/code", code=service.code_for(EMAIL)))
    assert claims["acr"] == "urn:authsvc:acr:pwd_email"
    with service.services.database.read() as connection:
        newest = connection.execute(select(risk_decisions).order_by(risk_decisions.c.at.desc())).first()
    assert newest is not None
    assert (newest.decision, newest.outcome) == ("step_up", "completed")
    codes = {each["code"] for each in newest.contributions}
    assert {"device.new", "typing.unlike_owner"} <= codes
    assert any("Was this you" in mail.subject for mail in service.mails(EMAIL))


def test_wrong_password_and_unknown_address_are_told_apart_by_nothing(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    hasher = service.services.passwords.hasher
    pages, costs = [], []
    for email in (EMAIL, "nobody@example.org"):
        browser, before = service.browser(), hasher.computed
        answer = service.sign_in(browser, email, password="not the right password")
        costs.append(hasher.computed - before)
        pages.append((answer.status_code, "do not match" in answer.text))
    assert pages == [(400, True), (400, True)]
    assert costs == [1, 1]
    failed = service.events("login:password:failed")
    assert [event.account_id is not None for event in failed] == [True, False]


def test_a_taken_address_gets_the_same_page_and_its_owner_a_mail(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    pages = []
    for email in (EMAIL, "eve@example.org"):
        browser = service.browser()
        service.shop().begin(browser)
        browser.open(f"/login/create?flow={browser.flow}")
        answer = browser.submit("/login/create", name="Eve", email=email)
        pages.append((answer.status_code, "We sent a code" in answer.text))
    assert pages == [(200, True), (200, True)]
    assert service.mails(EMAIL)[0].subject == "You already have an account"


def test_a_flow_belongs_to_its_browser(service: Running) -> None:
    browser, thief = service.browser(), service.browser()
    service.shop().begin(browser)
    flow = browser.flow
    page = thief.open(f"/login?flow={flow}")
    assert page.status_code == 403
    assert "another browser" in page.text
    assert service.events("login:flow:foreign")[0].facts["foreign"] == "browser"


def test_a_finished_flow_is_not_resumed_from_another_session(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    shop = service.shop()
    answer = browser.http.get("/oauth2/authorize", params=shop.parameters())
    resume = answer.headers["location"]
    assert "/oauth2/authorize/resume" in resume
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    refused = browser.http.get(resume)
    assert refused.status_code == 403
    assert service.events("login:flow:foreign")[0].facts["foreign"] == "session"


def test_every_sign_in_renews_session_and_device_secrets(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    first = (browser.cookie("__Host-session"), browser.cookie("__Host-device"))
    shop = service.shop()
    shop.begin(browser, prompt="login")
    shop.finish(browser, browser.submit("/login/password", email=EMAIL, password=PASSWORD))
    second = (browser.cookie("__Host-session"), browser.cookie("__Host-device"))
    assert None not in first + second
    assert first[0] != second[0]
    assert first[1] != second[1]
    with service.services.database.read() as connection:
        assert len(list(connection.execute(select(sessions)))) == 1  # raised, not doubled
        assert len(list(connection.execute(select(account_devices)))) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        '{"field":"password","input":"keyboard","events":[[NaN,1]],"pasted":false}',
        '{"field":"password","input":"keyboard","events":[[5,1]],"pasted":false}',
        "not json",
        "[" * 500,
    ],
)
def test_garbage_timings_are_refused_and_change_nothing(local: Running, garbage: str) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    before = local.services.passwords.hasher.computed
    stranger = local.browser()
    answer = local.sign_in(stranger, EMAIL, typing=garbage)
    assert answer.status_code == 400
    assert local.services.passwords.hasher.computed == before
    assert local.events("web:request:refused")[-1].facts["code"] == "typing.malformed"


def test_both_fields_are_kept_each_in_a_profile_of_its_own(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL, typing_consent=True)
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    address = typing(typist=3).replace('"password"', '"email"')
    local.sign_in(browser, EMAIL, typing=f"[{address}, {typing()}]")
    with local.services.database.read() as connection:
        kept = connection.execute(select(typing_profiles.c.field, typing_profiles.c.password_version)).all()
    assert sorted(tuple(row) for row in kept) == [("email", 0), ("password", 1)]


def test_failures_delay_and_do_not_lock_a_known_device(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    guesser = local.browser(peer="198.51.100.20")
    for _ in range(6):
        local.sign_in(guesser, EMAIL, password="wrong wrong wrong wrong")
    told = local.sign_in(guesser, EMAIL, password=PASSWORD)
    assert told.status_code == 429
    assert int(told.headers["retry-after"]) >= 1
    owner.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    assert local.sign_in(owner, EMAIL).headers["location"].startswith("https://shop.example/")


def test_after_a_hundred_failures_the_owner_opens_the_account_by_mail(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    for number in range(100):
        local.clock.advance(hours=2)
        guesser = local.browser(peer=f"198.51.100.{number + 1}")
        assert local.sign_in(guesser, EMAIL, password="wrong wrong wrong wrong").status_code == 400
    local.clock.advance(hours=2)
    owner, shop = local.browser(), local.shop()
    shop.begin(owner)
    refused = owner.submit("/login/password", email=EMAIL, password=PASSWORD)
    assert refused.status_code == 429
    assert "send a code" in refused.text
    owner.submit("/login/unlock", email=EMAIL)
    owner.submit("/login/code", code=local.code_for(EMAIL))
    answer = owner.submit("/login/password", email=EMAIL, password=PASSWORD)
    assert answer.status_code in (200, 302)
    assert "Too many" not in answer.text


def test_not_me_ends_sessions_and_closes_the_password(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    service.clock.advance(days=1)
    thief, shop = service.browser(peer="198.51.100.9"), service.shop()
    shop.begin(thief)
    answer = thief.submit("/login/password", email=EMAIL, password=PASSWORD)
    if answer.status_code == 200:  # asked for more
        thief.submit("/login/step-up/email")
        answer = thief.submit("/login/code", code=service.code_for(EMAIL))
    shop.finish(thief, answer)
    link = next(
        word for mail in service.mails(EMAIL) for word in mail.text.split() if "/not-me?token=" in word
    ).removeprefix("http://localhost:8000")
    reader = service.browser()
    assert "This wasn" in reader.open(link).text
    assert shop.refresh(shop.tokens["refresh_token"]).status_code == 200  # looking changes nothing
    reader.submit("/not-me")
    assert reader.answer.status_code == 200
    assert shop.refresh(shop.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert reader.open(link).status_code == 410
    again = service.sign_in(service.browser(), EMAIL)
    assert "Your password has to be changed" in again.text


def test_denied_and_cancelled_flows_tell_the_shop(service: Running) -> None:
    browser, shop = service.browser(), service.shop()
    shop.begin(browser)
    answer = browser.submit("/login/cancel")
    assert answer.headers["location"].startswith("https://shop.example/callback?")
    assert "error=access_denied" in answer.headers["location"]
