"""The ways to sign in, on the account's own pages: added, named, removed, and the last one stays."""

import base64
import re

import httpx2 as httpx
import pytest

from authsvc.cli.soft_authenticator import AT, UP
from authsvc.factors.passkey.tables import passkeys
from tests.support.account_pages import (
    EMAIL,
    NEW_PASSWORD,
    OTHER,
    PHONE,
    add_passkey,
    answer_passkey,
    heading,
    post,
    rows,
    second_device,
    signed_up,
    with_passkey,
)
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import Running
from tests.support.second_factors import Phone, account_of

# -- passkeys


def test_a_passkey_is_added_named_and_removed_and_the_owner_hears_of_it(service: Running) -> None:
    browser, second = signed_up(service), service.authenticator()
    before = browser.cookie("__Host-session")
    assert add_passkey(browser, second).json()["next"] == "/account/passkeys"
    assert browser.cookie("__Host-session") != before  # raised, so its secret is new
    assert "A new way to sign in was added" in service.mails(EMAIL)[0].text
    browser.open("/account/passkeys")
    browser.submit("/account/passkeys/rename", name="  My   old phone ")
    assert "My old phone" in browser.answer.text
    passkey = browser.form("/account/passkeys/rename")["passkey"]
    service.clock.advance(minutes=11)
    browser.open(f"/account/passkeys/remove?id={passkey}")
    assert answer_passkey(browser, second).json()["next"] == f"/account/passkeys/remove?id={passkey}"
    assert "My old phone" in heading(browser.open(f"/account/passkeys/remove?id={passkey}"))
    browser.submit("/account/passkeys/remove")
    assert "You have none yet" in browser.answer.text
    assert "A way to sign in was removed" in service.mails(EMAIL)[0].text
    assert post(browser, "/account/passkeys/remove", passkey=passkey).status_code in (303, 404)  # pressed twice


@pytest.mark.parametrize("name", [" ", "x" * 61, "a\x00b", "line\nbreak\x07"])
def test_a_name_that_no_passkey_can_have_is_told_on_the_page(local: Running, name: str) -> None:
    browser, _ = with_passkey(local)
    browser.open("/account/passkeys")
    passkey = browser.form("/account/passkeys/rename")["passkey"]
    answer = post(browser, "/account/passkeys/rename", passkey=passkey, name=name)
    assert (answer.status_code, heading(answer)) == (400, "Passkeys")
    assert rows(local, passkeys)[0].name == "Passkey"


def test_a_registration_belongs_to_the_session_that_began_it(local: Running) -> None:
    browser = signed_up(local)
    browser.open("/account/passkeys/add")
    options = browser.post_json("/account/passkeys/add/options", {"flow": ""}).json()["publicKey"]
    credential = local.authenticator().create(options)
    thief = signed_up(local, OTHER)
    body = {"flow": "", "credential": credential}
    assert thief.post_json("/account/passkeys/add/verify", body).json()["code"] == "passkey.refused"
    assert browser.post_json("/account/passkeys/add/verify", body).status_code == 200
    assert browser.post_json("/account/passkeys/add/verify", body).json()["code"] == "passkey.refused"  # replayed
    assert [row.account_id for row in rows(local, passkeys)] == [account_of(local, EMAIL)]


def test_a_passkey_without_user_verification_is_refused(local: Running) -> None:
    browser = signed_up(local)
    assert add_passkey(browser, local.authenticator(), flags=UP | AT).json()["code"] == "passkey.refused"
    assert rows(local, passkeys) == []


def test_a_script_with_an_old_proof_is_told_so(local: Running) -> None:
    browser = signed_up(local)
    browser.open("/account/passkeys/add")
    local.clock.advance(minutes=11)
    answer = browser.post_json("/account/passkeys/add/options", {"flow": ""})
    assert (answer.status_code, answer.json()["code"]) == (403, "account.proof_needed")


def test_the_last_way_in_stays(service: Running) -> None:
    browser, _ = with_passkey(service)
    passkey = rows(service, passkeys)[0].id
    browser.open("/account/passkeys")
    assert "Your only way in" in browser.answer.text
    answer = post(browser, "/account/passkeys/remove", passkey=passkey)
    assert answer.status_code == 409
    assert "only way into your account" in answer.text
    assert service.events("web:request:refused")[-1].facts["code"] == "account.last_way_in"
    assert len(rows(service, passkeys)) == 1
    owner = signed_up(service, OTHER)
    answer = post(owner, "/account/password/remove")
    assert answer.status_code == 409
    assert service.sign_in(service.browser(peer="203.0.113.77"), OTHER).status_code in (302, 303)


def test_an_old_phone_is_sold(service: Running) -> None:
    """Its passkey removed, its session ended by it, its device forgotten: one press each."""
    phone = service.browser(user_agent=PHONE, peer="203.0.113.20")
    on_phone = service.sign_up_with_passkey(phone, EMAIL)
    owner, on_laptop = service.browser(), service.authenticator()
    service.shop().begin(owner)
    options = owner.post_json("/login/passkey/options", {"flow": owner.flow}).json()["publicKey"]
    answer = owner.post_json("/login/passkey/verify", {"flow": owner.flow, "credential": on_phone.get(options)})
    assert answer.status_code == 200, answer.text
    assert add_passkey(owner, on_laptop).status_code == 200
    sold = rows(service, passkeys, passkeys.c.credential_id == on_phone.credential_id)[0].id
    owner.open(f"/account/passkeys/remove?id={sold}")
    owner.submit("/account/passkeys/remove")
    assert phone.http.get("/account").status_code == 303  # its session rested on a passkey
    owner.open("/account/sessions")
    assert "Mobile Safari" in owner.answer.text
    owner.submit("/account/devices/forget")
    assert "Mobile Safari" not in owner.answer.text
    buyer = service.browser(user_agent=PHONE, peer="203.0.113.20")
    service.shop().begin(buyer)
    options = buyer.post_json("/login/passkey/options", {"flow": buyer.flow}).json()["publicKey"]
    body = {"flow": buyer.flow, "credential": on_phone.get(options)}
    assert buyer.post_json("/login/passkey/verify", body).status_code == 400


# -- password, app, recovery codes


@pytest.mark.parametrize("end_others", [True, False])
def test_a_password_is_changed_and_others_are_signed_out_if_asked(service: Running, end_others: bool) -> None:
    owner, phone = signed_up(service), second_device(service)
    owner.open("/account/password/change")
    fields = {"csrf": owner.form("/account/password/change")["csrf"], "password": NEW_PASSWORD}
    if end_others:
        fields["end_others"] = "yes"
    answer = owner.http.post("/account/password/change", data=fields, headers=SAME_ORIGIN)
    assert answer.headers["location"] == "/account/password"
    assert phone.http.get("/account").status_code == (303 if end_others else 200)
    assert owner.http.get("/account").status_code == 200
    assert "The password of your account was changed" in service.mails(EMAIL)[0].text
    fresh = service.browser(peer="203.0.113.40")
    assert service.sign_in(fresh, EMAIL).status_code == 400
    assert service.sign_in(fresh, EMAIL, password=NEW_PASSWORD).status_code in (302, 303)


@pytest.mark.parametrize("typed", ["short", "passwordpassword", "x" * 200, "a" * 20, EMAIL, "\x00" * 20])
def test_a_bad_new_password_is_told_on_the_page_and_kept_nowhere(local: Running, typed: str) -> None:
    owner = signed_up(local)
    owner.open("/account/password/change")
    answer = owner.submit("/account/password/change", password=typed)
    assert (answer.status_code, heading(answer)) == (400, "Change your password")
    assert typed not in answer.text or typed == EMAIL
    assert "password:factor:changed" not in local.tags()


def test_a_password_is_added_and_removed_beside_a_passkey(local: Running) -> None:
    browser, _ = with_passkey(local)
    browser.open("/account/password/change")
    browser.submit("/account/password/change", password=NEW_PASSWORD)
    assert heading(browser.answer) == "Password"
    phone = local.browser(user_agent=PHONE, peer="203.0.113.20")
    assert local.sign_in(phone, EMAIL, password=NEW_PASSWORD).status_code in (302, 303)
    browser.open("/account/password/remove")
    browser.submit("/account/password/remove")
    assert "Your account has none" in browser.answer.text
    assert phone.http.get("/account").status_code == 303  # it rested on the password
    assert post(browser, "/account/password/remove").status_code == 303  # twice


def test_an_app_is_set_up_and_raises_the_session(service: Running) -> None:
    browser = signed_up(service)
    browser.open("/account/authenticator")
    browser.submit("/account/authenticator/begin")
    found = re.search(r'id="key">([^<]+)<', browser.answer.text)
    assert found is not None
    assert 'src="data:image/' in browser.answer.text
    phone = Phone(service, found[1].replace(" ", ""))
    browser.submit("/account/authenticator/confirm", code=phone.wrong_code())
    assert browser.answer.status_code == 400
    browser.submit("/account/authenticator/confirm", code=phone.code())
    assert heading(browser.answer) == "Authenticator app"
    assert "Set up on" in browser.answer.text
    assert heading(make_codes(browser)).startswith("Your new")  # nobody is asked for a code right after they typed one
    assert "at least 15 characters" in browser.open("/account/authenticator/remove").text
    browser.submit("/account/authenticator/remove")
    assert "totp:factor:removed" in service.tags()
    assert "A way to sign in was removed" in service.mails(EMAIL)[0].text


def make_codes(browser: BrowserClient) -> httpx.Response:
    browser.open("/account/recovery-codes")
    return browser.submit("/account/recovery-codes")


def test_an_app_stands_beside_a_password_only(local: Running) -> None:
    browser, _ = with_passkey(local)
    assert "/account/authenticator/begin" not in browser.open("/account/authenticator").text
    assert post(browser, "/account/authenticator/begin").status_code == 409


def test_recovery_codes_are_shown_once_and_a_new_set_replaces_the_old(local: Running) -> None:
    browser = signed_up(local)
    shown = re.findall(r"<code>([^<]+)</code>", make_codes(browser).text)
    assert len(set(shown)) == 10
    file = re.search(r'href="data:text/plain;charset=utf-8;base64,([^"]+)"', browser.answer.text)
    assert file is not None
    assert all(code in base64.b64decode(file[1]).decode() for code in shown)
    page = browser.open("/account/recovery-codes")
    assert "<b>10</b> codes are left" in page.text
    assert not [code for code in shown if code in page.text]
    again = re.findall(r"<code>([^<]+)</code>", make_codes(browser).text)
    assert not set(shown) & set(again)
