"""Rules of the sign-in that hold from the first page to the last, each broken once by somebody who tries.

What a pure table or a store's own test shows is not repeated here.
"""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import account_devices, accounts, addresses, sessions
from authsvc.core.database import metadata
from authsvc.factors.passkey.tables import passkeys
from authsvc.factors.password.tables import password_failures, passwords
from authsvc.login.tables import flows
from authsvc.web.logging import configure_logging
from tests.journeys.test_sign_in import EMAIL
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running

WRONG = "not the password of anybody"


def change_account(service: Running, **values: Any) -> None:
    with service.services.database.write() as connection:
        connection.execute(update(accounts).values(**values))


def stepping_up(service: Running, acr: str = "pwd_email") -> BrowserClient:
    """Bring a new browser with the right password to the step-up."""
    service.clock.advance(days=2)
    browser = service.browser()
    service.shop().begin(browser, acr_values=f"urn:authsvc:acr:{acr}")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    return browser


def post(browser: BrowserClient, path: str, **fields: str) -> Any:
    token = browser._parsed().meta_csrf or browser.form("/login/cancel")["csrf"]
    return browser.http.post(path, data={"csrf": token, "flow": browser.flow, **fields}, headers=SAME_ORIGIN)


# -- levels


def test_what_cannot_be_reached_ends_at_the_shop_with_a_reason(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = stepping_up(local, "phr")
    assert "confirm that it" in browser.answer.text
    answer = browser.submit("/login/cancel")
    assert "error=unmet_authentication_requirements" in answer.headers["location"]


def test_a_sign_up_that_needs_a_passkey_takes_no_password(local: Running) -> None:
    browser = local.browser()
    local.shop().begin(browser, acr_values="urn:authsvc:acr:phr")
    local.prove_address(browser, EMAIL)
    assert post(browser, "/login/credential/password", password=PASSWORD).status_code == 400
    assert local.events("web:request:refused")[-1].facts["code"] == "login.passkey_needed"
    assert local.count(accounts) == 0


def test_a_password_does_not_open_the_console(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    with local.services.database.write() as connection:
        roles = metadata.tables["roles"]
        account_id = connection.execute(select(accounts.c.id)).scalar_one()
        connection.execute(roles.insert().values(account_id=account_id, role="analyst", granted_at=local.clock.now()))
    browser = local.browser()
    browser.open("/console/sign-in")
    flow = browser.flow
    answer = post(browser, "/login/password", email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == f"/login?flow={flow}"
    browser.open(f"/login?flow={flow}")
    assert post(browser, "/login/step-up/email").status_code == 403
    assert browser.cookie("__Host-console") is None
    assert browser.http.get("/console").headers["location"] == "/console/sign-in"


# -- addresses and mail


def test_nothing_is_kept_before_the_address_is_proven(local: Running) -> None:
    browser = local.browser()
    local.shop().begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Ada", email=EMAIL)
    post(browser, "/login/credential/password", password=PASSWORD)
    options = {"flow": browser.flow}
    assert browser.post_json("/login/passkey/create/options", options).json()["code"] == "flow.out_of_step"
    assert [local.count(table) for table in (accounts, addresses, passwords, passkeys, sessions)] == [0] * 5


def test_names_of_accounts_tell_nothing(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    local.sign_up(local.browser(), "grace@example.org")
    with local.services.database.read() as connection:
        rows = list(connection.execute(select(accounts.c.id, accounts.c.user_handle)))
    assert len({row.id for row in rows} | {row.user_handle for row in rows}) == 4
    for row in rows:
        assert len(row.user_handle) == 32
        assert row.id.removeprefix("acc_").encode() not in row.user_handle
        assert not any(word in row.id for word in ("ada", "grace"))


def test_a_code_lives_ten_minutes(local: Running) -> None:
    for minutes, state in ((9.99, "choose_credential"), (10, "prove_address")):
        browser = local.browser()
        local.shop().begin(browser)
        browser.open(f"/login/create?flow={browser.flow}")
        email = f"in{int(minutes)}@example.org"
        browser.submit("/login/create", name="Ada", email=email)
        code = local.code_for(email)
        local.clock.advance(minutes=minutes)
        post(browser, "/login/code", code=code)
        with local.services.database.read() as connection:
            assert connection.execute(select(flows.c.state).where(flows.c.email == email)).scalar_one() == state


def test_five_mails_an_hour_go_to_one_address_however_it_is_spelt(local: Running) -> None:
    spellings = [EMAIL, "ADA@example.org", " ada@EXAMPLE.org ", "Ada@Example.Org", EMAIL, EMAIL]
    answers = []
    for number, email in enumerate(spellings):
        browser = local.browser(peer=f"198.51.100.{number + 1}")
        local.shop().begin(browser)
        browser.open(f"/login/create?flow={browser.flow}")
        answers.append(browser.submit("/login/create", name="Ada", email=email).status_code)
    assert answers == [200] * 5 + [429]
    assert len(local.mails(EMAIL)) == 5


def test_twenty_codes_a_day_are_tried_for_one_address(local: Running) -> None:
    statuses = []
    for number in range(5):
        browser = local.browser(peer=f"198.51.100.{number + 1}")
        local.shop().begin(browser)
        browser.open(f"/login/create?flow={browser.flow}")
        browser.submit("/login/create", name="Ada", email=EMAIL)
        statuses += [post(browser, "/login/code", code="00000000").status_code for _ in range(5)]
    assert statuses == [400] * 20 + [429] * 5


def test_lost_tries_are_told_to_the_owner_once(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = stepping_up(local)
    browser.submit("/login/step-up/email")
    right = local.code_for(EMAIL)
    statuses = [post(browser, "/login/code", code=f"{(int(right) + 1) % 10**8:08d}").status_code for _ in range(7)]
    assert statuses == [400] * 7
    assert post(browser, "/login/code", code=right).status_code == 400
    warnings = [mail for mail in local.mails(EMAIL) if mail.subject == "Was this you?"]
    assert len(warnings) == 1
    assert "right password" in warnings[0].text


@pytest.mark.parametrize("change", ["password_reset_at", "address_changed_at"])
def test_a_mailbox_that_changed_something_a_day_ago_is_no_second_proof(local: Running, change: str) -> None:
    local.sign_up(local.browser(), EMAIL)
    change_account(local, **{change: local.clock.now()})
    local.clock.advance(hours=-28)
    browser = stepping_up(local)  # 20 hours after
    assert post(browser, "/login/step-up/email").status_code == 403
    assert local.events("web:request:refused")[-1].facts["code"] == "login.rung_missing"
    local.clock.advance(hours=5)
    browser = local.browser()
    local.shop().begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    assert browser.submit("/login/step-up/email").status_code == 200


def test_who_has_a_passkey_is_never_asked_for_a_mailed_code(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    with local.services.database.write() as connection:  # as a later page of the account adds one
        account_id = connection.execute(select(accounts.c.id)).scalar_one()
        values = {
            "id": "pky_1", "account_id": account_id, "credential_id": b"c", "public_key": b"k", "sign_count": 0,
            "aaguid": "", "transports": [], "backup_eligible": False, "backed_up": False, "name": "Key",
            "created_at": local.clock.now(), "uv_at_registration": True, "proven_uv_at": local.clock.now(),
        }  # fmt: skip
        connection.execute(passkeys.insert().values(**values))
    browser = stepping_up(local)
    assert "/login/step-up/email" not in browser.answer.text
    assert post(browser, "/login/step-up/email").status_code == 403
    assert not [mail for mail in local.mails(EMAIL) if "to sign in" in mail.subject]


def test_looking_at_an_invitation_does_not_spend_it(local: Running) -> None:
    link = local.services.staff.invite("analyst").removeprefix("http://localhost:8000")
    for _ in range(3):
        assert local.browser().open(link).status_code == 200
    browser = local.browser()
    browser.open(link)
    assert browser.submit("/enrol", follow=False).status_code == 303
    assert local.browser().open(link).status_code == 410


def test_a_warnings_link_lives_seven_days(local: Running) -> None:
    authenticator = local.sign_up_with_passkey(local.browser(), EMAIL)
    local.clock.advance(days=1)
    browser = local.browser()
    local.shop().begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    browser.post_json("/login/passkey/verify", {"flow": browser.flow, "credential": authenticator.get(options)})
    (link,) = [word for word in local.mails(EMAIL)[0].text.split() if "/not-me?token=" in word]
    reader, path = local.browser(), link.removeprefix("http://localhost:8000")
    local.clock.advance(days=6, hours=23)
    assert reader.open(path).status_code == 200
    local.clock.advance(hours=1)
    assert reader.submit("/not-me", follow=False).status_code == 410
    assert local.events("login:alert:disowned") == []


# -- devices and lockout


def test_ten_failures_in_a_row_make_a_known_device_unknown(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    for _ in range(9):
        local.clock.advance(hours=2)
        local.sign_in(browser, EMAIL, password=WRONG)
    assert local.count(account_devices) == 1
    local.clock.advance(hours=2)
    local.sign_in(browser, EMAIL, password=WRONG)
    assert local.count(account_devices) == 0
    assert local.events("login:password:failed")[-1].facts["failures"] == 10


def test_failures_elsewhere_lock_no_passkey_and_a_passkey_opens_the_rest(local: Running) -> None:
    authenticator = local.sign_up_with_passkey(local.browser(), EMAIL)
    for _ in range(100):
        local.clock.advance(hours=2)
        with local.services.database.write() as connection:
            local.services.passwords.claim(connection, EMAIL, known_device=None, now=local.clock.now())
    assert local.sign_in(local.browser(), EMAIL).status_code == 429
    browser, shop = local.browser(), local.shop()
    shop.begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options)}
    assert browser.post_json("/login/passkey/verify", body).status_code == 200
    assert local.count(password_failures) == 0


def test_every_spelling_of_an_address_is_one_bucket(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    for email in ("ADA@example.org", "ada@EXAMPLE.ORG", " Ada@example.org", EMAIL, "aDa@example.org", EMAIL):
        assert local.sign_in(local.browser(), email, password=WRONG).status_code == 400
    assert local.sign_in(local.browser(), "Ada@Example.org", password=PASSWORD).status_code == 429
    assert local.count(password_failures) == 1


# -- secrets


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every line that the service logs, as it does in production."""
    root, level, stream = logging.getLogger(), logging.getLogger("authsvc").level, io.StringIO()
    handlers = root.handlers[:]
    configure_logging("debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    logging.getLogger("authsvc").setLevel(level)


def test_no_secret_of_a_sign_in_is_in_the_log_or_in_a_row(local: Running, log: io.StringIO) -> None:
    browser, codes = local.browser(), []
    local.shop().begin(browser)
    browser.open(f"/login/create?flow={browser.flow}")
    browser.submit("/login/create", name="Ada Lovelace", email=EMAIL)
    codes.append(local.code_for(EMAIL))
    browser.submit("/login/code", code=codes[0])
    browser.submit("/login/credential/password", password=PASSWORD)
    local.sign_in(local.browser(), EMAIL, password=WRONG)
    stranger = stepping_up(local)
    stranger.submit("/login/step-up/email")
    codes.append(local.code_for(EMAIL))
    stranger.submit("/login/code", code=codes[1])
    cookies = [cookie.value for each in (browser, stranger) for cookie in each.http.cookies.jar]
    assert len(cookies) >= 6
    written = log.getvalue()
    assert written.count('"event": "request"') > 10
    assert all(json.loads(line) for line in written.splitlines())
    with local.services.database.read() as connection:
        rows = "\n".join(repr(list(connection.execute(select(table)))) for table in metadata.sorted_tables)
    for secret in (PASSWORD, WRONG, *codes, *cookies, *(str(value).partition(".")[0] for value in cookies)):
        assert secret not in written
        assert secret not in rows
    assert EMAIL not in written
