"""The tariff as the hasher asks for it: read from the database now and then, not at every sign-in."""

from datetime import timedelta

from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.factors.password.legacy.store import Tariff, list_tariff

READ_EVERY = timedelta(seconds=30)


def no_tariff() -> Tariff:
    """Return what is paid where nothing was imported."""
    return {}


class StoredTariff:
    """Returns the stored tariff when called. An import is charged for half a minute after it began, at the latest."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._read_at = clock.now() - 2 * READ_EVERY
        self._tariff: Tariff = {}

    def __call__(self) -> Tariff:
        now = self._clock.now()
        if not timedelta(0) <= now - self._read_at < READ_EVERY:
            with self._database.read() as connection:
                self._tariff = list_tariff(connection)
            self._read_at = now
        return self._tariff
