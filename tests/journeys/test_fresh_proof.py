"""Who may act on an account: what takes a fresh proof, what nobody may, and that ids of others lead nowhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from authsvc.accounts.tables import account_devices, sessions
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.tables import cases, flows
from tests.support.account_pages import (
    EMAIL,
    NEW_PASSWORD,
    OTHER,
    answer_passkey,
    change_account,
    heading,
    newest_event,
    post,
    rows,
    signed_up,
    with_passkey,
)
from tests.support.browser_client import SAME_ORIGIN
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import account_of, enrol_app

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
