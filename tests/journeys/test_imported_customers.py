"""Customers that came from another system, at their first sign-in."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.store import find_account_by_email
from authsvc.cli.importing.service import Importer
from authsvc.cli.user_import import MAPS
from authsvc.core.audit.sealer import Sealer
from authsvc.core.audit.verify import verify
from authsvc.factors.password.legacy.formats import Kind
from authsvc.factors.password.legacy.store import list_tariff
from authsvc.factors.password.tables import passwords
from tests.support.running import Running

EXPORTS = Path(__file__).parents[2] / "fixtures" / "imports"
PASSWORD = "tea for two please"
TYPED = {"dan@example.com": "it's tea \"o'clock\""}

CUSTOMERS = [
    ("keycloak", "ada@example.org"),  # argon2id of other parameters
    ("keycloak", "bob@example.org"),  # PBKDF2 with SHA-512
    ("keycloak", "cleo@example.org"),  # with SHA-256
    ("keycloak", "dan@example.org"),  # with SHA-1
    ("auth0", "ada@example.net"),  # bcrypt
    ("woocommerce", "ada@example.com"),  # phpass
    ("woocommerce", "bob@example.com"),  # bcrypt of WordPress 6.8
    ("woocommerce", "dan@example.com"),  # the same, of a password with quotes
    ("plain", "bob@example.edu"),  # scrypt
    ("plain", "dan@example.edu"),  # argon2i
]


def bring(service: Running, source: str) -> None:
    parts = service.services
    importer = Importer(parts.database, parts.audit, service.clock, source, MAPS[source], source == "woocommerce")
    path = EXPORTS / f"{source}.ndjson"
    with path.open("rb") as file:
        for _ in importer.run(file, importer.begin(file, path.stat().st_size), list):
            pass
    service.clock.advance(minutes=1)  # the tariff is read twice a minute


def stored_for(service: Running, email: str) -> Any:
    with service.services.database.read() as connection:
        account = find_account_by_email(connection, email)
        assert account is not None
        return connection.execute(select(passwords).where(passwords.c.account_id == account.id)).one()


@pytest.mark.parametrize(("source", "email"), CUSTOMERS)
def test_an_imported_customer_signs_in_with_the_password_they_have(local: Running, source: str, email: str) -> None:
    bring(local, source)
    before = stored_for(local, email)
    assert local.services.passwords.hasher.outdated(before.hash)
    browser, shop = local.browser(), local.shop()
    shop.begin(browser)
    claims = shop.finish(browser, browser.submit("/login/password", email=email, password=TYPED.get(email, PASSWORD)))
    assert claims["acr"] == "urn:authsvc:acr:pwd"
    after = stored_for(local, email)
    assert after.hash.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert (after.version, after.changed_at) == (before.version, before.changed_at)  # it is the same password
    browser.http.cookies.delete("__Host-session", domain="localhost.local", path="/")
    shop.begin(browser)
    shop.finish(browser, browser.submit("/login/password", email=email, password=TYPED.get(email, PASSWORD)))
    assert stored_for(local, email).hash == after.hash


def test_it_is_so_on_both_databases(service: Running) -> None:
    bring(service, "auth0")
    browser, shop = service.browser(), service.shop()
    shop.begin(browser)
    shop.finish(browser, browser.submit("/login/password", email="ada@example.net", password=PASSWORD))
    assert stored_for(service, "ada@example.net").hash.startswith("$argon2id$")


def test_a_wrong_password_leaves_the_hash_and_is_answered_like_any_other(local: Running) -> None:
    bring(local, "auth0")
    local.sign_up(local.browser(), "own@example.org")
    before = stored_for(local, "ada@example.net")
    pages = []
    for email in ("ada@example.net", "own@example.org", "nobody@example.org"):
        answer = local.sign_in(local.browser(), email, password="not the right password")
        pages.append((answer.status_code, "do not match" in answer.text))
    assert pages == [(400, True)] * 3
    assert stored_for(local, "ada@example.net") == before


def test_imported_own_and_unknown_addresses_cost_the_same_work(local: Running) -> None:
    for source in MAPS:
        bring(local, source)
    local.sign_up(local.browser(), "own@example.org")
    hasher = local.services.passwords.hasher
    with local.services.database.read() as connection:
        tariff = Counter(list_tariff(connection))
    assert len(tariff) == len(Kind)
    work = {}
    for email in ("own@example.org", "nobody@example.org", *(email for _, email in CUSTOMERS)):
        hasher.worked.clear()
        local.sign_in(local.browser(), email, password="not the right password")
        work[email] = Counter(hasher.worked)
    assert set(map(repr, work.values())) == {repr(work["nobody@example.org"])}
    assert work["nobody@example.org"] == tariff


def test_a_frozen_customer_comes_frozen(local: Running) -> None:
    bring(local, "plain")
    answer = local.sign_in(local.browser(), "finn@example.edu", password=PASSWORD)
    assert (answer.status_code, "do not match" in answer.text) == (400, True)


def test_an_imported_address_proves_nothing_by_mail_for_a_day(local: Running) -> None:
    bring(local, "auth0")
    browser, shop = local.browser(), local.shop()
    shop.begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    early = browser.submit("/login/password", email="ada@example.net", password=PASSWORD)
    assert "/login/step-up/email" not in early.text
    local.clock.advance(hours=25)
    browser = local.browser()
    shop.begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    browser.submit("/login/password", email="ada@example.net", password=PASSWORD)
    browser.submit("/login/step-up/email")
    claims = shop.finish(browser, browser.submit("/login/code", code=local.code_for("ada@example.net")))
    assert claims["acr"] == "urn:authsvc:acr:pwd_email"


def test_the_chain_of_evidence_holds_over_an_import(local: Running) -> None:
    bring(local, "auth0")
    parts = local.services
    Sealer(parts.database, parts.settings.secrets.audit, local.clock).run_once()
    report = verify(parts.database, parts.settings.secrets.audit)
    assert report.holds
    assert report.verified >= 3
