"""Whoever had an old page open agrees to nothing, and whoever agreed to older words is asked again."""

from dataclasses import replace

import pytest

from authsvc.accounts.consents.service import WORDINGS, Purpose
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"


def reword(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = replace(WORDINGS[Purpose.TYPING], version=2, text="Quite another thing.")
    monkeypatch.setitem(WORDINGS, Purpose.TYPING, newer)


def choose(browser: BrowserClient, action: str, *, version: str) -> str:
    """Press one of the page's buttons; return the page that follows."""
    form = {**browser.form("/account/consents"), "purpose": "typing", "action": action, "version": version}
    assert browser.http.post("/account/consents", data=form, headers=SAME_ORIGIN).status_code == 303
    return browser.open("/account/consents").text


def test_a_sign_up_whose_page_had_older_words_gives_no_consent(local: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = local.browser()
    shop = local.shop()
    shop.begin(browser)
    local.prove_address(browser, EMAIL)
    reword(monkeypatch)
    shop.finish(browser, browser.submit("/login/credential/password", password=PASSWORD, typing_consent="yes"))
    assert local.events("accounts:consent:given") == []


def test_the_account_page_asks_again_and_lets_the_old_consent_be_taken_back(
    local: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL, typing_consent=True)
    assert "older words" not in browser.open("/account/consents").text
    reword(monkeypatch)
    stale = browser.form("/account/consents")
    assert stale["version"] == "1"
    page = browser.open("/account/consents").text
    assert "We have changed them, so we ask you again" in page
    assert "Quite another thing." in page
    assert "so we ask you again" in choose(browser, "give", version="1")  # an old tab
    assert "so we ask you again" not in choose(browser, "give", version="2")
    assert [event.facts["version"] for event in local.events("accounts:consent:given")] == [1, 2]
    choose(browser, "withdraw", version="2")
    assert sorted(event.facts["version"] for event in local.events("accounts:consent:withdrawn")) == [1, 2]
