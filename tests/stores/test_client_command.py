"""`authsvc client`, as an operator runs it: services, brands and webhooks beside the clients that sign people in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from authsvc.cli.client import app
from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.commands import Command

LEAF = Path(__file__).parents[2] / "examples/storefront/static/leaf.png"
command = Command(app)


@pytest.fixture(autouse=True)
def settings(
    sqlite_only_database: Database, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made = make_settings(database={"url": sqlite_only_database.url.render_as_string()})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: made)
    return made


@pytest.fixture
def shop() -> str:
    found = re.search(
        r"cli_\S+", command.done("add", "--name", "Tea Shop", "--redirect-uri", "https://shop.example/callback")
    )
    assert found is not None
    return found[0]


def test_a_service_is_registered_with_its_scopes() -> None:
    output = command.done(
        "add", "--service", "--name", "Back office", "--scope", "accounts:read", "--scope", "accounts:write"
    )
    assert re.search(r"client_secret  \S{43}\n", output)
    listed = command.done("list")
    assert "active  accounts:read accounts:write  client_secret_basic  Back office" in listed


@pytest.mark.parametrize(
    "options",
    [
        ["--service"],
        ["--scope", "accounts:read"],
        ["--service", "--scope", "accounts:read", "--redirect-uri", "https://shop.example/callback"],
    ],
)
def test_service_and_scope_go_together(options: list[str]) -> None:
    assert "--service and --scope" in re.sub(r"[\s│]+", " ", command.refused("add", "--name", "x", *options))


def test_what_the_registry_refuses() -> None:
    assert command.refused("add", "--service", "--name", "x", "--scope", "openid") == "client.scopes"
    assert command.refused("add", "--service", "--name", "x", "--scope", "accounts:read", "--auth-method", "none") == (
        "client.auth_method"
    )
    assert command.refused("add", "--name", "x") == "client.redirect_uri"


def test_a_brand_is_set_shown_and_removed(shop: str) -> None:
    assert command.done("brand", shop) == f"{shop} has no brand of its own.\n"
    output = command.done("brand", shop, "--name", "Low Tide Tea", "--logo", LEAF, "--accent", "#2c6349")
    assert "logo         192 x 192" in output
    assert re.search(r"accent dark  #[0-9a-f]{6}", output)
    shown = command.done("brand", shop, "--mail-footer", "Low Tide Ltd\\n1 Quay Road")
    assert "name         Low Tide Tea" in shown
    assert "mail footer  Low Tide Ltd\n1 Quay Road" in shown
    assert command.done("brand", shop) == shown
    command.done("brand", shop, "--remove")
    assert "no brand" in command.done("brand", shop)


def test_what_is_no_brand(shop: str, tmp_path: Path) -> None:
    drawing = tmp_path / "logo.png"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert command.refused("brand", shop, "--logo", drawing) == "brand.logo_format"
    assert command.refused("brand", shop, "--accent", "#ffcc00") == "brand.contrast"
    assert command.refused("brand", shop, "--support-url", "http://shop.example") == "brand.support"
    assert command.refused("brand", "cli_nobody", "--name", "x") == "client.unknown"
    assert command.refused("brand", shop, "--remove") == "brand.unknown"
    assert "No such file" in command.refused("brand", shop, "--logo", tmp_path / "none.png")


def test_a_webhook_shows_its_secret_once(shop: str) -> None:
    assert command.done("webhook", shop) == f"{shop} has no webhook.\n"
    output = command.done("webhook", shop, "--url", "https://shop.example/hook")
    assert re.search(r"secret  whsec_\S{44} ", output)
    assert command.done("webhook", shop) == "url     https://shop.example/hook  (on)\n"
    assert "whsec_" not in command.done("webhook", shop, "--url", "https://shop.example/other")
    fresh = command.done("webhook", shop, "--rotate")
    assert "whsec_" in fresh
    assert fresh.splitlines()[1] != output.splitlines()[1]
    assert "(off: operator)" in command.done("webhook", shop, "--off")
    assert "(on)" in command.done("webhook", shop, "--url", "https://shop.example/hook")
    command.done("disable", shop)
    assert command.refused("webhook", shop) == "client.unknown"


def test_what_is_no_webhook(shop: str) -> None:
    assert command.refused("webhook", shop, "--rotate") == "webhook.unknown"
    assert command.refused("webhook", shop, "--off") == "webhook.unknown"
    assert command.refused("webhook", shop, "--url", "http://127.0.0.1:9000/hook") == "webhook.url"
    assert command.refused("webhook", "cli_nobody", "--url", "https://shop.example/hook") == "client.unknown"
    assert "at a time" in command.refused("webhook", shop, "--rotate", "--off")
