"""The account's own pages about sessions, devices and activity: what one press does, and "this wasn't me"."""

import re

import pytest

from authsvc.accounts.tables import account_devices, accounts, sessions
from authsvc.login.tables import cases
from tests.support.account_pages import EMAIL, heading, newest_event, post, rows, second_device, signed_up
from tests.support.browser_client import SAME_ORIGIN
from tests.support.running import Running

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
