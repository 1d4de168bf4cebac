"""The account's own pages: what takes a fresh proof, what one press does, and that nobody acts on another's account."""

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import account_devices, accounts, sessions
from authsvc.cli.soft_authenticator import AT, UP, SoftAuthenticator
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.tables import cases, flows
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import Phone, account_of, enrol_app

EMAIL, OTHER = "ada@example.org", "mallory@example.org"
NEW_PASSWORD = "violet harbour 97 kettle drum"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"

# Every page and post that takes a fresh proof, and where the proof leads back to.
GATED_PAGES = (
    "/account/passkeys/add",
    "/account/password/change",
    "/account/password/remove",
    "/account/authenticator/set-up",
    "/account/authenticator/remove",
)
GATED_POSTS = {
    "/account/passkeys/remove": {"passkey": "pky_x"},
    "/account/password/change": {"password": NEW_PASSWORD},
    "/account/password/remove": {},
    "/account/authenticator/begin": {},
    "/account/authenticator/confirm": {"code": "123456"},
    "/account/authenticator/remove": {},
    "/account/recovery-codes": {},
    "/account/face": {},
    "/account/face/devices": {"kind": "app"},
    "/account/face/devices/remove": {"device": "fdv_x"},
}
OPEN_PAGES = (
    "",
    "/passkeys",
    "/password",
    "/authenticator",
    "/recovery-codes",
    "/sessions",
    "/activity",
    "/consents",
    "/face",
)


def rows(service: Running, table: Any, *conditions: Any) -> list[Any]:
    with service.services.database.read() as connection:
        return list(connection.execute(select(table).where(*conditions)))


def change_account(service: Running, email: str, **values: Any) -> None:
    account_id = account_of(service, email)
    with service.services.database.write() as connection:
        connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


def post(browser: BrowserClient, path: str, **fields: str) -> httpx.Response:
    """Post a form with the page's own token, whatever forms the page has."""
    return browser.http.post(path, data={"csrf": browser._parsed().meta_csrf, **fields}, headers=SAME_ORIGIN)


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.S)
    assert found is not None, answer.text[:1000]
    return re.sub(r"<[^>]+>|\s+", " ", found[1]).strip()


def signed_up(service: Running, email: str = EMAIL, **options: Any) -> BrowserClient:
    browser = service.browser(**options)
    service.sign_up(browser, email)
    browser.open("/account")
    return browser


def with_passkey(service: Running, email: str = EMAIL) -> tuple[BrowserClient, SoftAuthenticator]:
    browser = service.browser()
    authenticator = service.sign_up_with_passkey(browser, email)
    browser.open("/account")
    return browser, authenticator


def answer_passkey(browser: BrowserClient, authenticator: SoftAuthenticator) -> httpx.Response:
    """Answer the confirmation on the current page with a passkey."""
    flow = browser.flow
    options = browser.post_json("/login/passkey/options", {"flow": flow}).json()["publicKey"]
    return browser.post_json("/login/passkey/verify", {"flow": flow, "credential": authenticator.get(options)})


def add_passkey(browser: BrowserClient, authenticator: SoftAuthenticator, **bend: Any) -> httpx.Response:
    browser.open("/account/passkeys/add")
    options = browser.post_json("/account/passkeys/add/options", {"flow": ""}).json()["publicKey"]
    body = {"flow": "", "credential": authenticator.create(options, **bend)}
    return browser.post_json("/account/passkeys/add/verify", body)


def second_device(service: Running, email: str = EMAIL) -> BrowserClient:
    browser = service.browser(user_agent=PHONE, peer="203.0.113.20")
    answer = service.sign_in(browser, email)
    assert answer.status_code in (302, 303), heading(answer)
    return browser


# -- the fresh proof


@pytest.mark.parametrize("path", GATED_PAGES)
def test_a_page_that_takes_a_fresh_proof_asks_for_the_password_alone_and_leads_back(local: Running, path: str) -> None:
    browser = signed_up(local)
    assert browser.http.get(path).status_code in (200, 303)
    local.clock.advance(minutes=10, seconds=1)
    assert heading(browser.open(path)) == "Confirm that it's you"
    assert browser.form("/login/password")["email"] == EMAIL
    browser.submit("/login/password", password="not the password at all")
    assert heading(browser.answer) == "Confirm that it's you"
    assert browser.answer.status_code == 400
    answer = browser.submit("/login/password", follow=False, password=PASSWORD)
    assert answer.headers["location"].split("?")[0] == path


@pytest.mark.parametrize(("path", "fields"), GATED_POSTS.items())
def test_a_post_with_an_old_proof_changes_nothing_and_asks(local: Running, path: str, fields: dict[str, str]) -> None:
    browser = signed_up(local)
    local.clock.advance(minutes=10, seconds=1)
    tags = local.tags()
    answer = post(browser, path, **fields)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?flow=")
    assert local.tags() == [*tags, "login:flow:begun"]


def test_a_proof_is_fresh_for_ten_minutes_and_no_longer(local: Running) -> None:
    browser = signed_up(local)
    local.clock.advance(minutes=10)
    assert browser.http.get("/account/passkeys/add").status_code == 200
    local.clock.advance(seconds=1)
    assert browser.http.get("/account/passkeys/add").status_code == 303


def test_a_passkey_is_asked_for_at_once_and_a_password_does_not_do(local: Running) -> None:
    browser, authenticator = with_passkey(local)
    browser.open("/account/password/change")
    assert browser.submit("/account/password/change", password=PASSWORD).status_code == 200
    local.clock.advance(minutes=11)
    assert heading(browser.open("/account/password/change")) == "Confirm that it's you"
    assert 'data-passkey="get"' in browser.answer.text
    assert "/login/password" not in browser.answer.text
    flow = browser.flow
    assert post(browser, "/login/password", flow=flow, email=EMAIL, password=PASSWORD).status_code == 303
    assert post(browser, "/login/step-up/email", flow=flow).status_code == 403
    assert browser.http.get("/account/password/change").status_code == 303  # nothing was proven
    answer = answer_passkey(browser, authenticator)
    assert answer.json()["next"] == "/account/password/change"
    assert heading(browser.open("/account/password/change")) == "Change your password"


def test_another_accounts_passkey_confirms_nothing(local: Running) -> None:
    _, foreign = with_passkey(local, OTHER)
    browser, _ = with_passkey(local)
    local.clock.advance(minutes=11)
    browser.open("/account/passkeys/add")
    assert answer_passkey(browser, foreign).status_code == 400
    assert browser.http.get("/account/passkeys/add").status_code == 303


def test_with_an_app_password_and_code_are_asked_for(local: Running) -> None:
    browser = signed_up(local)
    phone = enrol_app(local, EMAIL)
    assert heading(browser.open("/account/recovery-codes")) == "Recovery codes"
    assert (
        heading(browser.submit("/account/recovery-codes")) == "Confirm that it's you"
    )  # the password alone: too little
    browser.submit("/login/password", password=PASSWORD)
    assert "One more proof" in heading(browser.answer)
    browser.submit("/login/step-up/typed", kind="totp")
    answer = browser.submit("/login/code", follow=False, code=phone.code())
    assert answer.headers["location"] == "/account/recovery-codes"


def test_a_confirmation_belongs_to_its_browser(local: Running) -> None:
    browser = signed_up(local)
    local.clock.advance(minutes=11)
    browser.open("/account/passkeys/add")
    thief = local.browser(peer="198.51.100.9")
    assert thief.open(f"/login?flow={browser.flow}").status_code == 403


def test_what_an_altered_flow_says_leads_to_the_first_page(local: Running) -> None:
    browser = signed_up(local)
    local.clock.advance(minutes=11)
    browser.open("/account/passkeys/add")
    with local.services.database.write() as connection:
        connection.execute(update(flows).values(params={"next": "https://evil.example/", "row": "../x"}))
    assert browser.submit("/login/password", follow=False, password=PASSWORD).headers["location"] == "/account"


def test_after_a_reset_by_mail_a_password_alone_changes_nothing_for_a_day(local: Running) -> None:
    browser = signed_up(local)
    change_account(local, EMAIL, password_reset_at=local.clock.now() - timedelta(hours=23, minutes=55))
    for path in GATED_PAGES:
        answer = browser.open(path)
        assert (answer.status_code, heading(answer)) == (403, "This opens again within 24 hours"), path
    tags = local.tags()
    for path, fields in GATED_POSTS.items():
        assert post(browser, path, **fields).status_code == 403, path
    refused = [
        event for event in local.events("web:request:refused") if event.facts["code"] == "account.closed_after_reset"
    ]
    assert len(refused) == len(GATED_PAGES) + len(GATED_POSTS)
    assert [tag for tag in local.tags() if tag != "web:request:refused"] == [
        tag for tag in tags if tag != "web:request:refused"
    ]
    assert "was reset by mail" in browser.open("/account").text
    local.clock.advance(minutes=5)
    assert browser.http.get("/account/passkeys/add").status_code == 200


def test_a_reset_closes_nothing_for_an_account_with_a_passkey(local: Running) -> None:
    browser, _ = with_passkey(local)
    change_account(local, EMAIL, password_reset_at=local.clock.now())
    assert browser.http.get("/account/passkeys/add").status_code == 200


# -- nobody signed in, and ids of others


def test_pages_of_nobody_lead_to_a_sign_in_and_back(local: Running) -> None:
    owner = signed_up(local)
    owner.open("/account")
    browser = local.browser(peer="203.0.113.30")
    for path in OPEN_PAGES:
        assert browser.http.get(f"/account{path}").headers["location"].startswith("/login?flow=")
    browser.open("/account/sessions")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    assert heading(browser.answer) == "Where you are signed in"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        *GATED_POSTS.items(),
        ("/account/passkeys/rename", {"passkey": "pky_x", "name": "x"}),
        ("/account/sessions/end", {"session": "ses_x"}),
        ("/account/sessions/end-others", {}),
        ("/account/devices/forget", {"device": "dev_x"}),
        ("/account/activity/not-me", {"event": "evt_x"}),
    ],
)
def test_posts_of_nobody_and_of_foreign_pages_are_refused(local: Running, path: str, fields: dict[str, str]) -> None:
    browser = local.browser()
    local.shop().begin(browser)
    assert post(browser, path, **fields).status_code == 401
    assert browser.http.post(path, data=fields, headers=SAME_ORIGIN).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    token = browser._parsed().meta_csrf
    assert browser.http.post(path, data={"csrf": token, **fields}, headers=foreign).status_code == 403


Ids = Callable[[Running, str], str]


def newest(table: Any, column: Any) -> Ids:
    def find(service: Running, email: str) -> str:
        return str(rows(service, table, table.c.account_id == account_of(service, email))[-1]._mapping[column])

    return find


def newest_event(service: Running, email: str) -> str:
    account_id = account_of(service, email)
    completed = [event for event in service.events("login:sign_in:completed") if event.account_id == account_id]
    return str(completed[-1].event_id)


@pytest.mark.parametrize(
    ("path", "field", "code", "find"),
    [
        ("/account/sessions/end", "session", "account.session_unknown", newest(sessions, "id")),
        ("/account/devices/forget", "device", "account.device_unknown", newest(account_devices, "device_id")),
        ("/account/passkeys/remove", "passkey", "account.passkey_unknown", newest(passkeys, "id")),
        ("/account/passkeys/rename", "passkey", "account.passkey_unknown", newest(passkeys, "id")),
        ("/account/activity/not-me", "event", "account.event_unknown", newest_event),
    ],
)
def test_an_id_of_another_account_is_answered_like_an_unknown_one(
    service: Running, path: str, field: str, code: str, find: Ids
) -> None:
    with_passkey(service, OTHER)
    theirs = find(service, OTHER)
    browser, _ = with_passkey(service)
    mine = find(service, EMAIL)
    extra = {"name": "x"} if path.endswith("rename") else {}
    before = [rows(service, table) for table in (sessions, account_devices, passkeys, cases)]
    for value in (theirs, mine[:-1] + ("A" if mine[-1] != "A" else "B"), "\x00", "x" * 5000, "\u00e9"):
        answer = post(browser, path, **{field: value}, **extra)
        assert answer.status_code == 404, value[:20]
        assert service.events("web:request:refused")[-1].facts["code"] == code
    after = [rows(service, table) for table in (sessions, account_devices, passkeys, cases)]
    assert after == before


def test_pages_about_rows_of_others_are_not_found(local: Running) -> None:
    with_passkey(local, OTHER)
    browser, _ = with_passkey(local)
    passkey, event = newest(passkeys, "id")(local, OTHER), newest_event(local, OTHER)
    assert browser.http.get("/account/passkeys/remove", params={"id": passkey}).status_code == 404
    assert browser.http.get("/account/activity/not-me", params={"event": event}).status_code == 404
    assert browser.http.get("/account/activity", params={"before": event}).status_code == 404
    assert browser.http.get("/account/activity", params={"before": "x" * 65}).status_code == 400


# -- sessions and devices


def test_one_session_is_ended_and_pressing_twice_is_no_mistake(service: Running) -> None:
    owner = signed_up(service)
    phone = second_device(service)
    assert "Mobile Safari on iOS" in owner.open("/account/sessions").text
    assert "203.0.113.20" in owner.answer.text
    session = owner.form("/account/sessions/end")["session"]
    for _ in range(2):
        assert post(owner, "/account/sessions/end", session=session).headers["location"] == "/account/sessions"
    assert phone.http.get("/account").status_code == 303
    assert heading(owner.open("/account")) == "Ada Lovelace"
    ended = [event.facts for event in service.events("accounts:session:ended")]
    assert [facts["reason"] for facts in ended if facts["session"] == session] == ["ended_by_owner"]


def test_all_other_sessions_end_at_once(local: Running) -> None:
    owner, phone = signed_up(local), second_device(local)
    owner.open("/account/sessions")
    owner.submit("/account/sessions/end-others")
    assert "You are signed in nowhere else." in owner.answer.text
    assert phone.http.get("/account").status_code == 303


def test_ending_ones_own_session_signs_out(local: Running) -> None:
    owner = signed_up(local)
    session = rows(local, sessions)[0].id
    assert "You are signed out" in post(owner, "/account/sessions/end", session=session).text
    assert owner.http.get("/account").status_code == 303


def test_a_forgotten_device_is_unknown_and_signed_out(local: Running) -> None:
    owner, phone = signed_up(local), second_device(local)
    owner.open("/account/sessions")
    device = owner.form("/account/devices/forget")["device"]
    for _ in range(2):
        assert post(owner, "/account/devices/forget", device=device).status_code == 303
    assert phone.http.get("/account").status_code == 303
    assert device not in [row.device_id for row in rows(local, account_devices)]
    assert [event.facts["sessions_ended"] for event in local.events("login:device:forgotten")] == [1, 0]
    assert "Mobile Safari" not in owner.open("/account/sessions").text


def test_a_device_without_a_session_is_listed_and_can_be_forgotten(local: Running) -> None:
    owner, phone = signed_up(local), second_device(local)
    phone.open("/account")
    phone.submit("/account/sign-out")
    assert "Devices we would recognise" in owner.open("/account/sessions").text
    owner.submit("/account/devices/forget")
    assert "Devices we would recognise" not in owner.answer.text


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


# -- activity, and "this wasn't me"


def test_activity_is_told_in_words_with_where_and_what(service: Running) -> None:
    owner, _ = signed_up(service), second_device(service)
    service.sign_in(service.browser(peer="203.0.113.21"), EMAIL, password="not the password at all")
    text = re.sub(r"\s+", " ", owner.open("/account/activity").text)
    assert "Somebody typed a wrong password." in text
    assert "Signed in with your password to continue to Tea Shop, from a device that was new to us." in text
    assert "Mobile Safari on iOS" in text
    assert "203.0.113.20" in text
    assert "You created this account." in text


def test_activity_is_paged_and_ends_after_90_days(local: Running) -> None:
    owner = signed_up(local)
    for number in range(24):
        owner.open("/account/consents")
        post(owner, "/account/consents", purpose="typing", version="1", action="withdraw" if number % 2 else "give")
    first = owner.open("/account/activity").text
    older = re.search(r'href="(/account/activity\?before=[^"]+)"', first)
    assert older is not None
    second = owner.open(older[1]).text
    ids = [re.findall(r'class="name" id="(evt_[^"]+)"', text) for text in (first, second)]
    assert len(ids[0]) == 20
    assert not set(ids[0]) & set(ids[1])
    assert "You created this account." in second
    local.clock.advance(days=91)
    again = local.browser()
    local.sign_in(again, EMAIL)
    assert "You created this account." not in again.open("/account/activity").text


def test_this_was_not_me_locks_everybody_out_and_opens_one_case(service: Running) -> None:
    owner, thief = signed_up(service), second_device(service)
    event = newest_event(service, EMAIL)
    assert f"event={event}" in owner.open("/account/activity").text
    assert heading(owner.open(f"/account/activity/not-me?event={event}")) == "This wasn't you?"
    assert rows(service, cases) == []  # looking changed nothing
    data = owner.form("/account/activity/not-me")
    answer = owner.http.post("/account/activity/not-me", data=data, headers=SAME_ORIGIN)
    assert heading(answer) == "Everybody is signed out"
    assert owner.http.post("/account/activity/not-me", data=data, headers=SAME_ORIGIN).status_code == 401
    for browser in (owner, thief):
        assert browser.http.get("/account").status_code == 303
    case = rows(service, cases)[0]
    assert (case.event_id, case.kind, case.alert_id) == (event, "login:sign_in:completed", None)
    assert rows(service, accounts)[0].guarded_at == service.clock.now()
    assert service.events("login:alert:disowned")[-1].facts["event"] == event
    back = service.browser(peer="198.51.100.50")
    assert "Your password has to be changed" in heading(service.sign_in(back, EMAIL))
    assert len(rows(service, cases)) == 1


def test_the_same_mishap_in_a_row_is_one_line(local: Running) -> None:
    owner = signed_up(local)
    for _ in range(3):
        local.sign_in(local.browser(peer="198.51.100.50"), EMAIL, password="not the right one")
    local.sign_in(local.browser(peer="198.51.100.51"), EMAIL, password="not the right one")
    page = owner.open("/account/activity").text
    assert page.count("Somebody typed a wrong password.") == 2
    assert page.count("3 times in a row.") == 1


@pytest.mark.parametrize("path", ["", "/passkeys", "/address"])
def test_pages_of_what_a_passkey_manager_shows_tell_it(local: Running, path: str) -> None:
    page = signed_up(local).open(f"/account{path}").text
    assert "data-tell-passkeys" in page
    assert "/signals." in page


def test_what_cannot_be_disowned_is_not_found(local: Running) -> None:
    owner = signed_up(local)
    created = local.events("login:account:created")[-1].event_id
    begun = local.events("login:flow:begun")[-1].event_id
    for event in (created, begun):
        assert owner.http.get("/account/activity/not-me", params={"event": event}).status_code == 404
        assert post(owner, "/account/activity/not-me", event=event).status_code == 404
