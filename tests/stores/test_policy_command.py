"""`authsvc policy`, as a security team runs it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from authsvc.accounts.store import Account, Address, grant_role, insert_account, insert_address
from authsvc.app import build_services
from authsvc.cli.policy import app
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.risk.policy_file import PolicyRefused, default_policy, policy_text
from authsvc.settings import Settings
from tests.stores.test_risk_replay import ABROAD, HOME, Past
from tests.support.clocks import START, SettableClock
from tests.support.commands import Command

STRICTER = replace(default_policy(), name="stricter", prior_log_odds=-2.0)
command = Command(app)


@pytest.fixture(autouse=True)
def settings(
    sqlite_only_database: Database, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made = make_settings(database={"url": sqlite_only_database.url.render_as_string()})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: made)
    return made


@pytest.fixture
def analysts(sqlite_only_database: Database) -> None:
    with sqlite_only_database.write() as connection:
        for name in ("ada", "sam"):
            account = Account(new_id("acc"), new_bytes(32), name, "active", START)
            insert_account(connection, account)
            insert_address(connection, Address(new_id("adr"), account.id, f"{name}@shop.example", START, True))
            if name == "ada":
                grant_role(connection, account.id, "analyst", START)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "new.toml"
    path.write_text(policy_text(STRICTER))
    return path


def test_a_file_is_checked_with_line_and_reason(file: Path) -> None:
    assert STRICTER.version in command.done("check", file)
    file.write_text(policy_text(STRICTER).replace("-2.0", "-99"))
    result = command.run("check", file)
    assert isinstance(result.exception, PolicyRefused)
    assert f"{file}:2: prior_log_odds: must be a number from -20 to 20" in str(result.exception)


def test_what_is_in_force_is_shown_with_what_its_costs_mean(file: Path) -> None:
    for shown in (command.done("show"), command.done("show", file)):
        assert "step up from 0.0206, deny from 0.9500: the cheapest by these costs" in shown
        assert "weights from the simulator and published figures" in shown
    assert "policy.unknown" in command.refused("show", "0" * 64)


def test_a_policy_is_proposed_activated_and_listed(file: Path, analysts: None, settings: Settings) -> None:
    assert "no analyst" in command.refused("propose", file, "--note", "x", "--by", "sam@shop.example")
    said = command.done("propose", file, "--note", "Stricter", "--by", "ada@shop.example")
    proposal = said.split()[3].rstrip(".")
    assert settings.demo, "where one person is enough"
    assert f"{STRICTER.version} is in force" in command.done("activate", proposal, "--by", "ada@shop.example")
    assert "policy.settled" in command.refused("withdraw", proposal, "--by", "ada@shop.example")
    listed = command.done("list")
    assert "live    stricter" in listed and "activated  Stricter" in listed
    assert STRICTER.version in command.done("show")


def test_the_past_is_replayed_as_a_table_and_as_json(
    file: Path, sqlite_only_database: Database, settings: Settings
) -> None:
    services = build_services(settings)
    past = Past(sqlite_only_database, services.audit, SettableClock(services.clock.now()))
    past.clock.advance(minutes=-30)
    past.decided(HOME)
    past.decided(ABROAD)
    assert "2 came out equal, bit for bit" in command.done("replay", "--processes", 1)
    report = json.loads(command.done("replay", "--policy", file, "--since", "12h", "--processes", 1, "--json"))
    assert report["recomputed"]["equal"] == 2 and report["policy"] == STRICTER.version
    past.decided(HOME, log_odds=0.25)
    result = command.run("replay", "--processes", 1)
    assert result.exit_code == 1 and "1 DID NOT come out equal" in result.output


@pytest.mark.parametrize("since", ["", "30", "x", "-1d", "1y"])
def test_a_span_that_is_none_is_refused(since: str) -> None:
    assert "such as 12h, 30d or 8w" in command.refused("replay", "--since", since)
