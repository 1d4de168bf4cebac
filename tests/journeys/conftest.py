"""A running service on each database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.running import Running, running


@pytest.fixture
def service(database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Iterator[Running]:
    """authsvc as it runs, on both databases."""
    url = database.url.render_as_string(hide_password=False)
    started = running(make_settings(database={"url": url}), clock)
    yield started
    started.services.close()


@pytest.fixture
def local(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Iterator[Running]:
    """authsvc on SQLite, for what the database makes no difference to."""
    url = sqlite_only_database.url.render_as_string()
    started = running(make_settings(database={"url": url}), clock)
    yield started
    started.services.close()


@pytest.fixture
def local_with(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Iterator[Callable[..., Running]]:
    """local_with(**overrides) -> Running: authsvc on SQLite with other settings."""
    url = sqlite_only_database.url.render_as_string()
    started: list[Running] = []

    def start(**overrides: Any) -> Running:
        started.append(running(make_settings(database={"url": url}, **overrides), clock))
        return started[-1]

    yield start
    for each in started:
        each.services.close()
