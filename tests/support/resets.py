"""A forgotten password, as tests walk through it: ask for the mail, follow it, choose another."""

import re
from typing import Any

from sqlalchemy import select

from authsvc.accounts.tables import sessions
from tests.support.browser_client import BrowserClient
from tests.support.running import Running, Shop

EMAIL = "ada@example.org"
NEW = "another good phrase 42"
ELSEWHERE = "198.51.100.9"
LINK = re.compile(r"http://localhost:8000(/login/link\?token=\S+)")


def ask(service: Running, browser: BrowserClient, email: str = EMAIL, **shop: Any) -> Shop:
    """Begin at a shop and ask for the mail."""
    began = service.shop(**shop)
    began.begin(browser, prompt="login")
    browser.open(f"/login/reset?flow={browser.flow}")
    browser.submit("/login/reset", email=email)
    return began


def link_for(service: Running, email: str = EMAIL) -> str:
    found = LINK.search(service.mails(email)[0].text)
    assert found is not None, "the newest mail has no link"
    return found[1]


def reset(service: Running, browser: BrowserClient, *, password: str = NEW, **shop: Any) -> tuple[Shop, Any]:
    """Go all the way to the new password; return the shop and the answer."""
    began = ask(service, browser, **shop)
    browser.submit("/login/reset/code", code=service.code_for(EMAIL))
    return began, browser.submit("/login/reset/password", password=password)


def one(service: Running, table: Any, *conditions: Any) -> Any:
    with service.services.database.read() as connection:
        return connection.execute(select(table).where(*conditions)).one()


def ended(service: Running) -> list[str | None]:
    with service.services.database.read() as connection:
        return list(connection.execute(select(sessions.c.end_reason).order_by(sessions.c.created_at)).scalars())


def without_session(browser: BrowserClient) -> None:
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")


def csrf_of(browser: BrowserClient) -> str:
    return browser._parsed().meta_csrf


def with_passkey(browser: BrowserClient, authenticator: Any) -> Any:
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    answer = browser.post_json(
        "/login/passkey/verify", {"flow": browser.flow, "credential": authenticator.get(options)}
    )
    assert answer.status_code == 200, answer.text
    return browser.open(answer.json()["next"])


def add_passkey(service: Running, browser: BrowserClient) -> Any:
    """Add a passkey to the account that is signed in, by its own page."""
    authenticator = service.authenticator()
    assert browser.open("/account/passkeys/add").status_code == 200
    options = browser.post_json("/account/passkeys/add/options", {}).json()["publicKey"]
    answer = browser.post_json("/account/passkeys/add/verify", {"credential": authenticator.create(options)})
    assert answer.status_code == 200, answer.text
    browser.open(answer.json()["next"])
    return authenticator
