"""Brands on both databases: set a part at a time, remembered for a minute, files kept while pages need them."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.letters.letter import Letter
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.branding.tables import brand_assets, client_brands, client_letters
from authsvc.oidc.clients.service import ClientRegistry
from tests.support.clocks import SettableClock

LEAF = (Path(__file__).parents[2] / "examples/storefront/static/leaf.png").read_bytes()


@pytest.fixture
def branding(database: Database, audit: Audit, clock: SettableClock) -> Branding:
    return Branding(database, audit, clock)


@pytest.fixture
def shop(database: Database, audit: Audit, clock: SettableClock) -> str:
    registry = ClientRegistry(database, audit, clock)
    client, _ = registry.register_client(name="Tea Shop", redirect_uris=["https://shop.example/callback"])
    return client.id


def rows(branding: Branding, table: Any) -> list[Any]:
    with branding.database.read() as connection:
        return list(connection.execute(select(table)))


def test_a_brand_is_set_a_part_at_a_time(branding: Branding, shop: str) -> None:
    assert branding.of(shop) is None
    assert branding.set_brand(shop, accent="#2C6349").name == "Tea Shop"  # the client's own, until another is given
    branding.set_brand(shop, name="Low Tide Tea", support="https://shop.example/help", mail_footer="1 Quay Road")
    brand = branding.set_brand(shop, logo=LEAF)
    assert (brand.name, brand.accent, brand.support) == ("Low Tide Tea", "#2c6349", "https://shop.example/help")
    look = branding.of(shop)
    assert look is not None
    assert look.style is not None
    assert look.logo is not None
    assert look.mail_footer == "1 Quay Road"
    style = branding.asset(shop, look.style.rsplit("/", 1)[1].removesuffix(".css"))
    assert style is not None
    assert b"--accent: #2c6349;" in style.body
    assert branding.asset("cli_other", style.hash) is None


def test_a_new_accent_makes_a_new_dark_one_unless_it_is_given(branding: Branding, shop: str) -> None:
    first = branding.set_brand(shop, accent="#2c6349", accent_dark="#8fd0ae")
    assert first.accent_dark == "#8fd0ae"
    assert branding.set_brand(shop, accent_dark="#a9dec2").accent == "#2c6349"
    assert branding.set_brand(shop, accent="#1f4fd8").accent_dark not in ("#8fd0ae", "#a9dec2")


def test_a_change_shows_within_a_minute(branding: Branding, shop: str, clock: SettableClock) -> None:
    elsewhere = Branding(branding.database, branding.audit, clock)  # another process
    branding.set_brand(shop, name="One")
    assert elsewhere.of(shop) is not None
    branding.set_brand(shop, name="Two")
    here, there = branding.of(shop), elsewhere.of(shop)
    assert (here and here.name, there and there.name) == ("Two", "One")
    clock.advance(seconds=60)
    there = elsewhere.of(shop)
    assert there is not None
    assert there.name == "Two"


def test_a_replaced_file_stays_for_a_day(branding: Branding, shop: str, clock: SettableClock) -> None:
    old = branding.set_brand(shop, accent="#2c6349").style_hash
    assert old is not None
    new = branding.set_brand(shop, accent="#1f4fd8").style_hash
    clock.advance(hours=23)
    branding.set_brand(shop, name="Same colours")
    assert branding.asset(shop, old) is not None
    clock.advance(hours=2)
    branding.set_brand(shop, name="Still the same")
    assert branding.asset(shop, old) is None
    assert [row.hash for row in rows(branding, brand_assets)] == [new]
    branding.set_brand(shop, accent="#2c6349")
    branding.set_brand(shop, accent="#1f4fd8")  # in use again
    clock.advance(days=2)
    branding.set_brand(shop, name="And again")
    assert [row.hash for row in rows(branding, brand_assets)] == [new]


def test_what_is_refused_changes_nothing(branding: Branding, shop: str) -> None:
    for wrong in ({"accent": "#ffcc00"}, {"accent_dark": "#8fd0ae"}, {"logo": b"<svg/>"}, {"support": "http://x"}):
        with pytest.raises(BadInput):
            branding.set_brand(shop, name="New", **wrong)
    with pytest.raises(NotFound):
        branding.set_brand("cli_nobody", name="New")
    with pytest.raises(NotFound):
        branding.remove_brand(shop)
    assert rows(branding, client_brands) == rows(branding, brand_assets) == []
    assert "oidc:brand:set" not in {row.tag for row in rows(branding, audit_events)}


def test_a_removed_brand_is_gone_and_recorded(branding: Branding, shop: str) -> None:
    branding.set_brand(shop, accent="#2c6349")
    branding.remove_brand(shop)
    assert branding.of(shop) is None
    events = [(row.tag, row.facts) for row in rows(branding, audit_events) if row.tag.startswith("oidc:brand")]
    assert events == [("oidc:brand:set", {"client": shop}), ("oidc:brand:removed", {"client": shop})]


def test_words_of_before_todays_rules_are_not_mailed(branding: Branding, shop: str) -> None:
    """A text that names what a newer version gives no more would fail each sign-in that mails it."""
    own = Letter("Code: $code", "$code\n$link")
    branding.set_letters(shop, {"code_sign_up": own, "code_step_up": own})
    with branding.database.write() as connection:
        of_kind = client_letters.c.kind == "code_step_up"
        connection.execute(update(client_letters).where(of_kind).values(text="$code\n$link\n$since"))
        gone = {"client_id": shop, "kind": "gone", "subject": "Hello", "text": "Hello"}
        connection.execute(insert(client_letters).values(**gone))
    head = branding.letterhead(shop)
    assert set(head.letters) == {"code_sign_up"}
    values = {"code": "01234567", "link": "https://sign-in.example/x", "minutes": 10}
    assert head.write("code_sign_up", "ada@example.org", **values).subject == "Code: 01234567"
    assert "01234567" in head.write("code_step_up", "ada@example.org", **values).text  # in our words
