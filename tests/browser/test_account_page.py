"""The account's own pages in a browser: what needs a script, what must work without, and keys alone."""

import re
from typing import Any

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.test_accessibility import press, type_into
from tests.browser.test_journeys import PASSWORD, sign_up_with_password, type_password

NEW_PASSWORD = "violet harbour 97 kettle drum"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def at_account(visitor: Visitor, path: str = "") -> Page:
    visitor.page.goto(f"{visitor.demo.issuer}/account{path}")
    return visitor.page


def sign_in_elsewhere(new_visitor: Any, email: str, password: str = PASSWORD) -> Visitor:
    other: Visitor = new_visitor(user_agent=WINDOWS)
    page = other.page
    page.goto(f"{other.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in with password").click()
    expect(page).to_have_url(f"{other.demo.storefront}/account")
    return other


def test_a_passkey_is_added_renamed_used_and_removed(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    visitor.add_authenticator()
    sign_up_with_password(visitor, "own-passkey@example.org")
    page = at_account(visitor, "/passkeys")
    heading(page, "Passkeys")
    page.get_by_role("link", name="Add a passkey").click()
    heading(page, "Add a passkey")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{visitor.demo.issuer}/account/passkeys")
    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("New name").fill("Work laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".rows .name")).to_have_text("Work laptop")
    page.goto(f"{visitor.demo.issuer}/account/passkeys/add")
    page.get_by_role("button", name="Create a passkey").click()  # this device holds one: nothing is made twice
    expect(page.get_by_role("alert")).to_contain_text("already holds a passkey")
    page.goto(f"{visitor.demo.issuer}/account/passkeys")
    page.get_by_role("link", name="Remove Work laptop").click()
    heading(page, "Remove \u201cWork laptop\u201d?")
    page.get_by_role("button", name="Remove this passkey").click()
    heading(page, "Passkeys")
    expect(page.get_by_text("You have none yet.")).to_be_visible()


def test_an_app_is_set_up_with_the_shown_key(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "own-app@example.org")
    page = at_account(visitor, "/authenticator")
    page.get_by_role("button", name="Set up an app").click()
    heading(page, "Set up an app")
    expect(page.locator("img.qr")).to_have_js_property("complete", True)
    assert page.locator("img.qr").evaluate("image => image.naturalWidth") > 0
    page.get_by_text("You can't scan it?").click()
    expect(page.locator("#key")).to_be_visible()
    secret = page.locator("#key").inner_text().replace(" ", "")
    page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    heading(page, "Authenticator app")
    expect(page.get_by_text("On", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Make them now")).to_be_visible()


def test_recovery_codes_are_seen_once_and_saved(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "own-codes@example.org")
    page = at_account(visitor, "/recovery-codes")
    page.get_by_role("button", name="Make recovery codes").click()
    heading(page, "Your new recovery codes")
    expect(page.locator(".codes code")).to_have_count(10)
    shown = page.locator(".codes code").all_inner_texts()
    assert len(set(shown)) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    saved = download.value.path().read_text()
    assert all(code in saved for code in shown)
    page.get_by_role("link", name="I have kept them").click()
    heading(page, "Ada Lovelace")
    page.goto(f"{visitor.demo.issuer}/account/recovery-codes")
    expect(page.get_by_text("codes are left")).to_be_visible()
    assert not [code for code in shown if code in page.content()]


def test_the_other_browser_is_really_signed_out(new_visitor: Any) -> None:
    owner: Visitor = new_visitor()
    email = "own-sessions@example.org"
    sign_up_with_password(owner, email)
    other = sign_in_elsewhere(new_visitor, email)
    heading(at_account(other), "Ada Lovelace")
    page = at_account(owner, "/sessions")
    page.get_by_role("button", name="Sign out Firefox on Windows", exact=True).click()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    other.page.reload()
    heading(other.page, "Sign in")
    page.get_by_role("button", name="Forget Firefox on Windows").click()
    expect(page.get_by_text("Devices we would recognise")).to_have_count(0)


def test_this_was_not_me_in_two_presses(new_visitor: Any) -> None:
    owner: Visitor = new_visitor()
    email = "own-activity@example.org"
    sign_up_with_password(owner, email)
    other = sign_in_elsewhere(new_visitor, email)
    page = at_account(owner, "/activity")
    line = page.get_by_role("listitem").filter(has_text="Firefox on Windows").filter(has_text="Signed in")
    line.get_by_role("link", name="This wasn't me").click()
    heading(page, "This wasn't you?")
    page.get_by_role("button", name="This wasn't me").click()
    heading(page, "Everybody is signed out")
    heading(at_account(other), "Sign in")
    page.get_by_role("link", name="Sign in again").click()
    heading(page, "Sign in")


def test_without_script_a_password_is_changed_and_sessions_end(new_visitor: Any) -> None:
    email = "own-noscript@example.org"
    first: Visitor = new_visitor()
    sign_up_with_password(first, email)
    plain: Visitor = new_visitor(java_script_enabled=False, user_agent=WINDOWS)
    page = at_account(plain, "/password/change")
    heading(page, "Sign in")
    page.get_by_label("E-mail address").fill(email)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in with password").click()
    heading(page, "Change your password")
    page.get_by_label("New password").fill("too short")
    page.get_by_role("button", name="Save the new password").click()
    expect(page).to_have_url(f"{plain.demo.issuer}/account/password/change")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("Sign out everywhere else").uncheck()
    page.get_by_role("button", name="Save the new password").click()
    heading(page, "Password")
    heading(at_account(first), "Ada Lovelace")
    page.goto(f"{plain.demo.issuer}/account/sessions")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    first.page.reload()
    heading(first.page, "Sign in")


def test_keys_alone_end_a_session_and_change_the_password(new_visitor: Any) -> None:
    owner: Visitor = new_visitor()
    email = "own-keys@example.org"
    sign_up_with_password(owner, email)
    sign_in_elsewhere(new_visitor, email)
    page = at_account(owner)
    tab_to_line(page, "Where you are signed in")
    page.keyboard.press("Enter")
    heading(page, "Where you are signed in")
    press(page, "Sign out everywhere else")
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    page.goto(f"{owner.demo.issuer}/account/password")
    press(page, "Change your password")
    heading(page, "Change your password")
    type_into(page, "New password", NEW_PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "Password")
    stranger: Visitor = new_visitor()
    type_password(stranger, email, hold_ms=70, gap_ms=60, seed=9)  # the old one
    expect(stranger.page.get_by_role("alert")).to_contain_text("do not match")


def tab_to_line(page: Page, name: str) -> None:
    """Go to one of the first page's lines with Tab; its text has a detail below the name."""
    for _ in range(40):
        page.keyboard.press("Tab")
        text: str = page.evaluate("document.activeElement.innerText")
        if re.sub(r"\s+", " ", text).startswith(name):
            return
    raise AssertionError(f"Tab never came to {name!r}")
