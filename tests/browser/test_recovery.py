"""The only passkey lost, a thief who reads the mail, an old phone sold, a new address, and leaving: in a real browser.

The demo of these tests is one whose recoveries wait for seconds (AUTHSVC_RECOVERY__WAIT_HOURS, which only the demo
takes so small); everything else is as it is for everybody.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo, Visitor, patiently, started
from tests.browser.test_journeys import PASSWORD, begin_sign_up, sign_out, sign_up_with_password

WAIT_S = 25
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0"
Look = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[Demo]:
    """A demo in which 72 hours are 25 seconds."""
    hours = str(WAIT_S / 3600)
    folder = tmp_path_factory.mktemp("demo")
    with started(folder, RECOVERY__WAIT_HOURS=hours, RECOVERY__KNOWN_DEVICE_WAIT_HOURS=hours) as running:
        yield running


def sign_up_with_passkey(visitor: Visitor, email: str) -> Any:
    authenticator = visitor.add_authenticator()
    begin_sign_up(visitor, email)
    visitor.page.get_by_role("button", name="Create a passkey").click()
    expect(visitor.page).to_have_url(f"{visitor.demo.storefront}/account")
    return authenticator


def prove_mailbox(visitor: Visitor, email: str) -> Page:
    """Go from the shop's sign-in page to the recovery, and type the mailed code."""
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_role("link", name="Lost your passkey or authenticator app?").click()
    expect(heading(page)).to_contain_text("Get back into your account")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send me the code").click()
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    expect(heading(page)).not_to_contain_text("Check your mail")
    return page


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def come_back_when_it_is_over(page: Page) -> None:
    """Look again and again, as a person does, until the wait is over."""
    for _ in patiently():
        if "opens again soon" not in heading(page).inner_text():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("the wait never ended")


def open_mailed_link(visitor: Visitor, email: str, path: str) -> Page:
    """Open the newest link to `path` that was mailed to an address, in the visitor's own browser."""
    page = visitor.page
    mail = page.locator("article.mail", has_text=email).filter(has=page.locator(f"a[href*='{path}']")).first
    for _ in patiently():
        page.goto(f"{visitor.demo.issuer}/demo/mailbox")
        if mail.count():
            break
    mail.locator(f"a[href*='{path}']").first.click()
    return page


def test_the_only_passkey_lost(new_visitor: Any, look: Look) -> None:
    email = "lost@example.org"
    old: Visitor = new_visitor()
    sign_up_with_passkey(old, email)
    sign_out(old)

    new: Visitor = new_visitor(user_agent=WINDOWS)
    authenticator = new.add_authenticator()
    page = prove_mailbox(new, email)
    look(page, "How do you want to get back in?")
    page.get_by_role("button", name="Start the wait").click()
    look(page, "Your account opens again soon")
    come_back_when_it_is_over(page)
    look(page, "Create your new passkey")
    page.get_by_role("button", name="Create a passkey").click()
    look(page, "Your account is open again")
    assert len(authenticator.credentials()) == 1

    page.get_by_role("link", name="Sign in to your account").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(heading(page)).to_contain_text("Ada Lovelace")
    page.goto(f"{new.demo.issuer}/account/passkeys")
    expect(page.locator("main")).to_contain_text("Passkey")

    old.page.goto(f"{old.demo.storefront}/sign-in")
    old.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(old.page.get_by_role("alert")).to_be_visible()  # the old one opens nothing any more


def test_a_thief_with_the_mailbox_is_stopped_by_the_owner(new_visitor: Any, look: Look) -> None:
    email = "robbed@example.org"
    owner: Visitor = new_visitor()
    sign_up_with_passkey(owner, email)

    thief: Visitor = new_visitor(user_agent=WINDOWS)
    thief.add_authenticator()
    page = prove_mailbox(thief, email)
    page.get_by_role("button", name="Start the wait").click()
    expect(heading(page)).to_contain_text("opens again soon")

    owner.page.goto(f"{owner.demo.issuer}/account")
    expect(owner.page.get_by_role("alert")).to_contain_text("Somebody asked to get back into your account")
    open_mailed_link(owner, email, "/not-me")
    look(owner.page, "Was this you?")
    owner.page.get_by_role("button", name="This wasn't me").click()
    expect(heading(owner.page)).to_contain_text("Your account is protected")

    page.reload()
    expect(heading(page)).to_contain_text("How do you want to get back in?")  # nothing is left of the wait
    owner.page.goto(f"{owner.demo.storefront}/sign-in")
    owner.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(owner.page).to_have_url(f"{owner.demo.storefront}/account")

    page.get_by_role("button", name="Start the wait").click()  # the thief tries again
    expect(heading(page)).to_contain_text("opens again soon")
    owner.page.goto(f"{owner.demo.issuer}/account")
    owner.page.get_by_role("button", name="Stop it").click()
    expect(heading(owner.page)).to_contain_text("Ada Lovelace")
    expect(owner.page.get_by_role("button", name="Stop it")).to_have_count(0)
    page.reload()
    expect(heading(page)).to_contain_text("How do you want to get back in?")


def test_an_old_phone_sold(new_visitor: Any) -> None:
    email = "sold@example.org"
    phone: Visitor = new_visitor()
    sign_up_with_password(phone, email)
    laptop: Visitor = new_visitor(user_agent=WINDOWS)
    page = laptop.page
    page.goto(f"{laptop.demo.issuer}/account")
    page.get_by_label("E-mail address").fill(email)
    laptop.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=11)
    page.get_by_role("button", name="Sign in with password").click()
    expect(heading(page)).to_contain_text("Ada Lovelace")

    page.goto(f"{laptop.demo.issuer}/account/sessions")
    page.get_by_role("button", name="Sign out and forget").first.click()
    expect(page.locator("main")).to_contain_text("You are signed in nowhere else")

    phone.page.goto(f"{phone.demo.issuer}/account")
    expect(heading(phone.page)).to_contain_text("Sign in")  # whoever bought it sees no account
    phone.page.goto(f"{phone.demo.storefront}/sign-in")
    expect(phone.page.get_by_label("Password", exact=True)).to_be_visible()


def test_the_address_is_changed_and_the_old_one_puts_itself_back(new_visitor: Any, look: Look) -> None:
    old, new = "before@example.org", "after@example.org"
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, old)
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/address")
    look(page, "Your e-mail address")
    page.get_by_label("New e-mail address").fill(new)
    page.get_by_role("button", name="Send the code").click()
    look(page, "Check the new mailbox")
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(new))
    page.get_by_role("button", name="Use this address").click()
    expect(page.locator("main")).to_contain_text(new)
    look(page, "Your e-mail address")

    owner: Visitor = new_visitor(user_agent=WINDOWS)
    open_mailed_link(owner, old, "/not-me/address")
    look(owner.page, "Put your old address back?")
    owner.page.get_by_role("button", name="This wasn't me: put it back").click()
    look(owner.page, "Your old address is back")
    page.goto(f"{visitor.demo.issuer}/account")
    expect(heading(page)).to_contain_text("Sign in")


def test_data_is_taken_along_and_the_account_deleted(new_visitor: Any, look: Look) -> None:
    email = "leaving@example.org"
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, email)
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/download")
    look(page, "Download your data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    data = json.loads(Path(download.value.path()).read_text())
    assert data["addresses"][0]["email"] == email
    assert download.value.suggested_filename == "my-data.json"
    page.goto(f"{visitor.demo.issuer}/account/delete")
    look(page, "Delete your account")
    page.get_by_label("Type “delete” to confirm").fill("delete")
    page.get_by_role("button", name="Delete my account").click()
    look(page, "Your account is deleted")
    page.goto(f"{visitor.demo.issuer}/account")
    expect(heading(page)).to_contain_text("Sign in")
    sign_up_with_password(new_visitor(), email)  # the address is free again


def test_without_script_a_recovery_begins_and_waits(new_visitor: Any) -> None:
    email = "noscript-recovery@example.org"
    owner: Visitor = new_visitor()
    sign_up_with_passkey(owner, email)
    plain: Visitor = new_visitor(java_script_enabled=False)
    page = prove_mailbox(plain, email)
    page.get_by_role("button", name="Start the wait").click()
    expect(heading(page)).to_contain_text("opens again soon")
