"""Pages that everybody can use: axe finds nothing serious, keys alone are enough, nothing is wider than a phone.

The pages are reached as a customer and an analyst reach them, so that they show what they show in use. Axe looks at
rules for WCAG 2.2 AA; what it can't see (sense, order, tone) is for people to look at.
"""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.test_journeys import PASSWORD, begin_sign_up, sign_out, sign_up_with_password
from tests.browser.test_second_factors import confirm_password, set_up_app, sign_in_to_account

MAX_TABS = 40


def test_the_pages_of_signing_up_and_in(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    visitor: Visitor = new_visitor()
    page, demo, email = visitor.page, visitor.demo, "a11y-pages@example.org"
    page.goto(demo.storefront)
    look(page, "Tea that takes its time")
    page.get_by_role("link", name="Create account").first.click()
    look(page, "Create")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Code from the mail").fill("00000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "Check your mail")
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    look(page, "Choose how you sign in")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Use this password").click()
    expect(page).to_have_url(f"{demo.storefront}/account")
    look(page, "Hello, Ada Lovelace")
    page.goto(f"{demo.issuer}/account")
    look(page, "Ada Lovelace")
    page.goto(f"{demo.issuer}/demo/mailbox")
    look(page, "Mailbox")
    page.goto(f"{demo.storefront}/account")
    sign_out(visitor)
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("E-mail address").fill(email)
    page.locator("#password").fill("not the password at all")
    page.get_by_role("button", name="Sign in with password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "Sign in")


def test_the_pages_of_a_second_factor(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    owner: Visitor = new_visitor()
    email = "a11y-second@example.org"
    sign_up_with_password(owner, email)
    set_up_app(owner)
    page = owner.page
    page.get_by_role("button", name="Move to another phone").click()
    look(page, "Set up an app")
    page.goto(f"{owner.demo.issuer}/account/recovery-codes")
    page.get_by_role("button", name="Make").click()
    look(page, "Your new recovery codes")

    visitor: Visitor = new_visitor()
    page = visitor.page
    sign_in_to_account(visitor, email, "/account/authenticator")
    look(page, "Authenticator app")
    page.get_by_role("button", name="Move to another phone").click()
    confirm_password(visitor)
    look(page, "One more proof")
    page.get_by_role("button", name="Use a code from your app").click()
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "Type the code from your app")
    page.get_by_role("button", name="Use another way").click()
    page.get_by_role("button", name="Use a recovery code").click()
    look(page, "Type a recovery code")


def test_the_offer_of_a_passkey(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    visitor: Visitor = new_visitor()
    page, demo, email = visitor.page, visitor.demo, "a11y-offer@example.org"
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    visitor.add_authenticator()
    page.goto(f"{demo.storefront}/sign-in")
    expect(page.locator("input[name=makes_passkeys]")).to_have_value("yes")
    page.get_by_label("E-mail address").fill(email)
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=6)
    page.get_by_role("button", name="Sign in with password").click()
    look(page, "Sign in faster next time")


def test_the_pages_of_a_step_up_and_of_a_warning(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    email = "a11y-step-up@example.org"
    owner: Visitor = new_visitor()
    sign_up_with_password(owner, email)
    stranger: Visitor = new_visitor(user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0")
    page, demo = stranger.page, stranger.demo
    page.goto(f"{demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    stranger.type_as_a_program("#password", PASSWORD)
    page.get_by_role("button", name="Sign in with password").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One more proof")
    look(page, "One more proof")
    page.get_by_role("button", name="Send me a code by mail").click()
    expect(page.get_by_label("Code from the mail")).to_be_visible()
    look(page, "One more proof")
    page.get_by_label("Code from the mail").fill(stranger.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(f"{demo.storefront}/account")
    page.goto(f"{demo.issuer}/demo/mailbox")
    look(page, "Mailbox")  # its link is long
    page.locator("article.mail a[href*='/not-me']").first.click()
    look(page, "Was this you?")
    page.goto(f"{demo.issuer}/oauth2/authorize?client_id=nobody")
    look(page, "That did not work")


def test_the_console(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    customer: Visitor = new_visitor()
    sign_up_with_password(customer, "a11y-seen@example.org")
    analyst: Visitor = new_visitor()
    analyst.add_authenticator()
    page, demo, email = analyst.page, analyst.demo, "a11y-analyst@example.org"
    page.goto(f"{demo.issuer}/console")
    look(page, "Sign in")
    page.goto(demo.command("user", "invite").stdout.strip())
    look(page, "You are invited")
    page.get_by_role("button", name="Accept").click()
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Code from the mail").fill(analyst.mailed_code(email))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{demo.issuer}/console")
    look(page, "Risk decisions")
    page.goto(f"{demo.issuer}/console?decision=deny&window=1h")
    look(page, "Risk decisions")
    page.goto(f"{demo.issuer}/console")
    decision = page.locator("a[href*='/console/decisions/']")
    if decision.count() == 0:  # this test alone: nobody has signed in with a password yet
        sign_out(customer)
        customer.page.get_by_role("link", name="Sign in").first.click()
        customer.page.get_by_label("E-mail address").fill("a11y-seen@example.org")
        customer.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=4)
        customer.page.get_by_role("button", name="Sign in with password").click()
        expect(customer.page).to_have_url(f"{demo.storefront}/account")
        page.reload()
    decision.first.click()
    look(page, "decision of")
    page.goto(f"{demo.issuer}/console/incidents")
    look(page, "Incidents")
    page.goto(f"{demo.issuer}/console/policy")
    look(page, "Policy")
    page.goto(f"{demo.issuer}/console/cases")
    look(page, "Cases")
    open_case(customer)
    page.reload()
    expect(page.locator("main")).to_contain_text("a11y-seen@example.org")
    look(page, "Cases")


def test_the_accounts_own_pages(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    visitor: Visitor = new_visitor()
    visitor.add_authenticator()
    sign_up_with_password(visitor, "a11y-own@example.org")
    page, account = visitor.page, f"{visitor.demo.issuer}/account"
    for path, heading in (
        ("", "Ada Lovelace"),
        ("/sessions", "Where you are signed in"),
        ("/activity", "Recent activity"),
        ("/consents", "What you allow"),
        ("/password", "Password"),
        ("/password/change", "Change your password"),
        ("/password/remove", "Remove the password"),
        ("/authenticator", "Authenticator app"),
        ("/recovery-codes", "Recovery codes"),
        ("/passkeys", "Passkeys"),
        ("/passkeys/add", "Add a passkey"),
    ):
        page.goto(f"{account}{path}")
        look(page, heading)
    page.goto(f"{account}/authenticator")
    page.get_by_role("button", name="Set up an app").click()
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "Set up an app")
    page.goto(f"{account}/recovery-codes")
    page.get_by_role("button", name="Make recovery codes").click()
    look(page, "Your new recovery codes")
    page.goto(f"{account}/passkeys/add")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{account}/passkeys")
    page.get_by_text("Rename", exact=True).click()
    look(page, "Passkeys")
    page.get_by_role("link", name="Remove").first.click()
    look(page, "Remove")
    page.goto(f"{account}/activity")
    page.get_by_role("link", name="This wasn't me").first.click()
    look(page, "This wasn't you?")
    page.get_by_role("button", name="This wasn't me").click()
    look(page, "Everybody is signed out")


def test_keys_alone_sign_up_and_in_with_a_password(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    page, demo, email = visitor.page, visitor.demo, "a11y-keys@example.org"
    page.goto(demo.storefront)
    press(page, "Create account")
    type_into(page, "Your name", "Ada Lovelace")
    type_into(page, "E-mail address", email)
    press(page, "Send me the code")
    type_into(page, "Code from the mail", visitor.mailed_code(email))
    page.keyboard.press("Enter")
    type_into(page, "New password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{demo.storefront}/account")
    press(page, "Sign out")
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    press(page, "Sign in")
    tab_to(page, "E-mail address")
    visitor.type_like("#email", email, hold_ms=80, gap_ms=90, seed=5)  # a person's keys, not a program's
    tab_to(page, "Password")
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=3)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{demo.storefront}/account")


def test_keys_alone_sign_up_and_in_with_a_passkey(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    visitor.add_authenticator()
    page = visitor.page
    begin_sign_up(visitor, "a11y-passkey@example.org")
    press(page, "Create a passkey")
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
    press(page, "Sign out")
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    press(page, "Sign in")
    press(page, "Sign in with a passkey")
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def test_the_skip_link_is_first_and_the_focus_is_seen(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()  # its script has run
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the page's content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "Sign in with a passkey"
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def open_case(customer: Visitor) -> None:
    """Press "this wasn't me" on the newest thing that a customer can disown."""
    page = customer.page
    page.goto(f"{customer.demo.issuer}/account/activity")
    page.get_by_role("link", name="This wasn't me").first.click()
    page.get_by_role("button", name="This wasn't me").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Everybody is signed out")


def press(page: Page, name: str) -> None:
    """Go to a link or button with Tab, and press Enter."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def type_into(page: Page, label: str, text: str) -> None:
    """Go to a field with Tab, unless it has the focus, and type."""
    expect(page.get_by_label(label, exact=True)).to_be_visible()
    if focused(page) != label:
        tab_to(page, label)
    page.keyboard.type(text, delay=20)


def tab_to(page: Page, name: str) -> None:
    expect(page.get_by_text(name, exact=True).first).to_be_visible()
    seen = []
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1] == name:
            return
    raise AssertionError(f"Tab never came to {name!r}: {seen}")


def focused(page: Page) -> str:
    """Return what the focused element is called: its label, or its text."""
    name: str = page.evaluate(
        "const at = document.activeElement; (at.labels?.[0] ?? at).innerText.trim().replace(/\\s+/g, ' ')"
    )
    return name
