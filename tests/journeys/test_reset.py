"""A forgotten password: from the sign-in page to the shop, and what the mailbox alone never does."""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import accounts
from authsvc.factors.password.tables import passwords
from authsvc.risk.tables import risk_decisions, typing_profiles
from tests.journeys.test_sign_in import typing
from tests.support.resets import (
    ELSEWHERE,
    EMAIL,
    LINK,
    NEW,
    add_passkey,
    ask,
    ended,
    link_for,
    one,
    reset,
    with_passkey,
    without_session,
)
from tests.support.running import PASSWORD, REDIRECT_URI, Running

# -- the way it is meant


def test_a_forgotten_password_is_reset_and_the_shop_gets_its_customer(service: Running) -> None:
    browser = service.browser()
    before = service.sign_up(browser, EMAIL)
    service.clock.advance(days=2)
    shop, answer = reset(service, browser)
    claims = shop.finish(browser, answer)
    assert claims["sub"] == before.claims()["sub"]
    assert claims["acr"] == "urn:authsvc:acr:pwd"  # the mailbox adds nothing to the password that it set
    assert claims["amr"] == ["pwd"]
    assert ended(service) == ["password_reset", None]
    assert before.refresh(before.tokens["refresh_token"]).json()["error"] == "invalid_grant"
    stored = one(service, passwords)
    assert (stored.version, stored.changed_at) == (2, service.clock.now())
    assert one(service, accounts).password_reset_at == service.clock.now()
    assert one(service, accounts).guarded_at is None  # there is nothing stronger to ask for
    for tag in ("login:reset:code_sent", "login:reset:mailbox_proven", "login:reset:completed"):
        assert [event.account_id for event in service.events(tag)] == [claims["sub"]]
    warning = service.mails(EMAIL)[0]
    assert warning.subject == "Was this you?"
    assert "was reset" in warning.text
    assert "/not-me?token=" in warning.text


def test_only_the_new_password_signs_in_afterwards(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    reset(local, browser)
    local.clock.advance(minutes=5)
    without_session(browser)
    assert local.sign_in(browser, EMAIL, password=PASSWORD).status_code == 400
    assert local.sign_in(browser, EMAIL, password=NEW).headers["location"].startswith(REDIRECT_URI)


def test_the_link_does_what_the_code_does(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    shop = ask(service, browser)
    page = browser.open(link_for(service))
    assert page.status_code == 200
    assert "Choose a new password" in page.text
    browser.submit("/login/reset/code")
    shop.finish(browser, browser.submit("/login/reset/password", password=NEW))


def test_a_typing_profile_ends_with_its_password(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL, typing_consent=True)
    local.clock.advance(days=1)
    without_session(browser)
    local.sign_in(browser, EMAIL, typing=typing(1))
    assert one(local, typing_profiles).password_version == 1
    reset(local, browser)
    with local.services.database.read() as connection:
        assert connection.execute(select(typing_profiles)).all() == []


def test_passwords_from_unknown_devices_are_taken_again(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    claim = local.services.passwords.claim
    for _ in range(100):
        with local.services.database.write() as connection:
            claim(connection, EMAIL, known_device=None, now=local.clock.advance(hours=2))
    stranger = local.browser(peer=ELSEWHERE)
    assert "only from a device it knows" in local.sign_in(stranger, EMAIL).text
    reset(local, stranger)
    other = local.browser(peer="192.0.2.4")
    assert local.sign_in(other, EMAIL, password=NEW).status_code != 429


# -- what the mailbox never does


def test_a_passkey_is_asked_for_after_the_reset_and_in_every_other_flow(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    authenticator = add_passkey(service, owner)
    service.clock.advance(days=2)
    thief = service.browser(peer=ELSEWHERE)
    _, page = reset(service, thief)
    assert page.status_code == 200
    assert "Use your passkey" in page.text
    assert "code by mail" not in page.text
    assert one(service, accounts).guarded_at is not None
    # A new flow with the new password, days after: the mailbox still opens nothing.
    for _ in range(2):
        again = service.browser(peer=ELSEWHERE)
        page = service.sign_in(again, EMAIL, password=NEW)
        assert "Use your passkey" in page.text
        assert "/login/step-up/email" not in page.text
        service.clock.advance(days=3)
    assert service.events("login:sign_in:completed")[-1].at < one(service, accounts).password_reset_at
    # The owner's passkey lifts it.
    shop = service.shop()
    without_session(owner)
    shop.begin(owner)
    assert shop.finish(owner, with_passkey(owner, authenticator))["acr"] == "urn:authsvc:acr:phr"
    assert one(service, accounts).guarded_at is None


def test_the_flow_of_the_reset_ends_with_the_passkey(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    authenticator = add_passkey(local, owner)
    without_session(owner)
    shop, _ = reset(local, owner)
    claims = shop.finish(owner, with_passkey(owner, authenticator))
    assert claims["acr"] == "urn:authsvc:acr:phr"


def test_an_account_with_a_passkey_alone_gets_no_password(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    browser = service.browser(peer=ELSEWHERE)
    ask(service, browser)
    mail = service.mails(EMAIL)[0]
    assert "no password" in mail.subject
    assert "passkey" in mail.text
    assert re.search(r"\b\d{8}\b", mail.text) is None
    assert LINK.search(mail.text) is None
    assert browser.submit("/login/reset/code", code="12345678").status_code == 400
    with service.services.database.read() as connection:
        assert connection.execute(select(passwords)).all() == []


def test_a_locked_account_gets_no_password(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(status="frozen"))
    browser = local.browser(peer=ELSEWHERE)
    ask(local, browser)
    assert "closed" in local.mails(EMAIL)[0].subject


def test_an_account_locked_between_code_and_password_keeps_its_password(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = local.browser()
    ask(local, browser)
    browser.submit("/login/reset/code", code=local.code_for(EMAIL))
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(status="frozen"))
    answer = browser.submit("/login/reset/password", password=NEW)
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text
    assert one(local, passwords).version == 1
    assert len(local.events("login:reset:overtaken")) == 1


def test_the_mailbox_is_no_step_up_for_a_day_after_a_reset(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    local.clock.advance(days=2)
    reset(local, owner)
    without_session(owner)
    # The shop asks for more than a password: nothing can answer, so nothing is offered.
    shop = local.shop()
    shop.begin(owner, acr_values="urn:authsvc:acr:pwd_email")
    page = owner.submit("/login/password", email=EMAIL, password=NEW)
    assert "/login/step-up/email" not in page.text
    assert "confirm that it" in page.text
    local.clock.advance(hours=24, seconds=1)
    stranger = local.browser()
    shop.begin(stranger, acr_values="urn:authsvc:acr:pwd_email")
    assert "/login/step-up/email" in stranger.submit("/login/password", email=EMAIL, password=NEW).text


def test_what_is_sensitive_stays_closed_for_a_day(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    reset(local, browser)
    page = browser.open("/account/password/change")
    assert "reset by mail" in page.text
    with pytest.raises(AssertionError, match="no form"):
        browser.form("/account/password/change")


@pytest.mark.parametrize(("after_reset", "gets_in"), [("lowest_level", True), ("deny", False)])
def test_the_policy_says_what_becomes_of_a_suspicious_reset(
    local_with: Callable[..., Running], tmp_path: Any, after_reset: str, gets_in: bool
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(strict_policy(after_reset))
    service = local_with(risk={"policy_file": path})
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=40)
    stranger = service.browser(peer=ELSEWHERE, user_agent="Mozilla/5.0 (Windows NT 10.0) Chrome/140.0")
    shop, answer = reset(service, stranger)
    if gets_in:
        assert shop.finish(stranger, answer)["acr"] == "urn:authsvc:acr:pwd"
        assert one(service, passwords).version == 2
    else:
        assert "/login/reset/password" not in answer.text
        assert one(service, passwords).version == 1, "risk decides before anything changes"
        assert ended(service) == [None]
        assert service.events("login:reset:completed") == []
    decision = one(service, risk_decisions)
    assert decision.decision == ("allow" if gets_in else "deny")
    assert "policy.after_reset" in {each["code"] for each in decision.contributions}


def strict_policy(after_reset: str) -> str:
    text: str = (files("authsvc.risk") / "policies" / "default.toml").read_text(encoding="utf-8")
    return text.replace("challenge = 2", "challenge = 0.0095").replace(
        'after_reset = "lowest_level"', f'after_reset = "{after_reset}"'
    )
