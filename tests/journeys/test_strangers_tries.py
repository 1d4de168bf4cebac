"""A stranger may type anybody's address, and spend what it may be sent and tried: never what its owner needs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.test_recovery import mailbox_proven, make_codes
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.resets import ask, link_for
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"
GARBAGE = "0000 0000"


@pytest.fixture
def service(local_with: Callable[..., Running]) -> Running:
    """authsvc with an owner's account, and fewer tries a day."""
    return local_with(limits={"code_per_account": "4 per 1 day"})


def used_up(service: Running) -> None:
    """Let a stranger type wrong codes for the address until none is taken any more."""
    stranger = service.browser(peer="198.51.100.66")
    ask(service, stranger, EMAIL)
    form = stranger.form("/login/reset/code")
    for _ in range(20):
        stranger.answer = stranger.http.post("/login/reset/code", data={**form, "code": GARBAGE}, headers=SAME_ORIGIN)
    assert stranger.answer.status_code == 429


def test_a_device_that_the_account_knows_has_tries_of_its_own(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    used_up(service)
    ask(service, owner, EMAIL)
    answer = owner.submit("/login/reset/code", code=service.code_for(EMAIL))
    assert answer.status_code == 200
    assert "/login/reset/password" in answer.text


def test_and_in_a_recovery_too(service: Running) -> None:
    owner = service.browser()
    service.sign_up_with_passkey(owner, EMAIL)
    used_up(service)
    assert "Wait 72 hours" in mailbox_proven(service, owner).answer.text


def test_a_known_device_gets_the_mail_of_a_recovery_whatever_strangers_asked_for(service: Running) -> None:
    owner = service.browser()
    service.sign_up_with_passkey(owner, EMAIL)
    for number in range(6):
        stranger = service.browser(peer=f"198.51.100.{number}")
        stranger.open("/login/recovery")
        stranger.submit("/login/recovery/address", email=EMAIL)
    assert stranger.answer.status_code == 429
    assert "Wait 72 hours" in mailbox_proven(service, owner).answer.text


def test_the_link_is_no_guess_and_works_from_a_new_device(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    used_up(service)
    owner = service.browser(peer="192.0.2.4")
    ask(service, owner, EMAIL)
    link = link_for(service, EMAIL)
    assert owner.submit("/login/reset/code", code=service.code_for(EMAIL)).status_code == 429
    owner.open(link)
    assert "/login/reset/password" in owner.submit("/login/reset/code").text


@pytest.mark.parametrize("spelling", ["{}-", "-" * 60 + "{}", " {} "])
def test_no_spelling_of_a_code_is_free(service: Running, spelling: str) -> None:
    service.sign_up(service.browser(), EMAIL)
    used_up(service)
    browser = service.browser(peer="192.0.2.4")
    ask(service, browser, EMAIL)
    assert browser.submit("/login/reset/code", code=spelling.format(service.code_for(EMAIL))).status_code == 429


def test_who_knows_the_password_uses_up_no_try_of_a_recovery_code(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=2)
    code, *_ = make_codes(service)
    thief = service.browser(peer="198.51.100.66")
    service.shop().begin(thief, acr_values="urn:authsvc:acr:pwd_email")
    thief.submit("/login/password", email=EMAIL, password=PASSWORD)
    thief.submit("/login/step-up/email")
    answers: list[Any] = [wrong(thief) for _ in range(6)]
    assert answers[-1].status_code == 429
    owner = mailbox_proven(service, service.browser(peer="192.0.2.4"))
    owner.submit("/login/recovery/recovery-code", recovery_code=code)
    assert owner.answer.status_code == 200


def wrong(browser: BrowserClient) -> Any:
    form = {**browser.form("/login/code"), "code": GARBAGE}
    return browser.http.post("/login/code", data=form, headers=SAME_ORIGIN)
