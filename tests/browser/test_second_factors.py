"""An authenticator app and recovery codes in a real browser: set up on the account page, asked for at a sign-in."""

import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyotp
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, patiently
from tests.browser.test_journeys import PASSWORD, sign_up_with_password

STEP_S = 30


@dataclass
class Phone:
    """An authenticator app on the real clock, which never shows a code that it showed before."""

    secret: str
    last_step: int = 0

    def code(self) -> str:
        step = max(self.last_step + 1, int(time.time()) // STEP_S)
        while step > int(time.time()) // STEP_S + 1:  # the server takes codes one step ahead, and no further
            time.sleep(0.5)
        self.last_step = step
        return pyotp.TOTP(self.secret).generate_otp(step)


def set_up_app(visitor: Visitor) -> Phone:
    """Set up an app for the person who is signed in."""
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/authenticator")
    page.get_by_role("button", name="Set up an app").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up an app")
    picture = page.locator("img.qr")
    expect(picture).to_be_visible()
    phone = Phone((page.locator("#key").text_content() or "").replace(" ", ""))
    for _ in patiently():  # the picture may be drawn a moment after the page
        seen = read_qr(picture.screenshot())
        if seen:
            break
    assert pyotp.parse_uri(seen).secret == phone.secret  # a camera reads what the page says
    page.get_by_label("Code from the app").fill(phone.code())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("On", exact=True)).to_be_visible()
    return phone


def read_qr(picture: bytes, scheme: str = "otpauth:") -> str:
    """Return the text of the QR code in a screenshot, as a phone's camera would read it.

    A camera looks from more than one distance. OpenCV's reader fails at any one size with about 2 of 100 random
    secrets, whose modules the page has scaled to 4.5 pixels; at all of these sizes with none of 150.
    """
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    for scale in (1.0, 2.0, 1.3, 0.7, 3.0):
        seen = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        text, *_ = cv2.QRCodeDetector().detectAndDecode(seen)
        if text.startswith(scheme):
            return text
    return ""


def sign_in_to_account(visitor: Visitor, email: str, path: str) -> None:
    """Open a page of the account in a browser where nobody is signed in, and give the password."""
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}{path}")
    page.get_by_label("E-mail address").fill(email)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in with password").click()


def confirm_password(visitor: Visitor) -> None:
    """Give the password once more, where a change asks for a fresh proof."""
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it's you")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One more proof")


def test_a_stranger_with_the_password_is_asked_for_the_app(new_visitor: Any) -> None:
    email = "app@example.org"
    owner: Visitor = new_visitor()
    sign_up_with_password(owner, email)
    phone = set_up_app(owner)

    visitor: Visitor = new_visitor(user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0")
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    visitor.type_as_a_program("#password", PASSWORD)  # from a new device
    page.get_by_role("button", name="Sign in with password").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One more proof")
    expect(page.get_by_role("button", name="Send me a code by mail")).to_have_count(0)
    page.get_by_role("button", name="Use a code from your app").click()
    field = page.get_by_label("Code from the app")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("autocomplete", "one-time-code")
    expect(field).to_have_attribute("inputmode", "numeric")

    field.fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    page.get_by_role("button", name="Use another way").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One more proof")
    page.get_by_role("button", name="Use a code from your app").click()
    page.get_by_label("Code from the app").fill(phone.code())
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
    expect(page.locator("body")).to_contain_text("urn:authsvc:acr:mfa")


def test_without_script_an_app_and_then_a_recovery_code(new_visitor: Any) -> None:
    email = "paper@example.org"
    owner: Visitor = new_visitor(java_script_enabled=False)
    sign_up_with_password(owner, email)
    phone = set_up_app(owner)

    elsewhere: Visitor = new_visitor(java_script_enabled=False)
    page = elsewhere.page
    sign_in_to_account(elsewhere, email, "/account/recovery-codes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.get_by_role("button", name="Make").click()  # takes a fresh proof, at the account's highest level
    confirm_password(elsewhere)
    page.get_by_role("button", name="Use a code from your app").click()
    page.get_by_label("Code from the app").fill(phone.code())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new recovery codes")
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    code = codes.nth(3).inner_text()

    lost: Visitor = new_visitor(java_script_enabled=False)  # the phone is gone, the paper is there
    sign_in_to_account(lost, email, "/account/authenticator")
    lost.page.get_by_role("button", name="Move to another phone").click()
    confirm_password(lost)
    expect(lost.page.get_by_role("heading", name="Lost your phone?")).to_be_visible()
    lost.page.get_by_role("button", name="Use a recovery code").click()
    lost.page.get_by_label("Recovery code").fill(code.upper())
    lost.page.get_by_role("button", name="Continue").click()
    expect(lost.page.get_by_role("heading", level=1)).to_have_text("Authenticator app")
    lost.page.goto(f"{lost.demo.issuer}/account/recovery-codes")
    expect(lost.page.locator("body")).to_contain_text("9 codes are left")
