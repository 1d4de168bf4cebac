"""Sixteen at once on PostgreSQL: an offer is answered once, and only one passkey comes of it."""

import pytest

from authsvc.factors.face.tables import face_tickets
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.offer.tables import face_offers
from tests.journeys.test_face_renewal import asked, outdate, sign_in
from tests.journeys.test_face_step_up import with_face
from tests.journeys.test_passkey_offer import at_the_offer, offered
from tests.journeys.test_sign_in import EMAIL
from tests.support.browser_client import BrowserClient
from tests.support.races import THREADS, at_once, posted, statuses
from tests.support.running import Running
from tests.support.written_faces import measured

pytestmark = pytest.mark.postgresql


def owner_at_the_offer(running: Running) -> BrowserClient:
    browser = running.browser()
    running.sign_up(browser, EMAIL)
    running.clock.advance(days=2)
    at_the_offer(running, browser)
    assert offered(browser)
    return browser


def test_sixteen_passkeys_for_one_offer_are_one(service: Running) -> None:
    browser = owner_at_the_offer(service)
    bodies = []
    for _ in range(THREADS):
        options = browser.post_json("/login/offer/options", {"flow": browser.flow}).json()["publicKey"]
        bodies.append({"flow": browser.flow, "credential": service.authenticator().create(options)})
    answers = at_once(lambda number: browser.post_json("/login/offer/verify", bodies[number]))
    assert statuses(answers).count(200) == 1
    # Who comes second would need that passkey's own proof; who comes so late that the flow says it, finds it answered.
    refusals = {answer.json()["code"] for answer in answers if answer.status_code != 200}
    assert refusals <= {"account.proof_needed", "flow.out_of_step"}
    assert service.count(passkeys) == 1
    assert len(service.events("login:offer:accepted")) == len(service.events("passkey:factor:added")) == 1
    assert sum("new way to sign in" in mail.text for mail in service.mails(EMAIL)) == 1


def test_one_response_sent_sixteen_times_is_taken_once(service: Running) -> None:
    browser = owner_at_the_offer(service)
    options = browser.post_json("/login/offer/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": service.authenticator().create(options)}
    answers = at_once(lambda _: browser.post_json("/login/offer/verify", body))
    assert statuses(answers).count(200) == 1
    assert service.count(passkeys) == 1


def test_sixteen_presses_of_not_now_are_one_answer(service: Running) -> None:
    browser = owner_at_the_offer(service)
    answers = at_once(posted(browser, "/login/offer/decline"))
    assert statuses(answers) == [303] * THREADS
    assert len(service.events("login:offer:declined")) == 1


# -- a face, enrolled again


@pytest.fixture
def limits() -> dict[str, str]:
    return {"code_per_address": "100 per 10 minutes"}


def owner_asked_for_a_face(running: Running, monkeypatch: pytest.MonkeyPatch) -> BrowserClient:
    lane = running.services.face_lane
    monkeypatch.setattr(lane, "run", lambda _, frames: measured(frames))
    monkeypatch.setattr(lane, "warm", lambda: None)
    browser, _ = with_face(running)
    running.clock.advance(days=2)
    outdate(running)
    sign_in(running, browser)
    assert asked(browser)
    return browser


def test_sixteen_presses_of_enrol_again_are_one_answer(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = owner_asked_for_a_face(service, monkeypatch)
    answers = at_once(posted(browser, "/login/offer/face"))
    assert statuses(answers) == [200] * THREADS  # a double click shows a ticket, whichever answer arrives
    assert len(service.events("login:offer:accepted")) == service.count(face_offers) == 1


def test_yes_and_not_now_at_once_are_one_answer(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = owner_asked_for_a_face(service, monkeypatch)
    yes, no = posted(browser, "/login/offer/face"), posted(browser, "/login/offer/decline")
    answers = at_once(lambda number: (yes if number % 2 else no)(number))
    accepted, declined = service.events("login:offer:accepted"), service.events("login:offer:declined")
    assert len(accepted) + len(declined) == 1
    shown = statuses(answers).count(200)
    assert shown == (THREADS // 2 if accepted else 0)  # no ticket after "not now"
    assert service.count(face_tickets, face_tickets.c.flow_id == browser.flow) == shown
