"""`authsvc audit`, as an operator runs it."""

import json

import pytest
import structlog
from sqlalchemy import update

from authsvc.cli.audit import app
from authsvc.core.audit.chain import ChainKeys, as_log_fields, is_genuine
from authsvc.core.audit.sealer import Sealer
from authsvc.core.audit.store import find_last_checkpoint
from authsvc.core.audit.tables import audit_events
from authsvc.core.errors import NotFound
from authsvc.core.origin import Origin
from tests.support.audit_trail import as_attacker, cut_after
from tests.support.commands import Command

ORIGIN = Origin(request_id="req_1", address="203.0.113.9", user_agent="Firefox")


@pytest.fixture
def settings(make_settings, database, monkeypatch):
    settings = make_settings(database={"url": database.url.render_as_string(hide_password=False)})
    monkeypatch.setattr("authsvc.cli.audit.load_settings", lambda: settings)
    return settings


@pytest.fixture
def event_ids(settings, database, audit, clock):
    """Four sealed events."""
    ids = []
    for number in range(4):
        with database.write() as connection:
            tag = "login:password:failed" if number % 2 else "login:flow:begun"
            options = {"account_id": "acc_1", "origin": ORIGIN, "facts": {"number": number}}
            ids.append(audit.record(connection, tag, now=clock.now(), **options))
    Sealer(database, settings.secrets.audit, clock).run_once()
    return ids


@pytest.fixture
def log_file(event_ids, database, tmp_path):
    with database.read() as connection:
        checkpoint = find_last_checkpoint(connection)
    assert checkpoint is not None
    path = tmp_path / "authsvc.log"
    line = json.dumps({"event": "audit.checkpoint", **as_log_fields(checkpoint)})
    path.write_text('{"event": "request"}\n' + line + "\n")
    return path


run = Command(app).run


def test_a_chain_that_holds(event_ids, log_file):
    result = run("verify", "--log", log_file)
    assert result.exit_code == 0, result.output
    assert result.output == "The chain holds: 4 events, 2 checkpoints agree.\n"


def test_a_tampered_row_is_named_and_the_exit_code_says_so(event_ids, database):
    with as_attacker(database) as connection:
        connection.execute(update(audit_events).where(audit_events.c.event_id == event_ids[2]).values(facts={}))
    result = run("verify")
    assert result.exit_code == 1
    assert result.output.startswith(f"BROKEN at number 3, event {event_ids[2]} (altered): ")
    assert "2 events hold up to there" in result.output


def test_a_cut_that_only_the_log_knows_of(event_ids, database, log_file):
    with as_attacker(database) as connection:
        cut_after(connection, 0, checkpoints=True)
    assert run("verify").exit_code == 0
    result = run("verify", "--log", log_file)
    assert result.exit_code == 1
    assert "4 were cut off" in result.output


def test_as_json(event_ids, database, audit, clock):
    with database.write() as connection:
        audit.record(connection, "login:flow:begun", now=clock.now())
    result = run("verify", "--json", "--since", "4")
    assert json.loads(result.output) == {
        "holds": True,
        "started_at": 4,
        "verified": 0,
        "checkpoints": 0,
        "unsealed": 1,
        "oldest_unsealed_at": clock.now().isoformat(),
        "problem": None,
    }


def test_the_unsealed_tail_is_told(event_ids, database, audit, clock):
    with database.write() as connection:
        audit.record(connection, "login:flow:begun", now=clock.now())
    assert "Not sealed yet: 1, the oldest of 2026-03-02T09:00:00+00:00." in run("verify").output


def test_what_can_not_be_checked_is_neither_good_nor_broken(event_ids, tmp_path):
    assert isinstance(run("verify", "--since", "3").exception, NotFound)
    empty = tmp_path / "empty.log"
    empty.touch()
    assert isinstance(run("verify", "--log", empty).exception, NotFound)
    assert run("verify", "--log", tmp_path / "none.log").exit_code == 2


def test_events_are_listed_without_personal_parts(event_ids):
    result = run("events", "--limit", "3")
    events = [json.loads(line) for line in result.output.splitlines()]
    assert [event["event_id"] for event in events] == event_ids[:0:-1]
    assert events[0] == {
        "row": 4,
        "event_id": event_ids[3],
        "at": "2026-03-02T09:00:00+00:00",
        "tag": "login:password:failed",
        "account_id": "acc_1",
        "request_id": "req_1",
        "facts": {"number": 3},
    }
    assert "203.0.113.9" not in result.output


@pytest.mark.parametrize(("tag", "count"), [("login:password:failed", 2), ("login:", 4), ("login", 0), ("%:", 0)])
def test_events_are_chosen_by_tag_or_its_beginning(event_ids, tag, count):
    assert len(run("events", "--tag", tag).output.splitlines()) == count


def test_the_public_key_checks_a_checkpoint(event_ids, database, settings):
    key = bytes.fromhex(run("public-key").output.strip())
    assert key == ChainKeys.derive(settings.secrets.audit).public
    with database.read() as connection:
        checkpoint = find_last_checkpoint(connection)
    assert checkpoint is not None
    assert is_genuine(key, checkpoint)


@pytest.fixture(autouse=True)
def quiet_log():
    with structlog.testing.capture_logs():
        yield
