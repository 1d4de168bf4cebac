"""Fixtures that every kind of test shares: a settable clock, keys, and a fresh database of each kind per test.

`database` runs a test twice, on SQLite and on PostgreSQL. Servers are started once per test process (so each xdist
worker has its own); each test gets a copy of a database that was prepared once.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from pytest_redis.factories import redis_proc

from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.migrations import upgrade
from authsvc.core.sealing.cipher import Keyring
from authsvc.core.sealing.service import Vault
from authsvc.settings import Settings
from tests.support import demo_settings, postgresql, programs
from tests.support.clocks import SettableClock

redis_process = redis_proc(port=None, executable=shutil.which("redis-server") or "redis-server")


def pytest_configure(config: pytest.Config) -> None:
    # What the operator of this machine has set must not reach the settings under test.
    for name in [name for name in os.environ if name.startswith("AUTHSVC_")]:
        if name not in (programs.REQUIRE, programs.DATA):
            del os.environ[name]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if reasons:
        terminalreporter.section("skipped")
        for line in programs.summary(reasons):
            terminalreporter.line(line)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({"k1": bytes(range(32))}, current="k1")


@pytest.fixture
def vault(keyring: Keyring) -> Vault:
    return Vault(keyring)


@pytest.fixture
def audit(vault: Vault) -> Audit:
    return Audit(vault)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """make_settings(**overrides) -> Settings: a valid demo; `database={"url": …}` points it at a prepared one."""
    return partial(demo_settings.make_settings, f"sqlite:///{tmp_path / 'authsvc.sqlite3'}")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh database; the test runs once on each kind."""
    fixture: Database = request.getfixturevalue(f"{request.param}_only_database")
    return fixture


@pytest.fixture
def sqlite_only_database(prepared_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh SQLite database, for tests to which the kind makes no difference."""
    copy = shutil.copy(prepared_sqlite, tmp_path / "database.sqlite3")
    database = Database(f"sqlite:///{copy}")
    yield database
    database.dispose()


@pytest.fixture
def postgresql_only_database(postgresql_server: postgresql.Server) -> Iterator[Database]:
    """A fresh PostgreSQL database, for races and whatever else only it can show."""
    with postgresql_server.database() as url:
        database = Database(url)
        yield database
        database.dispose()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis database."""
    redis.Redis.from_url(redis_server).flushall()
    return redis_server


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    return programs.chromium()


@pytest.fixture(scope="session")
def research_data() -> Path:
    """The folder with research data sets, which are too large or not free to ship."""
    return programs.research_data()


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "database.sqlite3"
    build_schema(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    with postgresql.running(programs.pg_ctl()) as server:
        server.prepare(build_schema)
        yield server


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> str:
    programs.redis_server()  # skips when there is none
    process = request.getfixturevalue("redis_process")
    return f"redis://{process.host}:{process.port}/0"


def build_schema(url: str) -> None:
    """Make the tables as production does: by running the migrations."""
    upgrade(url)
