"""Getting back into an account whose stronger factors are lost: the wait, the code, and everybody who may stop it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from authsvc.accounts.store import find_account_by_email, grant_role
from authsvc.accounts.tables import accounts, sessions
from authsvc.core.errors import Conflict, NotFound
from authsvc.core.origin import Origin
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.recovery.tables import recoveries
from authsvc.oidc.tables import refresh_tokens
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import account_of

EMAIL = "ada@example.org"
NEW_PASSWORD = "a quite different set of words"
HERE = Origin("req_test", "203.0.113.7", "test")


def make_codes(service: Running, email: str = EMAIL) -> tuple[str, ...]:
    with service.services.database.write() as connection:
        found = find_account_by_email(connection, email)
        assert found is not None
        codes: tuple[str, ...] = service.services.recovery.recovery_codes.make_new_set(
            connection, found.id, origin=HERE, now=service.clock.now()
        )
    return codes


def flow_of(browser: BrowserClient) -> str:
    return str(browser.answer.url).rpartition("flow=")[2]


def mailbox_proven(service: Running, browser: BrowserClient, email: str = EMAIL) -> BrowserClient:
    browser.open("/login/recovery")
    browser.submit("/login/recovery/address", email=email)
    browser.submit("/login/recovery/code", code=service.code_for(email))
    return browser


def new_passkey(service: Running, browser: BrowserClient) -> tuple[Any, Any]:
    authenticator = service.authenticator()
    answer = browser.post_json("/login/recovery/passkey/options", {"flow": flow_of(browser)})
    if answer.status_code != 200:
        return answer, authenticator
    credential = authenticator.create(answer.json()["publicKey"])
    body = {"flow": flow_of(browser), "credential": credential}
    return browser.post_json("/login/recovery/passkey/verify", body), authenticator


def later(service: Running, **time: float) -> None:
    """Let time pass, and deliver what has become due."""
    service.clock.advance(**time)
    service.mails()


def warnings(service: Running, email: str = EMAIL) -> list[str]:
    return [
        mail.text for mail in service.mails(email) if "/not-me?token=" in mail.text and "get back into" in mail.text
    ]


def link_in(text: str, path: str) -> str:
    found = next(word for word in text.split() if f"{path}?token=" in word)
    return found.removeprefix("http://localhost:8000")


def signs_in(service: Running, browser: BrowserClient, authenticator: Any) -> bool:
    service.shop().begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": flow_of(browser)}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    return bool(browser.post_json("/login/passkey/verify", body).status_code == 200)


def test_the_only_passkey_lost(service: Running) -> None:
    lost = service.sign_up_with_passkey(service.browser(), EMAIL)
    later(service, days=10)
    browser = mailbox_proven(service, service.browser(peer="198.51.100.20"))
    assert "Wait 72 hours" in browser.answer.text
    browser.submit("/login/recovery/wait")
    assert "opens again soon" in browser.answer.text
    assert len(warnings(service)) == 1
    for hours in (47, 24):
        later(service, hours=hours)
        assert new_passkey(service, mailbox_proven(service, service.browser()))[0].json()["code"] == "recovery.not_open"
    assert len(warnings(service)) == 2  # one more, a day before the end
    later(service, hours=1)
    open_now = mailbox_proven(service, service.browser(peer="198.51.100.20"))
    answer, found = new_passkey(service, open_now)
    assert answer.json() == {"next": "/login/recovery/done"}
    assert service.events("login:recovery:finished")[0].facts["removed"]["passkey"] == 1
    assert service.count(sessions, sessions.c.ended_at.is_(None)) == 0
    with service.services.database.read() as connection:
        account = connection.execute(select(accounts)).one()
    assert (account.recovered_at, account.password_reset_at) == (service.clock.now(), None)
    assert not signs_in(service, service.browser(), lost)
    assert signs_in(service, service.browser(), found)
    assert any("was recovered" in mail.text for mail in service.mails(EMAIL))


def test_a_recovery_code_needs_no_wait_and_is_bound_to_its_flow(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    codes = make_codes(service)
    owner = mailbox_proven(service, service.browser())
    thief = mailbox_proven(service, service.browser())
    owner.submit("/login/recovery/recovery-code", recovery_code="wrong-code-wrong-code")
    assert owner.answer.status_code == 400
    owner.submit("/login/recovery/recovery-code", recovery_code=codes[0])
    assert "Create your new passkey" in owner.answer.text
    assert new_passkey(service, thief)[0].json()["code"] == "recovery.not_open"  # reads the mailbox, has no code
    answer, found = new_passkey(service, owner)
    assert answer.status_code == 200
    assert signs_in(service, service.browser(), found)
    assert service.count(passkeys) == 1
    again = mailbox_proven(service, service.browser())
    assert "recovery_code" not in again.answer.text  # the other nine went with the rest


def test_the_last_recovery_code_is_enough(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    codes = make_codes(local)
    check = local.services.recovery.recovery_codes.check
    for code in codes[1:]:
        with local.services.database.write() as connection:
            assert check(connection, account_of(local, EMAIL), code, origin=HERE, now=local.clock.now()).right
    browser = mailbox_proven(local, local.browser())
    browser.submit("/login/recovery/recovery-code", recovery_code=codes[0])
    assert browser.submit("/login/recovery/password", password=NEW_PASSWORD).status_code == 200
    assert "open again" in browser.answer.text


def test_a_known_device_waits_a_day_unless_it_is_new_or_the_account_is_wary(local: Running) -> None:
    browser = local.browser()
    local.sign_up_with_passkey(browser, EMAIL)
    later(local, hours=71)
    assert "Wait 72 hours" in mailbox_proven(local, browser).answer.text  # known, but not for long
    later(local, hours=2)
    assert "Wait 24 hours" in mailbox_proven(local, browser).answer.text
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(guarded_at=local.clock.now()))
    later(local, hours=2)
    assert "Wait 72 hours" in mailbox_proven(local, browser).answer.text
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(guarded_at=None))
    browser.submit("/login/recovery/wait")
    local.services.recoveries.stop_in_session(browser.cookie("__Host-session"), origin=HERE)
    later(local, hours=2)
    assert "Wait 72 hours" in mailbox_proven(local, browser).answer.text  # it was stopped lately


def test_starting_again_does_not_move_the_end(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    browser = mailbox_proven(local, local.browser())
    browser.submit("/login/recovery/wait")
    with local.services.database.read() as connection:
        before = connection.execute(select(recoveries.c.due_at)).scalar_one()
    later(local, minutes=20)
    other = mailbox_proven(local, local.browser())
    assert "opens again soon" in other.answer.text
    token = other._parsed().meta_csrf
    other.http.post("/login/recovery/wait", data={"csrf": token, "flow": flow_of(other)}, headers=SAME_ORIGIN)
    with local.services.database.read() as connection:
        assert connection.execute(select(recoveries.c.due_at)).scalar_one() == before
    assert len(warnings(local)) == 1


@pytest.mark.parametrize("how", ["mail", "session", "sign_in"])
def test_each_of_them_stops_it(service: Running, how: str) -> None:
    owner = service.browser()
    authenticator = service.sign_up_with_passkey(owner, EMAIL)
    thief = mailbox_proven(service, service.browser(peer="198.51.100.66"))
    thief.submit("/login/recovery/wait")
    later(service, hours=50)
    if how == "mail":
        stranger = service.browser()  # no session: the link is enough
        stranger.open(link_in(warnings(service)[0], "/not-me"))
        stranger.submit("/not-me")
        assert stranger.open(link_in(warnings(service)[0], "/not-me")).status_code in (200, 410)
    elif how == "session":
        owner.open("/account")
        token = owner._parsed().meta_csrf
        answer = owner.http.post("/login/recovery/stop", data={"csrf": token}, headers=SAME_ORIGIN)
        assert answer.status_code == 303
    else:
        assert signs_in(service, service.browser(), authenticator)
    assert len(service.events("login:recovery:stopped")) == 1
    later(service, hours=30)
    again = mailbox_proven(service, service.browser(peer="198.51.100.66"))
    assert new_passkey(service, again)[0].json()["code"] == "recovery.not_open"
    assert signs_in(service, service.browser(), authenticator)
    assert service.count(recoveries, recoveries.c.finished_at.is_not(None)) == 0


def test_a_password_sign_in_does_not_stop_what_was_started_for_a_lost_second_factor(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    make_codes(local)
    mailbox_proven(local, local.browser()).submit("/login/recovery/wait")
    later(local, hours=1)
    local.sign_in(local.browser(), EMAIL)
    assert local.events("login:recovery:stopped") == []


def test_an_unknown_address_and_a_locked_account_get_the_same_page(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    pages = []
    for email in (EMAIL, "nobody@example.org"):
        browser = local.browser()
        browser.open("/login/recovery")
        browser.submit("/login/recovery/address", email=email)
        pages.append(browser.answer.text.count("8 digits"))
        browser.submit("/login/recovery/code", code="00000000")
        assert browser.answer.status_code == 400
    assert pages == [1, 1]
    assert "no account with this address" in local.mails("nobody@example.org")[0].text
    with local.services.database.write() as connection:
        connection.execute(update(accounts).values(status="frozen"))
    browser = local.browser()
    browser.open("/login/recovery")
    browser.submit("/login/recovery/address", email=EMAIL)
    assert "8 digits" in browser.answer.text
    assert "is locked" in local.mails(EMAIL)[0].text


def test_nothing_is_lost_by_who_has_a_password_alone(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = mailbox_proven(local, local.browser())
    assert "nothing to recover" in browser.answer.text
    token = browser._parsed().meta_csrf
    body = {"csrf": token, "flow": flow_of(browser)}
    assert browser.http.post("/login/recovery/wait", data=body, headers=SAME_ORIGIN).status_code == 403
    assert local.events("web:request:refused")[-1].facts["code"] == "recovery.not_possible"
    assert local.count(recoveries) == 0


def test_a_passkey_that_proved_nobody_yet_is_no_loss(local: Running) -> None:
    """The browser made it by itself: who has the password has all that the account ever asks for."""
    local.sign_up(local.browser(), EMAIL)
    with local.services.database.write() as connection:
        made = local.authenticator()
        values = {
            "id": "pky_1", "account_id": account_of(local, EMAIL), "credential_id": made.credential_id,
            "public_key": b"k", "sign_count": 0, "aaguid": "", "transports": [], "backup_eligible": True,
            "backed_up": True, "name": "Key", "created_at": local.clock.now(), "uv_at_registration": False,
            "proven_uv_at": None,
        }  # fmt: skip
        connection.execute(passkeys.insert().values(**values))
    assert "nothing to recover" in mailbox_proven(local, local.browser()).answer.text


def test_who_works_here_is_let_in_again_by_the_operator_after_the_same_wait(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    with local.services.database.write() as connection:
        grant_role(connection, account_of(local, EMAIL), "analyst", local.clock.now())
    browser = mailbox_proven(local, local.browser())
    assert "whoever runs the console" in browser.answer.text
    due_at = local.services.recoveries.start_for(EMAIL)
    assert due_at == local.clock.now() + timedelta(hours=72)
    assert len(warnings(local)) == 1
    with pytest.raises(Conflict, match=r"recovery\.pending"):
        local.services.recoveries.start_for(EMAIL)
    assert [event.facts["by"] for event in local.events("login:recovery:started")] == ["staff"]
    later(local, hours=72)
    answer, found = new_passkey(local, mailbox_proven(local, local.browser()))
    assert answer.status_code == 200
    assert signs_in(local, local.browser(), found)


def test_the_operator_starts_none_for_nobody_or_for_nothing(local: Running) -> None:
    with pytest.raises(NotFound, match=r"account\.unknown"):
        local.services.recoveries.start_for("nobody@example.org")
    local.sign_up(local.browser(), EMAIL)
    with pytest.raises(Conflict, match=r"recovery\.nothing_lost"):
        local.services.recoveries.start_for(EMAIL)


def test_an_account_of_passkeys_alone_takes_no_password(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    mailbox_proven(local, local.browser()).submit("/login/recovery/wait")
    later(local, hours=72)
    browser = mailbox_proven(local, local.browser())
    assert "/login/recovery/password" not in browser.answer.text
    body = {"csrf": browser._parsed().meta_csrf, "flow": flow_of(browser), "password": NEW_PASSWORD}
    assert browser.http.post("/login/recovery/password", data=body, headers=SAME_ORIGIN).status_code == 403
    assert local.events("web:request:refused")[-1].facts["code"] == "recovery.passkey_needed"


def test_a_new_password_replaces_everything_and_counts_as_reset_by_mail(local: Running) -> None:
    shop = local.sign_up(local.browser(), EMAIL)
    make_codes(local)
    later(local, days=1)
    refresh = shop.tokens["refresh_token"]
    mailbox_proven(local, local.browser()).submit("/login/recovery/wait")
    later(local, hours=72)
    browser = mailbox_proven(local, local.browser())
    assert browser.submit("/login/recovery/password", password="short").status_code == 400
    browser.submit("/login/recovery/password", password=NEW_PASSWORD)
    assert "open again" in browser.answer.text
    with local.services.database.read() as connection:
        account = connection.execute(select(accounts)).one()
        kinds = local.services.recoveries.kinds(connection, account.id)
    assert account.password_reset_at == account.recovered_at == local.clock.now()
    assert {kind.value for kind in kinds} == {"password"}
    assert shop.refresh(refresh).status_code == 400
    assert local.sign_in(local.browser(), EMAIL, password=PASSWORD).status_code == 400
    assert local.count(refresh_tokens) >= 1


def test_it_is_open_for_seven_days_and_not_longer(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    mailbox_proven(local, local.browser()).submit("/login/recovery/wait")
    later(local, hours=72 + 7 * 24)
    late = mailbox_proven(local, local.browser())
    assert "How do you want to get back in?" in late.answer.text
    late.submit("/login/recovery/wait")  # begins anew, with all warnings
    assert len(warnings(local)) >= 2
    assert local.count(recoveries) == 2


def test_a_stranger_is_slowed_down(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    statuses = []
    for number in range(11):
        browser = local.browser(peer="198.51.100.77")
        browser.open("/login/recovery")
        browser.submit("/login/recovery/address", email=f"somebody{number}@example.org")
        statuses.append(browser.answer.status_code)
    assert statuses == [200] * 10 + [429]
    assert local.count(recoveries) == 0  # the mailbox was never proven


def test_an_account_is_not_recovered_again_and_again(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    for _ in range(3):
        later(local, hours=2)
        browser = mailbox_proven(local, local.browser())
        browser.submit("/login/recovery/wait")
        with local.services.database.write() as connection:
            assert local.services.recoveries.stop(
                connection, account_of(local, EMAIL), reason="session", origin=HERE, now=local.clock.now()
            )
    browser = mailbox_proven(local, local.browser(peer="198.51.100.78"))
    assert browser.submit("/login/recovery/wait").status_code == 429


def test_another_browser_cannot_go_on_with_a_recovery(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    browser = mailbox_proven(local, local.browser())
    assert local.browser().open(f"/login/recovery?flow={flow_of(browser)}").status_code == 403
    assert local.events("login:flow:foreign")


def test_a_reminder_of_a_stopped_recovery_is_not_sent(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    mailbox_proven(local, local.browser()).submit("/login/recovery/wait")
    later(local, hours=1)
    with local.services.database.write() as connection:
        local.services.recoveries.stop(
            connection, account_of(local, EMAIL), reason="session", origin=HERE, now=local.clock.now()
        )
    later(local, hours=60)
    assert len(warnings(local)) == 1


def test_short_waits_are_for_the_demo_only(make_settings: Callable[..., Any]) -> None:
    assert make_settings(recovery={"wait_hours": 0.001}).recovery.wait_hours == 0.001
    production = {"issuer": "https://id.shop.example", "demo": False, "mail": {"host": "smtp.shop.example"}}
    with pytest.raises(ValueError, match=r"recovery\.wait_hours"):
        make_settings(**production, recovery={"wait_hours": 1})


def test_a_recovery_is_no_sign_in(local: Running) -> None:
    """No password, passkey, sign-up or reset is taken in its flow: they would lead past it."""
    local.sign_up(local.browser(), EMAIL)
    browser = local.browser()
    browser.open("/login/recovery")
    form = {"csrf": browser._parsed().meta_csrf, "flow": flow_of(browser)}
    before = len(local.events("login:sign_in:completed"))
    for path, typed in (
        ("/login/password", {"email": EMAIL, "password": PASSWORD}),
        ("/login/create", {"name": "Eve", "email": "eve@example.org"}),
    ):
        answer = browser.http.post(path, data={**form, **typed}, headers=SAME_ORIGIN)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?flow={form['flow']}"
    options = browser.post_json("/login/passkey/options", {"flow": form["flow"]})
    assert options.json()["code"] == "flow.out_of_step"
    assert len(local.events("login:sign_in:completed")) == before
    assert "Get back into your account" in browser.open(f"/login?flow={form['flow']}").text
