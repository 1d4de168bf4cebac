"""`authsvc key renew-faces`, as an operator runs it after a copy of the database was taken."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from click.testing import Result

from authsvc.cli.key import app
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.embedder.choice import DLIB_ID
from authsvc.factors.face.store import Template, find_template, replace_template
from authsvc.factors.face.templates.service import Templates
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.commands import Command
from tests.support.faces import ACCOUNT, build_faces

PLAIN = np.random.default_rng(5).normal(0, 0.1, 128)


@pytest.fixture
def templates(
    sqlite_only_database: Database,
    audit: Audit,
    clock: SettableClock,
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> Templates:
    """One account with a template, and the settings of the command."""
    made = make_settings(database={"url": sqlite_only_database.url.render_as_string()})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: made)
    vault = Vault(made.build_keyring())
    build_faces(sqlite_only_database, vault, audit, clock)
    templates = Templates(vault, audit)
    with sqlite_only_database.write() as connection:
        templates.keep(connection, ACCOUNT, PLAIN, embedder=DLIB_ID, frames=3, now=clock.now())
    return templates


def run() -> Result:
    return Command(app).run("renew-faces")


def kept(database: Database) -> Template:
    with database.read() as connection:
        found = find_template(connection, ACCOUNT)
    assert found is not None
    return found


def test_every_template_gets_a_new_key_and_still_is_the_same_face(
    templates: Templates, sqlite_only_database: Database
) -> None:
    before = kept(sqlite_only_database)
    result = run()
    assert (result.exit_code, result.output) == (0, "Renewed 1 of 1 face templates.\n")
    after = kept(sqlite_only_database)
    assert before.projection != after.projection
    with sqlite_only_database.read() as connection:
        opened = templates.open(connection, ACCOUNT, embedder=DLIB_ID)
    assert not isinstance(opened, str)
    assert np.abs(opened - PLAIN).max() < 1e-9


def test_a_damaged_template_is_named_and_left(templates: Templates, sqlite_only_database: Database) -> None:
    assert templates
    whole = kept(sqlite_only_database)
    damaged = replace(whole, projection=whole.projection[:-1] + bytes([whole.projection[-1] ^ 1]))
    with sqlite_only_database.write() as connection:
        assert replace_template(connection, whole, damaged)
    result = run()
    assert result.exit_code == 1
    assert "Renewed 0 of 1" in result.output
    assert ACCOUNT in result.output
    assert kept(sqlite_only_database) == damaged
