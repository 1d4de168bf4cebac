"""The service that sixteen use at once. A file that wants another overrides the one fixture that differs."""

from collections.abc import Callable, Iterator

import pytest

from authsvc.core.database import Database
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.running import Running, running


@pytest.fixture
def raced_database(postgresql_only_database: Database) -> Database:
    """Where the race is run: SQLite lets one write at a time, so that most races are none there."""
    return postgresql_only_database


@pytest.fixture
def limits() -> dict[str, str]:
    """The rate limits that sixteen would meet before what they race for."""
    return {}


@pytest.fixture
def service(
    raced_database: Database, clock: SettableClock, make_settings: Callable[..., Settings], limits: dict[str, str]
) -> Iterator[Running]:
    """authsvc with room for sixteen passwords at once."""
    url = raced_database.url.render_as_string(hide_password=False)
    lanes = {"password_workers": 2, "password_queue": 17, "face_workers": 1, "face_queue": 0}
    started = running(make_settings(database={"url": url}, lanes=lanes, limits=limits), clock)
    yield started
    started.services.close()
