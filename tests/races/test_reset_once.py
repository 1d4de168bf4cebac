"""Sixteen at once on PostgreSQL: a mailed code or link is spent once, a password is reset once."""

from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from authsvc.accounts.tables import sessions
from authsvc.factors.password.tables import passwords
from tests.support.browser_client import BrowserClient
from tests.support.races import THREADS, at_once, posted, statuses
from tests.support.resets import EMAIL, NEW, ask, link_for, without_session
from tests.support.running import PASSWORD, Running

pytestmark = pytest.mark.postgresql


@pytest.fixture
def limits() -> dict[str, str]:
    return {"mail_per_recipient": "100 per 1 hour", "reset_per_address": "100 per 1 hour"}


def version(service: Running) -> int:
    with service.services.database.read() as connection:
        return int(connection.execute(select(passwords.c.version)).scalar_one())


@pytest.mark.parametrize("spelling", ["code", "link"])
def test_one_code_and_one_link_prove_the_mailbox_once(service: Running, spelling: str) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    ask(service, browser)
    typed = service.code_for(EMAIL) if spelling == "code" else link_for(service).partition("token=")[2]
    statuses(at_once(posted(browser, "/login/reset/code", code=typed)))
    assert len(service.events("login:reset:mailbox_proven")) == 1


def test_code_and_link_of_one_mail_are_spent_once_together(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    ask(service, browser)
    spellings = (service.code_for(EMAIL), link_for(service).partition("token=")[2])
    statuses(at_once(lambda number: posted(browser, "/login/reset/code", code=spellings[number % 2])(number)))
    assert len(service.events("login:reset:mailbox_proven")) == 1


def test_one_reset_sets_one_password(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    ask(service, browser)
    browser.submit("/login/reset/code", code=service.code_for(EMAIL))
    statuses(at_once(posted(browser, "/login/reset/password", password=NEW)))
    assert version(service) == 2
    assert len(service.events("login:reset:completed")) == 1
    assert service.count(sessions, sessions.c.ended_at.is_(None)) == 1


def test_of_many_resets_of_an_account_at_once_one_gets_through(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    browsers: list[BrowserClient] = []
    for _ in range(THREADS):
        browser = service.browser()
        ask(service, browser)
        browser.submit("/login/reset/code", code=service.code_for(EMAIL))
        browsers.append(browser)
    answers = at_once(
        lambda number: posted(
            browsers[number], "/login/reset/password", password=f"phrase number {number:02d} of many"
        )(number)
    )
    statuses(answers)
    assert version(service) == 2
    assert len(service.events("login:reset:completed")) == 1
    assert service.count(sessions, sessions.c.ended_at.is_(None)) == 1


def test_no_session_of_the_old_password_outlives_a_reset(service: Running) -> None:
    """Sign-ins with the old password while it is being reset: each fails, or its session ends."""
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    ask(service, owner)
    owner.submit("/login/reset/code", code=service.code_for(EMAIL))
    others = [service.browser() for _ in range(THREADS - 1)]
    for each in others:
        service.shop().begin(each)

    def work(number: int) -> httpx.Response:
        if number == 0:
            return posted(owner, "/login/reset/password", password=NEW)(number)
        return posted(others[number - 1], "/login/password", email=EMAIL, password=PASSWORD)(number)

    statuses(at_once(work))
    assert version(service) == 2
    with service.services.database.read() as connection:
        live: list[Any] = list(connection.execute(select(sessions).where(sessions.c.ended_at.is_(None))))
    assert len(live) == 1
    resets = service.events("login:reset:completed")
    opened = [event for event in service.events("accounts:session:opened") if event.id > resets[0].id]
    assert [event.facts["session"] for event in opened] == [live[0].id]
    without_session(owner)
    assert service.sign_in(owner, EMAIL, password=NEW).status_code in (302, 303, 429)
