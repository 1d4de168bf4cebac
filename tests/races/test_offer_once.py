"""Sixteen at once on PostgreSQL: the offer of a passkey is answered once, and only one passkey comes of it."""

import pytest

from authsvc.factors.passkey.tables import passkeys
from tests.journeys.test_passkey_offer import at_the_offer, offered
from tests.journeys.test_sign_in import EMAIL
from tests.support.browser_client import BrowserClient
from tests.support.races import THREADS, at_once, posted, statuses
from tests.support.running import Running

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
