"""`authsvc client`, as an operator runs it: services, brands and webhooks beside the clients that sign people in."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from authsvc.cli.client import app
from authsvc.core.database import Database
from authsvc.core.errors import AuthsvcError
from authsvc.settings import Settings

LEAF = Path(__file__).parents[2] / "examples/storefront/static/leaf.png"


@pytest.fixture(autouse=True)
def settings(
    sqlite_only_database: Database, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made = make_settings(database={"url": sqlite_only_database.url.render_as_string()})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: made)
    return made


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def done(*arguments: Any) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: Any) -> str:
    """Return the code of the refusal, or typer's words."""
    result = run(*arguments)
    assert result.exit_code != 0, result.output
    return result.exception.code if isinstance(result.exception, AuthsvcError) else result.output


@pytest.fixture
def shop() -> str:
    found = re.search(r"cli_\S+", done("add", "--name", "Tea Shop", "--redirect-uri", "https://shop.example/callback"))
    assert found is not None
    return found[0]


def test_a_service_is_registered_with_its_scopes() -> None:
    output = done("add", "--service", "--name", "Back office", "--scope", "accounts:read", "--scope", "accounts:write")
    assert re.search(r"client_secret  \S{43}\n", output)
    listed = done("list")
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
    assert "--service and --scope" in re.sub(r"[\s│]+", " ", refused("add", "--name", "x", *options))


def test_what_the_registry_refuses() -> None:
    assert refused("add", "--service", "--name", "x", "--scope", "openid") == "client.scopes"
    assert refused("add", "--service", "--name", "x", "--scope", "accounts:read", "--auth-method", "none") == (
        "client.auth_method"
    )
    assert refused("add", "--name", "x") == "client.redirect_uri"


def test_a_brand_is_set_shown_and_removed(shop: str) -> None:
    assert done("brand", shop) == f"{shop} has no brand of its own.\n"
    output = done("brand", shop, "--name", "Low Tide Tea", "--logo", LEAF, "--accent", "#2c6349")
    assert "logo         192 x 192" in output
    assert re.search(r"accent dark  #[0-9a-f]{6}", output)
    shown = done("brand", shop, "--mail-footer", "Low Tide Ltd\\n1 Quay Road")
    assert "name         Low Tide Tea" in shown
    assert "mail footer  Low Tide Ltd\n1 Quay Road" in shown
    assert done("brand", shop) == shown
    done("brand", shop, "--remove")
    assert "no brand" in done("brand", shop)


def test_what_is_no_brand(shop: str, tmp_path: Path) -> None:
    drawing = tmp_path / "logo.png"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert refused("brand", shop, "--logo", drawing) == "brand.logo_format"
    assert refused("brand", shop, "--accent", "#ffcc00") == "brand.contrast"
    assert refused("brand", shop, "--support-url", "http://shop.example") == "brand.support"
    assert refused("brand", "cli_nobody", "--name", "x") == "client.unknown"
    assert refused("brand", shop, "--remove") == "brand.unknown"
    assert "No such file" in refused("brand", shop, "--logo", tmp_path / "none.png")


def test_a_webhook_shows_its_secret_once(shop: str) -> None:
    assert done("webhook", shop) == f"{shop} has no webhook.\n"
    output = done("webhook", shop, "--url", "https://shop.example/hook")
    assert re.search(r"secret  whsec_\S{44} ", output)
    assert done("webhook", shop) == "url     https://shop.example/hook  (on)\n"
    assert "whsec_" not in done("webhook", shop, "--url", "https://shop.example/other")
    fresh = done("webhook", shop, "--rotate")
    assert "whsec_" in fresh
    assert fresh.splitlines()[1] != output.splitlines()[1]
    assert "(off: operator)" in done("webhook", shop, "--off")
    assert "(on)" in done("webhook", shop, "--url", "https://shop.example/hook")
    done("disable", shop)
    assert refused("webhook", shop) == "client.unknown"


def test_what_is_no_webhook(shop: str) -> None:
    assert refused("webhook", shop, "--rotate") == "webhook.unknown"
    assert refused("webhook", shop, "--off") == "webhook.unknown"
    assert refused("webhook", shop, "--url", "http://127.0.0.1:9000/hook") == "webhook.url"
    assert refused("webhook", "cli_nobody", "--url", "https://shop.example/hook") == "client.unknown"
    assert "at a time" in refused("webhook", shop, "--rotate", "--off")
