"""The demo shop's brand in Chromium: its logo, name and colours on the pages of its flows, readable in both schemes."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from authsvc.cli.demo import STOREFRONT_NAME
from authsvc.oidc.branding.colours import NEEDED, contrast, parse_colour
from tests.browser.conftest import SCHEMES, Visitor

ACCENTS = {"light": "#2c6349", "dark": "#8fd0ae"}


def colour_of(page: Page, selector: str, name: str) -> tuple[int, int, int]:
    """Return a computed colour of an element."""
    text = page.locator(selector).first.evaluate(f"each => getComputedStyle(each).{name}")
    red, green, blue = (int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))
    return red, green, blue


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_brand_is_on_the_sign_in_page_and_can_be_read(new_visitor: Any, scheme: str) -> None:
    visitor: Visitor = new_visitor(color_scheme=scheme)
    page = visitor.page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    page.wait_for_load_state()
    expect(page.locator(".masthead")).to_contain_text(STOREFRONT_NAME)
    expect(page.locator(".foot")).to_contain_text("Sign-in by authsvc demo")
    expect(page.locator(".foot a").first).to_have_attribute("href", "mailto:hello@lowtide.example.com")
    assert page.locator(".masthead img.logo").evaluate("each => each.complete && each.naturalWidth") == 192

    accent = colour_of(page, "a[href*='/login/create']", "color")
    assert accent == parse_colour(ACCENTS[scheme])
    button = page.get_by_role("button", name="Sign in with a passkey")
    expect(button).to_be_visible()
    assert colour_of(page, "[data-passkey=get]", "backgroundColor") == accent
    assert contrast(colour_of(page, "[data-passkey=get]", "color"), accent) >= NEEDED


def test_axe_finds_nothing_on_a_branded_page(new_visitor: Any, look: Callable[[Page, str], None]) -> None:
    page = (visitor := new_visitor()).page
    page.goto(f"{visitor.demo.storefront}/sign-in")
    expect(page.locator("img.logo")).to_be_visible()
    look(page, "Sign in")


def test_pages_of_our_own_look_like_ourselves(new_visitor: Any) -> None:
    visitor: Visitor = new_visitor()
    page = visitor.page
    page.goto(visitor.demo.issuer)
    expect(page.locator(".mark")).to_contain_text("authsvc demo")
    assert page.locator("img.logo").count() == 0
    assert page.locator("link[href^='/brand/']").count() == 0
