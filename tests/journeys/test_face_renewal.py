"""After a change of the face network: who is asked to enrol again on the way to the shop; nobody is held up."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from authsvc.accounts.tables import accounts
from authsvc.factors.face.store import Template, find_template
from authsvc.factors.face.tables import face_templates, face_tickets
from authsvc.login.offer.tables import face_offers
from authsvc.settings import FaceModelSettings
from tests.journeys.test_face_step_up import MFA, asked_for_more, captured, give_face, with_face
from tests.journeys.test_passkey_offer import at_the_offer, offered
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.faces import Device
from tests.support.running import PASSWORD, Running, Shop, running
from tests.support.second_factors import account_of, enrol_app
from tests.support.written_faces import measured

EMAIL = "ada@example.org"
ANOTHER = "onnx/another"


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[Running], None]:
    """Frames say what they show (tests/support/written_faces.py), measured by the network of the settings."""

    def write(service: Running) -> None:
        face = service.services.face
        network = face.embedder or ""
        monkeypatch.setattr(face.lane, "run", lambda _, frames: replace(measured(frames), embedder=network))
        monkeypatch.setattr(face.lane, "warm", lambda: None)

    return write


@pytest.fixture
def owner(local: Running, written: Callable[[Running], None]) -> tuple[BrowserClient, Device]:
    """The browser and the phone of an account whose template is of another network."""
    written(local)
    browser, phone = with_face(local)
    local.clock.advance(days=2)
    outdate(local)
    return browser, phone


def outdate(service: Running) -> None:
    with service.services.database.write() as connection:
        connection.execute(update(face_templates).values(embedder=ANOTHER))


def template(service: Running) -> Template:
    with service.services.database.read() as connection:
        found = find_template(connection, account_of(service, EMAIL))
    assert found is not None
    return found


def sign_in(service: Running, browser: BrowserClient, **fields: str) -> Shop:
    shop = service.shop()
    shop.begin(browser, prompt="login")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, **fields)
    return shop


def asked(browser: BrowserClient) -> bool:
    return "<h1>Enrol your face again</h1>" in browser.answer.text


def onward(browser: BrowserClient) -> str:
    """Return where the page of a capture leads on to, by itself in the end."""
    link = r'<a href="([^"]+)" data-face-go-on data-next="\1" data-waits-s="180">Go on to Tea Shop</a>'
    found = re.search(link, browser.answer.text)
    assert found is not None, browser.answer.text[-2000:]
    return found[1]


def restarted(service: Running, browser: BrowserClient, tmp_path: Path, **face: Any) -> tuple[Running, BrowserClient]:
    """Return the service after its operator changed the face network, and the same browser at it."""
    file = tmp_path / "another.onnx"
    file.write_bytes(b"another network")
    changes = {"embedder": "onnx", "model": FaceModelSettings(path=file, threshold=1.0)} | face
    settings = service.services.settings
    other = running(settings.model_copy(update={"face": settings.face.model_copy(update=changes)}), service.clock)
    there = other.browser()
    for cookie in browser.http.cookies.jar:
        there.http.cookies.jar.set_cookie(cookie)
    return other, there


# -- the whole way


def test_a_face_is_enrolled_again_on_the_way_to_the_shop(
    service: Running, written: Callable[[Running], None], tmp_path: Path
) -> None:
    written(service)
    browser, phone = with_face(service)
    totp, before = enrol_app(service, EMAIL), template(service)
    service.clock.advance(days=2)
    other, browser = restarted(service, browser, tmp_path)
    written(other)

    shop, page = asked_for_more(other, browser)
    assert "/login/step-up/face" not in page.text  # what was kept counts for nothing
    browser.submit("/login/step-up/typed", kind="totp")
    browser.submit("/login/code", code=totp.code())
    assert asked(browser)
    browser.submit("/login/offer/face")
    assert template(other) == before
    assert captured(browser, browser.answer, phone, 50)["outcome"] == "enrolled"
    claims = shop.finish(browser, browser.open(onward(browser)))
    assert claims["acr"] == MFA

    after = template(other)
    assert after.embedder == other.services.face.embedder != before.embedder
    assert after.sealed != before.sealed
    (event,) = other.events("login:offer:accepted")
    assert (event.account_id, event.facts["offer"]) == (claims["sub"], "face")
    assert sum("new way to sign in" in mail.text for mail in other.mails(EMAIL)) >= 2

    other.clock.advance(days=31)
    shop, page = asked_for_more(other, browser)
    assert "/login/step-up/face" in page.text
    browser.submit("/login/step-up/face")
    assert captured(browser, browser.answer, phone, 60)["satisfies_step_up"] is True
    shop.finish(browser, browser.submit("/login/step-up/face/finish"))  # nothing is asked any more
    other.services.close()


def test_who_signs_in_with_a_passkey_is_asked_too(local: Running, written: Callable[[Running], None]) -> None:
    written(local)
    browser = local.browser()
    authenticator = local.sign_up_with_passkey(browser, EMAIL)
    phone = give_face(browser)
    local.clock.advance(days=2)
    outdate(local)
    shop = local.shop()
    shop.begin(browser, prompt="login")
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    browser.open(browser.post_json("/login/passkey/verify", body).json()["next"])
    assert asked(browser)
    browser.submit("/login/offer/face")
    assert captured(browser, browser.answer, phone, 50)["outcome"] == "enrolled"
    shop.finish(browser, browser.open(onward(browser)))


def test_not_now_goes_on_and_is_heard_for_thirty_days(local: Running, owner: Any) -> None:
    browser, _ = owner
    shop = sign_in(local, browser)
    shop.finish(browser, browser.submit("/login/offer/decline"))
    assert [event.facts["offer"] for event in local.events("login:offer:declined")] == ["face"]
    for days, again in ((29, False), (1, True)):
        local.clock.advance(days=days)
        sign_in(local, browser)
        assert asked(browser) is again


def test_one_question_a_sign_in(local: Running, owner: Any) -> None:
    browser, _ = owner
    at_the_offer(local, browser)
    assert offered(browser)
    browser.submit("/login/offer/decline")
    at_the_offer(local, browser)
    assert asked(browser)
    browser.submit("/login/offer/decline")
    shop = at_the_offer(local, browser)
    shop.finish(browser, browser.answer)


# -- who is not asked


def test_the_password_alone_is_not_asked_in_an_unknown_browser(local: Running, owner: Any) -> None:
    thief = local.browser()
    shop = sign_in(local, thief)
    shop.finish(thief, thief.answer)


def test_less_than_the_highest_level_is_not_asked(local: Running, owner: Any) -> None:
    browser, _ = owner
    enrol_app(local, EMAIL)
    shop = sign_in(local, browser)
    shop.finish(browser, browser.answer)


@pytest.mark.parametrize("changed", ["password_reset_at", "address_changed_at", "guarded_at"])
def test_a_doubtful_owner_is_not_asked(local: Running, owner: Any, changed: str) -> None:
    browser, _ = owner
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values({changed: local.clock.now()}))
    sign_in(local, browser)
    assert not asked(browser)


def test_who_took_the_consent_back_is_led_on_and_not_asked_again(local: Running, owner: Any) -> None:
    browser, _ = owner
    sign_in(local, browser)
    page = browser.answer
    csrf = browser.form("/login/offer/decline")["csrf"]
    taken_back = {"csrf": csrf, "purpose": "face", "action": "withdraw", "version": "1"}
    browser.http.post("/account/consents", data=taken_back, headers=SAME_ORIGIN)  # in another tab
    assert local.count(face_templates) == 0
    browser.answer = page
    assert leads_on(browser)
    shop = sign_in(local, browser)
    shop.finish(browser, browser.answer)


@pytest.mark.parametrize("setting", [{"enabled": False}, {"satisfies": "never"}])
def test_where_a_face_would_not_count_nobody_is_asked(
    local: Running, written: Callable[[Running], None], tmp_path: Path, setting: dict[str, Any]
) -> None:
    written(local)
    browser, _ = with_face(local)
    local.clock.advance(days=2)
    other, browser = restarted(local, browser, tmp_path, **setting)
    shop = sign_in(other, browser)
    shop.finish(browser, browser.answer)
    other.services.close()


def test_a_sign_in_that_took_long_is_not_held_up(local: Running, owner: Any) -> None:
    browser, _ = owner
    shop = local.shop()
    shop.begin(browser, prompt="login")
    local.clock.advance(minutes=26, seconds=1)  # no room for a capture
    shop.finish(browser, browser.submit("/login/password", email=EMAIL, password=PASSWORD))


# -- the way to the shop is open, and leads nowhere else


def test_an_enrolment_that_is_given_up_leads_on_and_is_an_answer(local: Running, owner: Any) -> None:
    browser, phone = owner
    shop = sign_in(local, browser)
    browser.submit("/login/offer/face")
    captured(browser, browser.answer, phone, 50, attack=3.0)
    browser.submit("/login/offer/face")  # "Start again", with another ticket
    shop.finish(browser, browser.open(onward(browser)))
    assert template(local).embedder == ANOTHER
    assert len(local.events("login:offer:accepted")) == 1
    shop = sign_in(local, browser)
    shop.finish(browser, browser.answer)


def test_of_two_answers_the_first_is_kept(local: Running, owner: Any) -> None:
    browser, _ = owner
    shop = sign_in(local, browser)
    page, flow = browser.answer, browser.flow
    browser.submit("/login/offer/face")
    browser.answer = page
    declined = browser.submit("/login/offer/decline", follow=False)
    assert declined.headers["location"] == f"/oauth2/authorize/resume?flow={flow}"
    assert local.events("login:offer:declined") == []
    shop.finish(browser, browser.open(declined.headers["location"]))
    browser.answer = page
    assert browser.submit("/login/offer/face").status_code == 410  # the flow was taken


def test_not_now_is_final(local: Running, owner: Any) -> None:
    browser, _ = owner
    sign_in(local, browser)
    page = browser.answer
    browser.submit("/login/offer/decline", follow=False)
    browser.answer = page
    assert leads_on(browser)
    assert local.count(face_tickets) == 1  # of the first enrolment, days ago


def test_who_has_enrolled_gets_no_further_ticket(local: Running, owner: Any) -> None:
    browser, phone = owner
    shop = sign_in(local, browser)
    page = browser.answer
    browser.submit("/login/offer/face")
    captured(browser, browser.answer, phone, 50)
    browser.answer = page
    assert leads_on(browser)
    shop.finish(browser, browser.open(f"/login/offer?flow={browser.flow}"))


def test_another_browser_is_refused(local: Running, owner: Any) -> None:
    browser, _ = owner
    sign_in(local, browser)
    thief = local.browser()
    local.shop().begin(thief)
    sent = thief.form("/login/password") | {"flow": browser.flow}
    assert thief.http.post("/login/offer/face", data=sent, headers=SAME_ORIGIN).status_code == 403
    assert thief.open(f"/login/offer?flow={browser.flow}").status_code == 403
    assert len(local.events("login:flow:foreign")) == 2


def test_another_session_in_the_same_browser_is_led_on(local: Running, owner: Any) -> None:
    browser, _ = owner
    local.sign_up(local.browser(), "grace@example.org")
    sign_in(local, browser)
    page = browser.answer
    local.shop().begin(browser, prompt="login")  # somebody else signs in at the same machine
    browser.submit("/login/password", email="grace@example.org", password=PASSWORD)
    browser.answer = page
    assert leads_on(browser)
    assert local.count(face_tickets) == 1
    assert browser.open(f"/login/offer?flow={browser.flow}").status_code == 403  # and is refused there


def test_an_ended_session_enrols_nothing(local: Running, owner: Any) -> None:
    browser, phone = owner
    sign_in(local, browser)
    page = browser.answer
    browser.submit("/login/offer/face")
    ticket_page = browser.answer
    browser.open("/account")
    browser.submit("/account/sign-out")
    assert captured(browser, ticket_page, phone, 50)["code"] == "face.ticket_unknown"
    browser.answer = page
    assert leads_on(browser)
    assert template(local).embedder == ANOTHER


def test_proofs_older_than_ten_minutes_enrol_nothing(local: Running, owner: Any) -> None:
    browser, _ = owner
    shop = sign_in(local, browser)
    assert 'data-waits-s="540"' in browser.answer.text  # it would have gone on by itself
    local.clock.advance(minutes=11)
    assert leads_on(browser)
    assert local.count(face_offers) == 0
    shop.finish(browser, browser.open(f"/login/offer?flow={browser.flow}"))


def test_each_offer_is_taken_as_what_it_is(local: Running, owner: Any) -> None:
    browser, _ = owner
    sign_in(local, browser)
    refused = browser.post_json("/login/offer/options", {"flow": browser.flow})
    assert (refused.status_code, refused.json()["code"]) == (409, "flow.out_of_step")
    browser.submit("/login/offer/decline")
    at_the_offer(local, browser)
    assert offered(browser)
    page = browser.answer
    assert leads_on(browser)
    browser.answer = page
    verifying = browser.http.post("/login/step-up/face", data=browser.form("/login/offer/decline"), headers=SAME_ORIGIN)
    assert verifying.status_code == 403
    assert local.count(face_tickets) == 1


def test_too_many_tickets_lead_on(local_with: Callable[..., Running], written: Callable[[Running], None]) -> None:
    service = local_with(limits={"code_per_address": "12 per 10 minutes"})
    written(service)
    browser, _ = with_face(service)
    service.clock.advance(days=2)
    outdate(service)
    shop = sign_in(service, browser)
    asked_for = 0
    while not leads_on(browser):
        asked_for += 1
        assert asked_for <= 12
    assert service.count(face_tickets, face_tickets.c.flow_id == browser.flow) == asked_for > 1
    shop.finish(browser, browser.open(f"/oauth2/authorize/resume?flow={browser.flow}"))


def leads_on(browser: BrowserClient) -> bool:
    """Press "Enrol again" on the page of the offer; return whether that only leads on to the shop."""
    answer = browser.http.post("/login/offer/face", data=browser.form("/login/offer/decline"), headers=SAME_ORIGIN)
    return answer.headers.get("location") == f"/oauth2/authorize/resume?flow={browser.flow}"
