"""A running service on each database."""

from collections.abc import Callable, Iterator

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
