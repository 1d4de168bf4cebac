"""A forgotten password: what somebody else might try with it, and what is out of order or out of time."""

import re
from collections.abc import Callable

import pytest

from authsvc.factors.password.tables import passwords
from authsvc.login.tables import flows
from tests.support.browser_client import ISSUER
from tests.support.resets import (
    ELSEWHERE,
    EMAIL,
    NEW,
    add_passkey,
    ask,
    csrf_of,
    ended,
    link_for,
    one,
    reset,
    without_session,
)
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import enrol_app


def test_unknown_and_known_addresses_are_told_apart_by_nothing(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.sign_up_with_passkey(service.browser(), "passkey@example.org")
    pages, events, hashes = [], [], []
    for email in (EMAIL, "nobody@example.org", "passkey@example.org"):
        browser, before = service.browser(peer=ELSEWHERE), service.services.passwords.hasher.computed
        sent = len(service.events("login:reset:code_sent"))
        ask(service, browser, email)
        text = browser.answer.text.replace(browser.flow, "").replace(browser.form("/login/reset/code")["csrf"], "")
        pages.append((browser.answer.status_code, re.sub(r"\w•••@[\w.]+|req_[\w-]+", "", text)))
        wrong = browser.submit("/login/reset/code", code="00000000")
        pages[-1] += (wrong.status_code, "not the code we sent" in wrong.text)
        events.append(len(service.events("login:reset:code_sent")) - sent)
        hashes.append(service.services.passwords.hasher.computed - before)
        assert len(service.mails(email)[0].text) > 100
    assert pages[0] == pages[1] == pages[2]
    assert events == [1, 1, 1]
    assert hashes == [0, 0, 0]


def test_a_link_in_another_browser_shows_the_code_and_spends_nothing(local: Running) -> None:
    first = local.browser()
    local.sign_up(first, EMAIL)
    shop = ask(local, first)
    link, code = link_for(local), local.code_for(EMAIL)
    second = local.browser(peer=ELSEWHERE)
    for _ in range(3):
        page = second.open(link)
        assert page.status_code == 200
        assert code in page.text
        assert "tell the code to nobody" in page.text
        assert "<form" not in page.text
        assert first.flow not in page.text
    assert len(local.events("login:link:shown_elsewhere")) == 3
    first.submit("/login/reset/code", code=code)
    shop.finish(first, first.submit("/login/reset/password", password=NEW))


def test_a_victims_press_spends_nothing_for_the_thief_who_began(local: Running) -> None:
    """The thief begins; the owner opens the link that arrives: only the code is shown, to the owner."""
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    thief = local.browser(peer=ELSEWHERE)
    ask(local, thief)
    link = link_for(local)
    owner.open(link)
    assert "close this page" in owner.answer.text
    # Even a post that the owner's browser was made to send goes nowhere: the flow is another browser's.
    token = link.partition("token=")[2]
    owner.open("/account")
    data = {"csrf": csrf_of(owner), "flow": thief.flow, "code": token}
    refused = owner.http.post(
        "/login/reset/code", data=data, headers={"Sec-Fetch-Site": "same-origin", "Origin": ISSUER}
    )
    assert refused.status_code == 403
    assert "another browser" in refused.text
    assert thief.open(f"/login/reset?flow={thief.flow}").status_code == 200
    assert "Check your mail" in thief.answer.text
    assert local.events("login:reset:mailbox_proven") == []


def test_code_and_link_of_one_flow_open_no_other(local: Running) -> None:
    first, second = local.browser(), local.browser(peer=ELSEWHERE)
    local.sign_up(first, EMAIL)
    ask(local, first)
    code, token = local.code_for(EMAIL), link_for(local).partition("token=")[2]
    ask(local, second)
    for typed in (code, token):
        assert second.submit("/login/reset/code", code=typed).status_code == 400
    first.submit("/login/reset/code", code=code)
    assert "Choose a new password" in first.answer.text


def test_a_code_of_another_purpose_resets_nothing(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = local.browser()
    local.shop().begin(browser)
    flow = browser.flow
    browser.open(f"/login/reset?flow={flow}")
    browser.submit("/login/reset", email=EMAIL)
    reset_code = local.code_for(EMAIL)
    browser.submit("/login/back")
    with local.services.database.write() as connection:  # as after a hundred wrong passwords
        for _ in range(100):
            local.services.passwords.claim(connection, EMAIL, known_device=None, now=local.clock.advance(hours=2))
    local.clock.advance(days=-8, hours=-8)
    browser.submit("/login/password", email=EMAIL, password="wrong")
    assert "/login/unlock" in browser.answer.text
    browser.submit("/login/unlock")
    assert browser.submit("/login/code", code=reset_code).status_code == 400
    unlock_code = local.code_for(EMAIL)
    browser.submit("/login/back")
    browser.open(f"/login/reset?flow={flow}")
    browser.submit("/login/reset", email=EMAIL)
    assert browser.submit("/login/reset/code", code=unlock_code).status_code == 400


def test_a_link_works_once(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    ask(local, browser)
    link = link_for(local)
    browser.open(link)
    browser.submit("/login/reset/code")
    for each in (browser, local.browser()):
        page = each.open(link)
        assert page.status_code == 410
        assert "does not work any more" in page.text


@pytest.mark.parametrize("path", ["/login/link", "/login/link?token=", "/login/link?token=x", "/login/link?token=%00"])
def test_a_link_that_was_never_made(local: Running, path: str) -> None:
    assert local.browser().open(path).status_code == 410


def test_a_newer_mail_and_ten_minutes_end_a_link(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    ask(local, browser)
    first = link_for(local)
    browser.submit("/login/reset/resend")
    second = link_for(local)
    assert first != second
    assert browser.open(first).status_code == 410
    assert browser.open(second).status_code == 200
    local.clock.advance(minutes=10)
    assert browser.open(second).status_code == 410


def test_five_wrong_codes_end_code_and_link(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    ask(local, browser)
    right, link = local.code_for(EMAIL), link_for(local)
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    for _ in range(5):
        assert browser.submit("/login/reset/code", code=wrong).status_code == 400
    assert browser.submit("/login/reset/code", code=right).status_code == 400
    assert local.browser().open(link).status_code == 410


def test_twenty_codes_a_day_can_be_tried_on_an_account(local_with: Callable[..., Running]) -> None:
    service = local_with(limits={"mail_per_recipient": "100 per 1 hour", "reset_per_address": "100 per 1 hour"})
    service.sign_up(service.browser(), EMAIL)
    tried = 0
    for number in range(5):
        browser = service.browser(peer=f"198.51.100.{number}")
        ask(service, browser)
        wrong = f"{(int(service.code_for(EMAIL)) + 1) % 10**8:08d}"
        for _ in range(5):
            tried += browser.submit("/login/reset/code", code=wrong).status_code == 400
    assert tried == 20 - 1  # the sign-up took one


def test_strangers_get_five_mails_an_hour_and_the_owner_still_gets_one(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)  # its code was the first
    service.clock.advance(days=1)
    answers = []
    for number in range(8):
        stranger = service.browser(peer=f"198.51.100.{number}")
        ask(service, stranger)
        answers.append(stranger.answer.status_code)
    assert answers.count(429) >= 3
    assert len([mail for mail in service.mails(EMAIL) if "new password" in mail.subject]) == answers.count(200) <= 5
    shop, answer = reset(service, owner)  # from the device that the account knows
    shop.finish(owner, answer)


def test_a_flood_from_one_address_is_stopped(local: Running) -> None:
    flooder = local.browser()
    statuses = []
    for number in range(25):
        ask(local, flooder, f"victim{number}@example.org")
        statuses.append(flooder.answer.status_code)
    assert statuses == [200] * 20 + [429] * 5


def test_of_two_resets_the_second_ends(service: Running) -> None:
    owner, thief = service.browser(), service.browser(peer=ELSEWHERE)
    service.sign_up(owner, EMAIL)
    ask(service, thief)
    thief.submit("/login/reset/code", code=service.code_for(EMAIL))  # somebody was talked out of the code
    shop = ask(service, owner)
    owner.submit("/login/reset/code", code=service.code_for(EMAIL))
    shop.finish(owner, owner.submit("/login/reset/password", password=NEW))
    late = thief.submit("/login/reset/password", password="the password of a thief 9")
    assert late.status_code == 410
    assert one(service, passwords).version == 2
    without_session(owner)
    assert service.sign_in(owner, EMAIL, password=NEW).status_code in (302, 303)


def test_a_step_up_that_waits_with_the_old_password_ends(service: Running) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    service.clock.advance(days=2)
    thief, shop = service.browser(peer=ELSEWHERE), service.shop()
    shop.begin(thief, acr_values="urn:authsvc:acr:pwd_email")
    assert "/login/step-up/email" in thief.submit("/login/password", email=EMAIL, password=PASSWORD).text
    flow = thief.flow
    reset(service, owner)
    assert thief.open(f"/login?flow={flow}").status_code == 410
    assert one(service, flows, flows.c.id == flow).expires_at <= service.clock.now()


def test_the_page_of_the_new_password_does_not_wait_for_ever(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    ask(local, browser)
    browser.submit("/login/reset/code", code=local.code_for(EMAIL))
    local.clock.advance(minutes=15, seconds=1)
    assert browser.submit("/login/reset/password", password=NEW).status_code == 410


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 15"),
        ("x" * 129, "at most 128"),
        ("y" * 2000, "at most 128"),
        ("passwordpassword", "easy to guess"),
        ("ada ada@example.org", "built from your own"),
        ("Tea Shop Tea Shop", "built from your own"),
        ("authsvc authsvc ada", "built from your own"),
        ("two\tlines of words", "typed again"),
    ],
)
def test_a_bad_new_password_is_refused_and_may_be_chosen_again(local: Running, password: str, says: str) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    shop = ask(local, browser)
    browser.submit("/login/reset/code", code=local.code_for(EMAIL))
    answer = browser.submit("/login/reset/password", password=password)
    assert answer.status_code == 400
    assert says in answer.text
    assert one(local, passwords).version == 1
    shop.finish(browser, browser.submit("/login/reset/password", password=NEW))


def test_a_passkey_stands_in_a_passwords_place_and_makes_none_shorter(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    add_passkey(local, owner)
    without_session(owner)
    ask(local, owner)
    owner.submit("/login/reset/code", code=local.code_for(EMAIL))
    assert "At least 15 characters" in owner.answer.text
    assert "at least 15" in owner.submit("/login/reset/password", password="Kx7#mQ2p").text
    assert "Use your passkey" in owner.submit("/login/reset/password", password=NEW).text


def test_eight_characters_will_do_beside_an_app(local: Running) -> None:
    owner = local.browser()
    local.sign_up(owner, EMAIL)
    enrol_app(local, EMAIL)
    without_session(owner)
    ask(local, owner)
    owner.submit("/login/reset/code", code=local.code_for(EMAIL))
    assert "At least 8 characters" in owner.answer.text
    assert "Use a code from your app" in owner.submit("/login/reset/password", password="Kx7#mQ2p").text


def test_staff_reset_nothing_by_mail(local: Running) -> None:
    browser = local.browser()
    browser.open("/console")
    assert "/login/reset" not in browser.answer.text
    flow = browser.flow
    page = browser.open(f"/login/reset?flow={flow}")
    assert "Forgot" not in page.text
    data = {"csrf": csrf_of(browser), "flow": flow, "email": EMAIL}
    browser.http.post("/login/reset", data=data, headers={"Sec-Fetch-Site": "same-origin", "Origin": ISSUER})
    assert local.mails(EMAIL) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login/reset/code", {"code": "12345678"}),
        ("/login/reset/resend", {}),
        ("/login/reset/password", {"password": NEW}),
    ],
)
def test_a_step_out_of_order_changes_nothing(local: Running, path: str, fields: dict[str, str]) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    local.shop().begin(browser, prompt="login")
    data = {"csrf": csrf_of(browser), "flow": browser.flow, **fields}
    answer = browser.http.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin", "Origin": ISSUER})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?flow={browser.flow}"
    assert one(local, passwords).version == 1


def test_the_other_mailed_codes_have_links_too(local: Running) -> None:
    # Sign-up, in the same browser and shown in another.
    browser, shop = local.browser(), local.shop()
    shop.begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Ada Lovelace", email=EMAIL)
    link = link_for(local)
    assert local.code_for(EMAIL) in local.browser(peer=ELSEWHERE).open(link).text
    browser.open(link)
    browser.submit("/login/code")
    shop.finish(browser, browser.submit("/login/credential/password", password=PASSWORD))
    # Step-up.
    local.clock.advance(days=2)
    other = local.browser(peer=ELSEWHERE)
    shop.begin(other, acr_values="urn:authsvc:acr:pwd_email")
    other.submit("/login/password", email=EMAIL, password=PASSWORD)
    other.submit("/login/step-up/email")
    other.open(link_for(local))
    claims = shop.finish(other, other.submit("/login/code"))
    assert claims["acr"] == "urn:authsvc:acr:pwd_email"


def test_a_session_of_somebody_else_in_the_browser_ends_as_at_every_sign_in(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    shared = local.browser()
    local.sign_up(shared, "bob@example.org")
    shop, answer = reset(local, shared)
    shop.finish(shared, answer)
    assert ended(local) == ["password_reset", "replaced", None]
