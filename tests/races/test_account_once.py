"""Sixteen at once on one's own account: somebody can always sign in, and what happens once happens once."""

import pytest
from sqlalchemy import select

from authsvc.core.database import Database
from authsvc.factors.passkey.tables import passkeys
from authsvc.factors.password.tables import passwords
from authsvc.login.address.tables import address_changes
from authsvc.login.tables import cases
from tests.support.account_pages import NEW_PASSWORD, add_passkey, newest_event, post, with_passkey
from tests.support.races import at_once
from tests.support.running import Running

EMAIL = "ada@example.org"


@pytest.fixture
def raced_database(database: Database) -> Database:
    """Both databases."""
    return database


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
    assert service.count(passkeys) == 1
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
    assert service.count(passkeys) + service.count(passwords) == 1


def test_a_password_is_added_once(service: Running) -> None:
    browser, _ = with_passkey(service)
    browser.open("/account/password/change")
    answers = at_once(lambda _: post(browser, "/account/password/change", password=NEW_PASSWORD))
    assert {answer.status_code for answer in answers} <= {303, 409}
    assert len(service.events("password:factor:added")) == 1
    assert service.count(passwords) == 1


def test_one_event_is_disowned_once(service: Running) -> None:
    browser, _ = with_passkey(service)
    event = newest_event(service, EMAIL)
    answers = at_once(lambda _: post(browser, "/account/activity/not-me", event=event))
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert service.count(cases) == 1
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
