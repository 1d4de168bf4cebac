"""A forgotten password in Chromium: by code, by link, from another device, without JavaScript, beside a passkey."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, patiently
from tests.browser.test_journeys import PASSWORD, sign_out, sign_up_with_password
from tests.browser.test_second_factors import set_up_app

NEW = "another good phrase 42"
SHORT = "Kx7#mQ2p"


def mailed_link(visitor: Visitor, email: str, *, after: str = "") -> str:
    """Return the newest link that carries a code to this address, other than `after`."""
    mailbox = visitor.context.new_page()
    try:
        for _ in patiently():
            mailbox.goto(f"{visitor.demo.issuer}/demo/mailbox")
            mails = mailbox.locator("article.mail").filter(has_text=email)
            links = mails.locator("a[href*='/login/link?token=']")
            if links.count() and (found := links.first.get_attribute("href")) and found != after:
                return found
    finally:
        mailbox.close()
    raise AssertionError(f"no link was mailed to {email}")


def ask_for_mail(visitor: Visitor, email: str) -> None:
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Forgot your password?")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send me the mail").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check your mail")


def choose(page: Page, password: str = NEW) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Choose a new password")
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Use this password").click()


def test_a_forgotten_password_by_code(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    visitor: Visitor = new_visitor()
    email, page = "forgot-code@example.org", visitor.page
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page, "Forgot your password?")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send me the mail").click()
    look(page, "Check your mail")
    page.get_by_label("Code from the mail").fill("00000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code we sent")
    look(page, "Check your mail")
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    look(page, "Choose a new password")
    choose(page, "passwordpassword")
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    look(page, "Choose a new password")
    choose(page)
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
    expect(page.locator("body")).to_contain_text("urn:authsvc:acr:pwd")


def test_a_password_that_was_disowned_is_replaced_on_the_way_to_the_shop(
    new_visitor: Any, look: Callable[[Page, str], None]
) -> None:
    visitor: Visitor = new_visitor()
    email, page = "disowned@example.org", visitor.page
    sign_up_with_password(visitor, email)
    page.goto(f"{visitor.demo.issuer}/account/activity")
    page.get_by_role("link", name="This wasn't me").first.click()
    page.get_by_role("button", name="This wasn't me").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Everybody is signed out")
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=8)
    page.get_by_role("button", name="Sign in with password").click()
    look(page, "Your password has to be changed")
    page.get_by_role("button", name="Send me the mail").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check your mail")
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    choose(page)
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def test_a_password_that_was_short_beside_an_app_is_replaced_once_the_app_is_off(
    new_visitor: Any, look: Callable[[Page, str], None]
) -> None:
    visitor: Visitor = new_visitor()
    email, page = "short@example.org", visitor.page
    sign_up_with_password(visitor, email)
    set_up_app(visitor)
    page.goto(f"{visitor.demo.issuer}/account/password/change")
    page.get_by_label("New password").fill(SHORT)
    page.get_by_role("button", name="Save the new password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Password")
    page.goto(f"{visitor.demo.issuer}/account/authenticator/remove")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Authenticator app")
    page.goto(f"{visitor.demo.issuer}/account/password")
    expect(page.get_by_text("fewer than 15 characters")).to_be_visible()
    look(page, "Password")
    page.goto(f"{visitor.demo.storefront}/account")
    sign_out(visitor)
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.locator("#password").fill(SHORT)
    page.get_by_role("button", name="Sign in with password").click()
    expect(page.get_by_text("has at least 15 characters, and yours has fewer")).to_be_visible()
    look(page, "Your password has to be changed")
    page.get_by_role("button", name="Send me the mail").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check your mail")
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    choose(page)
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def test_a_forgotten_password_by_link(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    visitor: Visitor = new_visitor()
    email, page = "forgot-link@example.org", visitor.page
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    before = mailed_link(visitor, email)
    ask_for_mail(visitor, email)
    link = mailed_link(visitor, email, after=before)

    elsewhere: Visitor = new_visitor()
    elsewhere.page.goto(link)
    look(elsewhere.page, "Type this code where you began")
    code = elsewhere.page.locator(".code-shown output").inner_text()
    assert len(code) == 8
    assert elsewhere.page.get_by_role("button").count() == 0

    tab = visitor.context.new_page()  # the mail's link opens beside the page that waits
    tab.goto(link)
    look(tab, "Choose a new password")
    tab.get_by_role("button", name="Continue").click()
    choose(tab)
    expect(tab).to_have_url(f"{visitor.demo.storefront}/account")

    page.get_by_label("Code from the mail").fill(code)  # the first tab is behind
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Check your mail")
    tab.goto(link)
    look(tab, "This link does not work any more")


def test_a_link_opened_on_a_phone_gives_the_code_for_the_computer(new_visitor: Any) -> None:
    computer: Visitor = new_visitor()
    phone: Visitor = new_visitor(viewport={"width": 390, "height": 844})
    email, page = "forgot-phone@example.org", computer.page
    sign_up_with_password(computer, email)
    sign_out(computer)
    before = mailed_link(computer, email)
    ask_for_mail(computer, email)
    phone.page.goto(mailed_link(computer, email, after=before))
    expect(phone.page.get_by_role("heading", level=1)).to_contain_text("Type this code")
    page.get_by_label("Code from the mail").fill(phone.page.locator(".code-shown output").inner_text())
    page.get_by_role("button", name="Continue").click()
    choose(page)
    expect(page).to_have_url(f"{computer.demo.storefront}/account")


def test_a_forgotten_password_without_javascript(new_visitor: Any) -> None:
    owner: Visitor = new_visitor()
    email = "forgot-noscript@example.org"
    sign_up_with_password(owner, email)
    visitor: Visitor = new_visitor(java_script_enabled=False)
    page = visitor.page
    ask_for_mail(visitor, email)
    page.get_by_label("Code from the mail").fill(owner.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    choose(page)
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def test_a_passkey_is_asked_for_after_the_reset(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    owner: Visitor = new_visitor()
    email, page = "forgot-passkey@example.org", owner.page
    sign_up_with_password(owner, email)
    owner.add_authenticator()
    page.goto(f"{owner.demo.issuer}/account/passkeys/add")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{owner.demo.issuer}/account/passkeys")
    page.goto(f"{owner.demo.storefront}/account")
    sign_out(owner)
    before = mailed_link(owner, email)

    thief: Visitor = new_visitor()  # holds the mailbox, and no passkey
    ask_for_mail(thief, email)
    link = mailed_link(thief, email, after=before)
    thief.page.goto(link)
    thief.page.get_by_role("button", name="Continue").click()
    choose(thief.page)
    look(thief.page, "One more proof")
    assert thief.page.get_by_role("button", name="Send me a code by mail").count() == 0

    ask_for_mail(owner, email)
    page.goto(mailed_link(owner, email, after=link))
    page.get_by_role("button", name="Continue").click()
    choose(page, "yet another phrase 43")
    page.get_by_role("button", name="Use your passkey").click()
    expect(page).to_have_url(f"{owner.demo.storefront}/account")
    expect(page.locator("body")).to_contain_text("urn:authsvc:acr:phr")


def test_keys_alone_are_enough(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    email, page = "forgot-keys@example.org", visitor.page
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_role("link", name="Forgot your password?").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Forgot your password?")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(email)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code from the mail")).to_be_focused()
    page.keyboard.type(visitor.mailed_code(email))
    page.keyboard.press("Enter")
    expect(page.get_by_label("New password")).to_be_focused()
    page.keyboard.type(NEW)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
