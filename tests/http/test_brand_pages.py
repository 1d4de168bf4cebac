"""A client's brand on the pages and in the mails of its own flows, and nowhere else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authsvc.core.database import Database
from authsvc.core.letters.letter import Letter
from authsvc.settings import Settings
from tests.support.browser_client import BrowserClient
from tests.support.clocks import SettableClock
from tests.support.running import PASSWORD, Running, Shop, running
from tests.support.second_factors import enrol_app, make_recovery_codes

EMAIL = "ada@example.org"
LEAF = (Path(__file__).parents[2] / "examples/storefront/static/leaf.png").read_bytes()
BRAND: dict[str, Any] = {
    "name": "Low <Tide> & Tea",
    "logo": LEAF,
    "accent": "#2c6349",
    "support": "https://shop.example/help",
    "mail_footer": "Low Tide Ltd\n1 Quay Road",
}


@pytest.fixture
def service(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Iterator[Running]:
    url = sqlite_only_database.url.render_as_string()
    started = running(make_settings(database={"url": url}, support_contact="https://id.example/help"), clock)
    yield started
    started.services.close()


@pytest.fixture
def branded(service: Running) -> Shop:
    shop = service.shop()
    service.services.branding.set_brand(shop.client_id, **BRAND)
    return shop


def test_the_pages_of_its_flow_carry_it(service: Running, branded: Shop) -> None:
    browser = service.browser()
    pages = [branded.begin(browser).text, browser.open(f"/login/create?flow={browser.flow}").text]
    browser.submit("/login/create", name="Ada", email=EMAIL)
    pages.append(browser.answer.text)
    browser.submit("/login/code", code="00000000")
    pages.append(browser.answer.text)
    look = service.services.branding.of(branded.client_id)
    assert look is not None
    for page in pages:
        assert f'<link rel="stylesheet" href="{look.style}">' in page
        assert f'src="{look.logo}"' in page
        assert "Low &lt;Tide&gt; &amp; Tea" in page
        assert "https://shop.example/help" in page
        assert "https://id.example/help" not in page
        assert "Sign-in by authsvc" in page
        assert "style=" not in page


def test_a_recovery_keeps_the_look_of_the_page_it_began_on(service: Running, branded: Shop) -> None:
    owner = service.browser()
    service.sign_up_with_passkey(owner, EMAIL)
    browser = service.browser()
    branded.begin(browser)
    flow = browser.flow
    assert f'href="/login/recovery?from={flow}"' in browser.answer.text
    for page in (
        browser.open(f"/login/recovery?from={flow}"),
        browser.submit("/login/recovery/address", email=EMAIL),
        browser.submit("/login/recovery/code", code=service.code_for(EMAIL)),
        browser.submit("/login/recovery/wait"),
    ):
        assert page.status_code == 200
        assert f"/brand/{branded.client_id}/" in page.text
    assert len(service.mails(EMAIL)) >= 2
    for mail in service.mails(EMAIL)[:2]:
        assert "https://shop.example/help" in mail.text
    for path in ("/login/recovery", f"/login/recovery?from={flow}x", "/login/recovery?from=%00"):
        assert "/brand/" not in browser.open(path).text
    assert "/brand/" not in service.browser().open(f"/login/recovery?from={flow}").text  # somebody else's flow


def test_no_other_page_does(service: Running, branded: Shop) -> None:
    browser = service.browser()
    other = service.shop().begin(browser).text
    account = browser.open("/account").text
    home = browser.open("/").text
    for page in (other, account, home):
        assert "/brand/" not in page
        assert "https://shop.example/help" not in page


def test_its_files_are_served_for_ever_and_can_do_nothing(service: Running, branded: Shop) -> None:
    look = service.services.branding.of(branded.client_id)
    assert look is not None
    assert look.style is not None
    assert look.logo is not None
    http = service.browser().http
    for path, media_type in ((look.style, "text/css; charset=utf-8"), (look.logo, "image/png")):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers


def test_what_is_no_file_is_not_found(service: Running, branded: Shop) -> None:
    look = service.services.branding.of(branded.client_id)
    assert look is not None
    assert look.style is not None
    assert look.logo is not None
    wrong = [
        look.style.replace(".css", ".png"),
        look.logo.replace(".png", ".css"),
        look.style.replace(branded.client_id, "cli_other"),
        f"/brand/{branded.client_id}/{'0' * 64}.css",
        f"/brand/{branded.client_id}/..%2f..%2fapp.css",
        f"/brand/{branded.client_id}/%00.css",
        f"/brand/%00/{'0' * 64}.css",
    ]
    for path in wrong:
        answer = service.browser().http.get(path)
        assert answer.status_code in (400, 404), path
    unknown = service.browser().http.get(wrong[3], headers={"Accept": "application/json"})
    assert unknown.json()["code"] == "brand.file_unknown"


def test_the_mails_of_its_flow_end_in_its_name(service: Running, branded: Shop) -> None:
    browser = service.browser()
    branded.begin(browser)
    service.prove_address(browser, EMAIL)
    ending = "Low <Tide> & Tea\nHelp: https://shop.example/help\nLow Tide Ltd\n1 Quay Road\n"
    assert service.mails(EMAIL)[0].text.endswith("\n\n" + ending)
    branded.finish(browser, browser.submit("/login/credential/password", password=PASSWORD))

    taken = service.browser()
    branded.begin(taken)
    taken.open(f"/login/create?flow={taken.flow}")
    taken.submit("/login/create", name="Eve", email=EMAIL)
    newest = service.mails(EMAIL)[0]
    assert newest.subject == "You already have an account"
    assert newest.text.endswith(ending)


def test_a_warning_of_a_recovery_code_used_in_its_flow_carries_it(service: Running, branded: Shop) -> None:
    service.sign_up(service.browser(), EMAIL)
    enrol_app(service, EMAIL)
    code, *_ = make_recovery_codes(service, EMAIL)
    browser = service.browser()
    branded.begin(browser, acr_values="urn:authsvc:acr:mfa")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    browser.submit("/login/step-up/typed", kind="recovery_code")
    branded.finish(browser, browser.submit("/login/code", code=code))
    (warning,) = (mail for mail in service.mails(EMAIL) if "one of your recovery codes" in mail.text)
    assert "Low Tide Ltd" in warning.text


def test_mails_of_other_flows_end_in_the_services_own(service: Running, branded: Shop) -> None:
    browser: BrowserClient = service.browser()
    service.shop().begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Ada", email=EMAIL)
    assert service.mails(EMAIL)[0].text.endswith("\n\nauthsvc\n")


def test_a_client_without_a_brand_looks_as_before(service: Running) -> None:
    shop = service.shop()
    page = shop.begin(service.browser()).text
    assert "/brand/" not in page
    assert "Sign-in by" not in page
    assert "https://id.example/help" in page


def test_its_own_words_are_in_the_mails_of_its_flow_only(service: Running, branded: Shop) -> None:
    own = Letter("Ta code: $code", "$name says hello.\n\n$code\n\n$link")
    service.services.branding.set_letters(branded.client_id, {"code_sign_up": own})
    for shop, said in ((branded, "Low <Tide> & Tea says hello."), (service.shop(), "is creating an account")):
        browser = service.browser()
        shop.begin(browser)
        browser.open(f"/login/create?flow={browser.flow}")
        browser.submit("/login/create", name="Ada", email=EMAIL)
        mail = service.mails(EMAIL)[0]
        assert said in mail.text
        assert service.code_for(EMAIL) in mail.subject
    shown = service.browser()
    branded.begin(shown)
    service.prove_address(shown, "eve@example.org")  # the code in the shop's own words is a code


def test_the_second_warning_of_a_recovery_carries_it(service: Running, branded: Shop) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    browser = service.browser()
    branded.begin(browser)
    browser.open(f"/login/recovery?from={browser.flow}")
    browser.submit("/login/recovery/address", email=EMAIL)
    browser.submit("/login/recovery/code", code=service.code_for(EMAIL))
    browser.submit("/login/recovery/wait")
    first = service.mails(EMAIL)[0]
    service.clock.advance(hours=60)
    second = service.mails(EMAIL)[0]
    assert first != second
    for mail in (first, second):
        assert "asked to get back into your account" in mail.text
        assert mail.text.endswith("Low Tide Ltd\n1 Quay Road\n")


def test_a_warning_of_a_refresh_token_that_was_used_twice_carries_it(service: Running, branded: Shop) -> None:
    browser = service.browser()
    branded.begin(browser)
    service.prove_address(browser, EMAIL)
    branded.finish(browser, browser.submit("/login/credential/password", password=PASSWORD))
    first = branded.tokens["refresh_token"]
    assert branded.refresh(first).status_code == 200
    service.clock.advance(minutes=1)
    assert branded.refresh(first).json()["error"] == "invalid_grant"
    newest = service.mails(EMAIL)[0]
    assert "was used from two places" in newest.text
    assert newest.text.endswith("Low Tide Ltd\n1 Quay Road\n")
