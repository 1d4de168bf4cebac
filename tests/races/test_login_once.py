"""Sixteen at once on PostgreSQL: what happens once in a sign-in happens once, and each guess is counted."""

from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.tables import accounts, addresses, invitations, sessions
from authsvc.factors.email_code.tables import email_codes
from authsvc.factors.password.lockout import OTHER_BROWSERS
from authsvc.factors.password.tables import password_failures
from authsvc.login.tables import cases, flows
from tests.support.browser_client import BrowserClient
from tests.support.races import THREADS, at_once, posted, statuses
from tests.support.running import PASSWORD, Running

pytestmark = pytest.mark.postgresql

EMAIL = "ada@example.org"


@pytest.fixture
def limits() -> dict[str, str]:
    return {"mail_per_recipient": "100 per 1 hour", "sign_up_per_address": "100 per 1 hour"}


def asked_for_a_code(service: Running) -> BrowserClient:
    browser = service.browser()
    service.shop().begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Ada Lovelace", email=EMAIL)
    return browser


def test_one_right_code_proves_the_address_once(service: Running) -> None:
    browser = asked_for_a_code(service)
    answers = at_once(posted(browser, "/login/code", code=service.code_for(EMAIL)))
    assert set(statuses(answers)) <= {303, 400}
    assert len(service.events("login:address:proven")) == 1
    assert service.count(email_codes, email_codes.c.consumed_at.is_not(None)) == 1


def test_sixteen_wrong_codes_are_five_tries(service: Running) -> None:
    browser = asked_for_a_code(service)
    right = service.code_for(EMAIL)
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    assert statuses(at_once(posted(browser, "/login/code", code=wrong))) == [400] * THREADS
    with service.services.database.read() as connection:
        assert connection.execute(select(email_codes.c.tries)).scalar_one() == 5
    assert len(service.events("login:address:code_wrong")) == THREADS
    assert posted(browser, "/login/code", code=right)(0).status_code == 400
    assert service.events("login:address:proven") == []


def test_codes_sent_again_at_once_leave_one_that_can_be_tried(service: Running) -> None:
    browser = asked_for_a_code(service)
    statuses(at_once(posted(browser, "/login/code/resend")))
    assert service.count(email_codes, email_codes.c.consumed_at.is_(None)) == 1


def test_one_challenge_is_answered_once(service: Running) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    service.clock.advance(days=1)
    browser = service.browser()
    service.shop().begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    before = len(service.events("login:sign_in:completed"))
    answers = at_once(lambda _: browser.post_json("/login/passkey/verify", body))
    assert statuses(answers).count(200) == 1
    assert len(service.events("login:sign_in:completed")) == before + 1
    assert service.count(sessions) == 2  # of the sign-up, and this one


def test_one_registration_makes_one_account(service: Running) -> None:
    browser, authenticator = asked_for_a_code(service), service.authenticator()
    browser.submit("/login/code", code=service.code_for(EMAIL))
    options = browser.post_json("/login/passkey/create/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.create(options)}
    answers = at_once(lambda _: browser.post_json("/login/passkey/create/verify", body))
    assert statuses(answers).count(200) == 1
    assert service.count(accounts) == 1


def test_one_invitation_begins_one_enrolment(service: Running) -> None:
    link = service.services.staff.invite("analyst").removeprefix("http://localhost:8000")
    browsers = [service.browser() for _ in range(THREADS)]
    for browser in browsers:
        browser.open(link)
    answers = at_once(lambda number: posted(browsers[number], "/enrol")(number))
    assert statuses(answers) == [303] + [410] * (THREADS - 1)
    assert service.count(flows, flows.c.grant_role.is_not(None)) == 1
    assert service.count(invitations, invitations.c.consumed_at.is_not(None)) == 1


def test_one_warning_is_answered_once(service: Running) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    service.clock.advance(days=1)
    thief = service.browser(peer="198.51.100.9")
    service.shop().begin(thief)
    options = thief.post_json("/login/passkey/options", {"flow": thief.flow}).json()["publicKey"]
    thief.post_json("/login/passkey/verify", {"flow": thief.flow, "credential": authenticator.get(options)})
    link = next(word for word in service.mails(EMAIL)[0].text.split() if "/not-me?token=" in word)
    owner = service.browser()
    owner.open(link.removeprefix("http://localhost:8000"))
    assert statuses(at_once(posted(owner, "/not-me"))) == [200] + [410] * (THREADS - 1)
    assert service.count(cases) == 1
    assert len(service.events("login:alert:disowned")) == 1


def test_one_sign_in_is_completed_once(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    service.clock.advance(days=1)
    service.shop().begin(browser, prompt="login")
    before = len(service.events("login:sign_in:completed"))
    statuses(at_once(posted(browser, "/login/password", email=EMAIL, password=PASSWORD)))
    assert len(service.events("login:sign_in:completed")) == before + 1
    assert service.count(sessions) == 1


def test_one_sign_up_is_completed_once(service: Running) -> None:
    browser = asked_for_a_code(service)
    browser.submit("/login/code", code=service.code_for(EMAIL))
    statuses(at_once(posted(browser, "/login/credential/password", password=PASSWORD)))
    assert service.count(accounts) == 1
    assert len(service.events("login:sign_in:completed")) == 1


def test_one_address_becomes_one_account(service: Running) -> None:
    browsers = []
    for _ in range(THREADS):
        browser = asked_for_a_code(service)
        browser.submit("/login/code", code=service.code_for(EMAIL))
        browsers.append(browser)
    answers = at_once(lambda number: posted(browsers[number], "/login/credential/password", password=PASSWORD)(number))
    assert statuses(answers) == [303] + [409] * (THREADS - 1)
    assert (service.count(accounts), service.count(addresses)) == (1, 1)


def test_sixteen_guesses_are_sixteen_failures(service: Running) -> None:
    passwords, database, now = service.services.passwords, service.services.database, service.clock.now()

    def guess(_: int) -> Any:
        with database.write() as connection:
            return passwords.claim(connection, EMAIL, known_device=None, now=now)

    claims = at_once(guess)
    taken = sorted(claim.failures for claim in claims if claim.taken)
    assert taken == list(range(1, len(taken) + 1))  # none was counted as another
    assert len(taken) < THREADS  # the rest had to wait
    with database.read() as connection:
        assert connection.execute(select(password_failures.c.failures)).scalar_one() == len(taken)


def test_a_guess_beside_a_success_is_still_counted(service: Running) -> None:
    passwords, database, now = service.services.passwords, service.services.database, service.clock.now()

    def work(number: int) -> None:
        for _ in range(20):
            with database.write() as connection:
                if number % 2:
                    assert passwords.claim(connection, EMAIL, known_device=None, now=now).failures
                else:
                    passwords.clear(connection, EMAIL, known_device=None)

    at_once(work)
    assert service.count(password_failures, password_failures.c.bucket == OTHER_BROWSERS) <= 1
