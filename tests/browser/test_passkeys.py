"""Passkeys in a real browser: picked in the address field, offered after a password, and told to their manager.

Chromium's virtual authenticator answers as a person's does: it waits where nobody is present, and its passkeys go when
a page says that they are no longer accepted. Conditional create is the exception: this Chromium says that it can, and
its virtual authenticators never do; what the server makes of such a passkey is tried in tests/journeys.
"""

import base64
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import PATIENCE_MS, Authenticator, Visitor, patiently
from tests.browser.test_accessibility import press
from tests.browser.test_journeys import PASSWORD, begin_sign_up, sign_out, sign_up_with_password

OPTIONS = "**/login/passkey/options"
NO_PASSKEYS = "delete window.PublicKeyCredential"
SPY_ON_CREATE = """
  window.mediations = [];
  const create = navigator.credentials?.create.bind(navigator.credentials);
  if (create) navigator.credentials.create = (options) => {
    window.mediations.push(options.mediation);
    return create(options);
  };
"""
SPY_ON_GET = """
  window.asked = [];
  const get = navigator.credentials?.get.bind(navigator.credentials);
  if (get) navigator.credentials.get = (options) => {
    const answer = get(options);
    window.asked.push(options.mediation);
    return answer;
  };
"""
OWNED_BY = "IN (SELECT account_id FROM addresses WHERE email = ?)"
OFFER = "Sign in faster next time"


def sign_up_with_passkey(visitor: Visitor, email: str) -> Authenticator:
    """Make an account with a passkey, and leave: nobody is present at the authenticator."""
    visitor.context.add_init_script(SPY_ON_GET)
    authenticator = visitor.add_authenticator(autofill=True)
    begin_sign_up(visitor, email)
    visitor.page.get_by_role("button", name="Create a passkey").click()
    expect(visitor.page).to_have_url(f"{visitor.demo.storefront}/account")
    sign_out(visitor)
    authenticator.somebody_is_present(False)
    return authenticator


def begin_sign_in(visitor: Visitor) -> None:
    """Open the sign-in page and see that it is there."""
    visitor.page.goto(f"{visitor.demo.storefront}/sign-in")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Sign in")


def with_password(visitor: Visitor, email: str) -> None:
    """Sign in by password in a browser that has had the time to say what it can."""
    begin_sign_in(visitor)
    page = visitor.page
    expect(page.locator("input[name=makes_passkeys]")).to_have_value("yes")
    page.get_by_label("E-mail address").fill(email)
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=len(email))
    page.get_by_role("button", name="Sign in with password").click()


def expect_account(visitor: Visitor, level: str) -> None:
    expect(visitor.page).to_have_url(f"{visitor.demo.storefront}/account")
    expect(visitor.page.locator("body")).to_contain_text(f"urn:authsvc:acr:{level}")


# -- the address field


def test_a_passkey_is_picked_in_the_address_field(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = sign_up_with_passkey(visitor, "autofill@example.org")
    authenticator.somebody_is_present(True)
    visitor.page.goto(f"{visitor.demo.storefront}/sign-in")
    expect_account(visitor, "phr")  # nothing was pressed


def test_the_button_beside_it_takes_over(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    page = visitor.page
    authenticator = sign_up_with_passkey(visitor, "beside@example.org")
    with page.expect_response(OPTIONS) as asked:
        begin_sign_in(visitor)
    assert asked.value.request.post_data_json["autofill"] is True
    wait_for_autofill(page)
    expect(page.get_by_label("E-mail address")).to_have_attribute("autocomplete", "username webauthn")
    authenticator.somebody_is_present(True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect_account(visitor, "phr")


def test_a_password_is_taken_while_the_address_field_waits(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "waits@example.org")
    sign_out(visitor)
    sign_up_with_passkey(visitor, "other@example.org").somebody_is_present(False)
    with visitor.page.expect_response(OPTIONS):
        begin_sign_in(visitor)
    visitor.page.get_by_label("E-mail address").fill("waits@example.org")
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=3)
    expect(visitor.page.locator("input[name=makes_passkeys]")).to_have_value("yes")
    visitor.page.get_by_role("button", name="Sign in with password").click()
    visitor.page.get_by_role("button", name="Not now").click()
    expect_account(visitor, "pwd")


def test_a_page_left_open_for_an_hour_asks_for_new_challenges(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    page = visitor.page
    authenticator = sign_up_with_passkey(visitor, "open@example.org")
    page.clock.install()
    asked: list[str] = []
    page.on("response", lambda response: asked.append(response.url) if "passkey/options" in response.url else None)
    begin_sign_in(visitor)
    for number in range(14):
        authenticator.somebody_is_present(number == 13)
        before = len(asked)
        forward(page, 271_000, until=lambda before=before: len(asked) > before)
    expect_account(visitor, "phr")


def forward(page: Page, by_ms: int, *, until: Callable[[], bool]) -> None:
    """Let the page's clock jump until something comes of it: the page may not have set its timer at the first jump."""
    for _ in patiently():
        with suppress(Error):  # the page is just being left
            page.clock.fast_forward(by_ms)
        for _ in range(20):
            page.wait_for_timeout(50)
            if until():
                return
    raise AssertionError("nothing came of it")


def test_a_browser_without_passkeys_sees_the_password_at_once(new_visitor: Any) -> None:
    owner: Visitor = new_visitor()
    sign_up_with_password(owner, "without@example.org")
    visitor: Visitor = new_visitor()
    visitor.context.add_init_script(NO_PASSKEYS)
    page = visitor.page
    begin_sign_in(visitor)
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    expect(page.get_by_text("or use your password")).to_be_hidden()
    page.get_by_label("E-mail address").fill("without@example.org")
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=8)
    expect(page.locator("input[name=makes_passkeys]")).to_have_value("")
    page.get_by_role("button", name="Sign in with password").click()
    expect_account(visitor, "pwd")  # and no offer on the way


# -- the offer


def at_the_offer(visitor: Visitor, email: str) -> Authenticator:
    """Sign in by password on a device that could hold a passkey; return its authenticator."""
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    authenticator = visitor.add_authenticator()
    with_password(visitor, email)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(OFFER)
    expect(visitor.page.get_by_role("button", name="Create a passkey")).to_be_enabled()
    return authenticator


def test_the_offer_is_taken_and_told_to_the_owner(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = at_the_offer(visitor, "taken@example.org")
    page = visitor.page
    page.get_by_role("button", name="Create a passkey").click()
    expect_account(visitor, "pwd")
    (credential,) = authenticator.credentials()
    assert credential["userName"] == "taken@example.org"
    sign_out(visitor)
    begin_sign_in(visitor)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect_account(visitor, "phr")
    page.goto(f"{visitor.demo.issuer}/demo/mailbox")
    mail = page.locator("article.mail", has_text="taken@example.org").first
    expect(mail).to_contain_text("A new way to sign in was added")


def test_not_now_is_heard(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    at_the_offer(visitor, "later@example.org")
    visitor.page.get_by_role("button", name="Not now").click()
    expect_account(visitor, "pwd")
    sign_out(visitor)
    with_password(visitor, "later@example.org")
    expect_account(visitor, "pwd")


def test_a_ceremony_that_fails_leaves_both_ways_open(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = at_the_offer(visitor, "fails@example.org")
    page = visitor.page
    authenticator.session.send(
        "WebAuthn.setUserVerified", {"authenticatorId": authenticator.id, "isUserVerified": False}
    )
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was made")
    assert authenticator.credentials() == []
    page.get_by_role("button", name="Not now").click()
    expect_account(visitor, "pwd")


def test_an_offer_that_nobody_answers_goes_on(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    visitor.page.clock.install()
    at_the_offer(visitor, "silent@example.org")
    forward(visitor.page, 541_000, until=lambda: "/login/offer" not in visitor.page.url)
    expect_account(visitor, "pwd")


def test_a_browser_that_holds_no_passkeys_is_offered_none(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()  # a Chromium without any authenticator
    email = "nothing@example.org"
    sign_up_with_password(visitor, email)
    sign_out(visitor)
    begin_sign_in(visitor)
    visitor.page.get_by_label("E-mail address").fill(email)
    visitor.type_like("#password", PASSWORD, hold_ms=70, gap_ms=60, seed=9)
    expect(visitor.page.locator("input[name=makes_passkeys]")).to_have_value("")
    visitor.page.get_by_role("button", name="Sign in with password").click()
    expect_account(visitor, "pwd")


def test_a_browser_that_can_is_asked_to_make_one_by_itself(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    visitor.context.add_init_script(SPY_ON_CREATE)
    with visitor.page.expect_response("**/login/offer/options", timeout=4 * PATIENCE_MS) as asked:
        at_the_offer(visitor, "itself@example.org")
    assert asked.value.request.post_data_json["conditional"] is True
    assert asked.value.json()["publicKey"]["authenticatorSelection"]["userVerification"] == "preferred"
    visitor.page.wait_for_function("window.mediations.length > 0")
    assert visitor.page.evaluate("window.mediations") == ["conditional"]
    visitor.page.get_by_role("button", name="Create a passkey").click()  # the person was faster
    expect_account(visitor, "pwd")


def test_keys_alone_answer_the_offer(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    at_the_offer(visitor, "offer-keys@example.org")
    press(visitor.page, "Not now")
    expect_account(visitor, "pwd")
    other: Visitor = new_visitor()
    authenticator = at_the_offer(other, "offer-keys-2@example.org")
    press(other.page, "Create a passkey")
    expect_account(other, "pwd")
    assert len(authenticator.credentials()) == 1


# -- what the passkey manager is told


def test_a_passkey_that_nobody_has_here_is_forgotten(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = sign_up_with_passkey(visitor, "forgotten@example.org")
    change(visitor, f"DELETE FROM passkeys WHERE account_id {OWNED_BY}", "forgotten@example.org")
    try_passkey(visitor, authenticator)
    expect(visitor.page.get_by_role("alert")).to_contain_text("not registered here any more")
    wait_until_held(visitor, authenticator, 0)


def test_a_passkey_that_is_refused_for_another_reason_stays(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = sign_up_with_passkey(visitor, "stays@example.org")
    change(visitor, f"UPDATE accounts SET status = 'frozen' WHERE id {OWNED_BY}", "stays@example.org")
    with visitor.page.expect_response("**/login/passkey/verify"):
        try_passkey(visitor, authenticator)
    authenticator.somebody_is_present(False)  # or the address field's ceremony is answered at once, again and again
    expect(visitor.page.get_by_role("alert")).to_contain_text("could not be confirmed")
    assert len(authenticator.credentials()) == 1


def test_the_manager_learns_names_and_what_is_accepted(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = sign_up_with_passkey(visitor, "renamed@example.org")
    (mine,) = authenticator.credentials()
    drawer = security_key(authenticator)  # it holds a passkey that was removed from the account
    removed = {**mine, "credentialId": base64.b64encode(b"removed").decode(), "privateKey": new_private_key()}
    drawer.session.send("WebAuthn.addCredential", {"authenticatorId": drawer.id, "credential": removed})
    change(visitor, f"UPDATE accounts SET display_name = 'Ada King' WHERE id {OWNED_BY}", "renamed@example.org")
    try_passkey(visitor, authenticator)
    expect_account(visitor, "phr")
    visitor.page.goto(f"{visitor.demo.issuer}/account")  # tells it again, where the sign-in had no time to
    wait_until_held(visitor, drawer, 0)
    (left,) = authenticator.credentials()
    assert (left["credentialId"], left["userDisplayName"]) == (mine["credentialId"], "Ada King")


def test_a_passkey_that_its_owner_removes_is_forgotten(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    authenticator = at_the_offer(visitor, "removes@example.org")
    page = visitor.page
    page.get_by_role("button", name="Create a passkey").click()
    expect_account(visitor, "pwd")
    page.goto(f"{visitor.demo.issuer}/account/passkeys")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Use your passkey").click()  # the session has only shown the password
    expect(page.get_by_role("heading", level=1)).to_contain_text("Remove")
    assert len(authenticator.credentials()) == 1
    with page.expect_response("**/login/passkey/accepted"):
        page.get_by_role("button", name="Remove this passkey").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()
    wait_until_held(visitor, authenticator, 0)


def wait_until_held(visitor: Visitor, authenticator: Authenticator, count: int) -> None:
    """Wait until so many passkeys are left: the browser tells its authenticators in its own time."""
    for _ in patiently():
        if len(authenticator.credentials()) == count:
            break
        visitor.page.wait_for_timeout(50)
    assert len(authenticator.credentials()) == count


def security_key(beside: Authenticator) -> Authenticator:
    """Plug in a second authenticator that nobody touches."""
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "automaticPresenceSimulation": False}
    added = beside.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Authenticator(beside.session, str(added["authenticatorId"]))


def try_passkey(visitor: Visitor, authenticator: Authenticator) -> None:
    begin_sign_in(visitor)
    wait_for_autofill(visitor.page)
    authenticator.somebody_is_present(True)
    visitor.page.get_by_role("button", name="Sign in with a passkey").click()


def wait_for_autofill(page: Page) -> None:
    """Wait until the address field has asked for a passkey: one that is asked later would be answered at once."""
    page.wait_for_function("window.asked.includes('conditional')")


def change(visitor: Visitor, statement: str, email: str) -> None:
    """Change the demo's database behind its back."""
    with closing(sqlite3.connect(visitor.demo.folder / ".demo" / "authsvc.sqlite3", timeout=60)) as connection:
        assert connection.execute(statement, (email,)).rowcount == 1
        connection.commit()


def new_private_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
