"""Sixteen at once on one's own account: somebody can always sign in, and what happens once happens once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from authsvc.core.database import Database
from authsvc.factors.passkey.tables import passkeys
from authsvc.factors.password.tables import passwords
from authsvc.login.address.tables import address_changes
from authsvc.login.tables import cases
from authsvc.settings import Settings
from tests.journeys.test_account_page import NEW_PASSWORD, add_passkey, newest_event, post, with_passkey
from tests.races.test_login_once import at_once
from tests.support.clocks import SettableClock
from tests.support.running import Running, running

EMAIL = "ada@example.org"


@pytest.fixture
def service(database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Iterator[Running]:
    """authsvc on both databases, with room for sixteen passwords at once."""
    url = database.url.render_as_string(hide_password=False)
    lanes = {"password_workers": 2, "password_queue": 17, "face_workers": 1, "face_queue": 0}
    started = running(make_settings(database={"url": url}, lanes=lanes), clock)
    yield started
    started.services.close()


def count(service: Running, table: Any) -> int:
    with service.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def ids(service: Running) -> list[str]:
    with service.services.database.read() as connection:
        return list(connection.execute(select(passkeys.c.id)).scalars())


def test_of_all_passkeys_removed_at_once_one_stays(service: Running) -> None:
    browser, _ = with_passkey(service)
    for _ in range(3):
        assert add_passkey(browser, service.authenticator()).status_code == 200
    every = ids(service)
    answers = at_once(lambda number: post(browser, "/account/passkeys/remove", passkey=every[number % len(every)]))
    assert {answer.status_code for answer in answers} <= {303, 404, 409}
    assert count(service, passkeys) == 1
    assert len(service.events("passkey:factor:removed")) == len(every) - 1


def test_of_a_passkey_and_a_password_removed_at_once_one_stays(service: Running) -> None:
    browser, _ = with_passkey(service)
    browser.open("/account/password/change")
    browser.submit("/account/password/change", password=NEW_PASSWORD)
    passkey = ids(service)[0]

    def remove(number: int) -> int:
        path, fields = (
            ("/account/passkeys/remove", {"passkey": passkey}) if number % 2 else ("/account/password/remove", {})
        )
        return int(post(browser, path, **fields).status_code)

    at_once(remove)
    assert count(service, passkeys) + count(service, passwords) == 1


def test_a_password_is_added_once(service: Running) -> None:
    browser, _ = with_passkey(service)
    browser.open("/account/password/change")
    answers = at_once(lambda _: post(browser, "/account/password/change", password=NEW_PASSWORD))
    assert {answer.status_code for answer in answers} <= {303, 409}
    assert len(service.events("password:factor:added")) == 1
    assert count(service, passwords) == 1


def test_one_event_is_disowned_once(service: Running) -> None:
    browser, _ = with_passkey(service)
    event = newest_event(service, EMAIL)
    answers = at_once(lambda _: post(browser, "/account/activity/not-me", event=event))
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert count(service, cases) == 1
    assert len(service.events("login:alert:disowned")) == 1


def test_one_session_ends_once(service: Running) -> None:
    browser, _ = with_passkey(service)
    session = service.events("accounts:session:opened")[-1].facts["session"]
    answers = at_once(lambda _: post(browser, "/account/sessions/end", session=session))
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert len(service.events("accounts:session:ended")) == 1


def test_an_address_asked_for_sixteen_times_is_one_change(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    browser.open("/account/address")
    emails = [f"ada{number}@example.net" for number in range(16)]
    answers = at_once(lambda number: post(browser, "/account/address", email=emails[number]))
    assert {answer.status_code for answer in answers} == {303}
    with service.services.database.read() as connection:
        waiting = select(address_changes.c.new_email).where(address_changes.c.dropped_at.is_(None))
        email = connection.execute(waiting).scalar_one()
    browser.open("/account/address")
    browser.submit("/account/address/code", code=service.code_for(email))
    assert len(service.events("login:address_change:made")) == 1
