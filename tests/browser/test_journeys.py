"""The whole journey in a real browser: from the shop, through authsvc, and back to the shop."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Visitor, patiently

PASSWORD = "tea and toast 97"


def begin_sign_up(visitor: Visitor, email: str, name: str = "Ada Lovelace") -> None:
    page = visitor.page
    page.goto(visitor.demo.storefront)
    page.get_by_role("link", name="Create account").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Code from the mail").fill(visitor.mailed_code(email))
    page.get_by_role("button", name="Continue").click()


def sign_up_with_password(visitor: Visitor, email: str, *, typing: bool = False) -> None:
    begin_sign_up(visitor, email)
    page = visitor.page
    page.get_by_label("New password").fill(PASSWORD)
    if typing:
        page.get_by_label("Recognise how I type").check()
    page.get_by_role("button", name="Use this password").click()
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def sign_out(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Sign out").first.click()
    expect(visitor.page.get_by_role("status")).to_contain_text("You are signed out")


def type_password(visitor: Visitor, email: str, *, hold_ms: float, gap_ms: float, seed: int) -> None:
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    visitor.type_like("#password", PASSWORD, hold_ms=hold_ms, gap_ms=gap_ms, seed=seed)
    page.get_by_role("button", name="Sign in with password").click()


def test_a_customer_signs_up_with_a_passkey_and_signs_in_again(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    visitor.add_authenticator()
    page = visitor.page
    begin_sign_up(visitor, "passkey@example.org")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
    expect(page.locator("body")).to_contain_text("Ada Lovelace")
    expect(page.locator("body")).to_contain_text("urn:authsvc:acr:phr")
    sign_out(visitor)
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")
    expect(page.locator("body")).to_contain_text("urn:authsvc:acr:phr")
    page.get_by_role("link", name="Confirm with a passkey").click()  # asks for a passkey; the session has one
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")


def test_unfamiliar_typing_from_a_new_device_is_asked_for_more(new_visitor: Any) -> None:
    email = "typist@example.org"
    owner: Visitor = new_visitor()
    sign_up_with_password(owner, email, typing=True)
    for number in range(6):
        sign_out(owner)
        type_password(owner, email, hold_ms=70, gap_ms=60, seed=number)
        expect(owner.page).to_have_url(f"{owner.demo.storefront}/account")  # let through silently
    stranger: Visitor = new_visitor(user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0")
    type_password(stranger, email, hold_ms=190, gap_ms=260, seed=77)
    expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("One more proof")
    stranger.page.get_by_role("button", name="Send me a code by mail").click()
    stranger.page.get_by_label("Code from the mail").fill(stranger.mailed_code(email))
    stranger.page.get_by_role("button", name="Continue").click()
    expect(stranger.page).to_have_url(f"{stranger.demo.storefront}/account")
    expect(stranger.page.locator("body")).to_contain_text("urn:authsvc:acr:pwd_email")


def test_an_analyst_enrols_and_reads_the_reasons(new_visitor: Any) -> None:
    customer: Visitor = new_visitor()
    sign_up_with_password(customer, "reviewed@example.org")
    sign_out(customer)
    type_password(customer, "reviewed@example.org", hold_ms=70, gap_ms=60, seed=5)
    expect(customer.page).to_have_url(f"{customer.demo.storefront}/account")

    analyst: Visitor = new_visitor()
    analyst.add_authenticator()
    page = analyst.page
    page.goto(analyst.demo.invitation)
    page.get_by_role("button").first.click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("E-mail address").fill("analyst@example.org")
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Code from the mail").fill(analyst.mailed_code("analyst@example.org"))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(f"{analyst.demo.issuer}/console")
    expect(page.locator("body")).to_contain_text("reviewed@example.org")
    page.get_by_role("link", name="Details").or_(page.locator("a[href*='/console/decisions/']")).first.click()
    expect(page.locator("body")).to_contain_text("device.known")
    page.goto(f"{analyst.demo.issuer}/console")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{analyst.demo.issuer}/console")
    again: Visitor = new_visitor()
    answer = again.page.goto(analyst.demo.invitation)
    assert answer is not None
    assert answer.status == 410  # an invitation works once


def test_the_app_registers_its_key_and_the_page_goes_on(new_visitor: Any, tmp_path: Path) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "face@example.org")
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/face")
    page.get_by_role("button", name="Add the app").click()
    expect(page.locator("body")).to_contain_text("Please allow")  # consent first
    page.get_by_role("link", name="What you allow").click()
    face_consent = page.locator("article.consent", has_text="Recognise my face")
    face_consent.get_by_role("button", name="Allow").click()
    expect(face_consent).to_contain_text("Take back and delete")
    page.goto(f"{visitor.demo.issuer}/account/face")
    page.get_by_role("button", name="Add the app").click()
    said = run_app(page.locator(".ticket .value").inner_text(), tmp_path)
    assert said.startswith("registered"), said
    expect(page).to_have_url(f"{visitor.demo.issuer}/account/face")
    expect(page.locator("body")).to_contain_text("Example phone")


def test_the_evidence_of_it_all_verifies(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "evidence@example.org")
    for _ in patiently():  # it is sealed in the background
        whole = visitor.demo.command("audit", "verify", "--json", "--log", ".demo/authsvc.log")
        assert whole.returncode == 0, whole.stdout + whole.stderr
        report = json.loads(whole.stdout)
        if report["verified"] > 0:
            break
    assert report["verified"] > 0, report


def test_a_flow_opened_in_another_browser_shows_a_plain_page(new_visitor: Any) -> None:
    visitor, thief = new_visitor(), new_visitor()
    visitor.page.goto(f"{visitor.demo.storefront}/sign-in")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    flow_page = visitor.page.url
    answer = thief.page.goto(flow_page)
    assert answer.status == 403
    expect(thief.page.locator("body")).to_contain_text("another browser")


def test_without_script_a_password_still_signs_in(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    sign_up_with_password(visitor, "noscript@example.org")
    plain: Visitor = new_visitor(java_script_enabled=False)
    page = plain.page
    page.goto(f"{plain.demo.storefront}/sign-in")
    page.get_by_label("E-mail address").fill("noscript@example.org")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in with password").click()
    expect(page).to_have_url(f"{plain.demo.storefront}/account")


def run_app(ticket: str, folder: Path) -> str:
    """Give the example app a ticket; return what it says."""
    script = ROOT / "examples" / "mobile" / "capture.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--ticket", ticket, "--key", str(folder / "key.json")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return ran.stdout + ran.stderr
