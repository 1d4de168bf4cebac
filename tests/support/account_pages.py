"""The account's own pages, as their tests walk through them: somebody who is signed in, and what they press."""

import re
from typing import Any

import httpx2 as httpx
from sqlalchemy import select, update

from authsvc.accounts.tables import accounts
from authsvc.cli.soft_authenticator import SoftAuthenticator
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import Running
from tests.support.second_factors import account_of

EMAIL, OTHER = "ada@example.org", "mallory@example.org"
NEW_PASSWORD = "violet harbour 97 kettle drum"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"


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


def newest_event(service: Running, email: str) -> str:
    account_id = account_of(service, email)
    completed = [event for event in service.events("login:sign_in:completed") if event.account_id == account_id]
    return str(completed[-1].event_id)
