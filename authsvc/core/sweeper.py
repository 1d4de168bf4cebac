"""Drops what nobody can use any more, once a minute, so that no request has to.

Each room says what of its own is over (wiring/endings.py names them all). Every process sweeps: to delete what another
one has deleted does nothing. What fails is logged and tried again a minute later; the other sweeps go on.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.periodic import PeriodicThread

SWEEP_EVERY_S = 60.0

Sweep = Callable[[Connection, datetime], object]  # (connection, now): deletes what is over, in a transaction of its own

log = structlog.get_logger(__name__)


class Sweeper(PeriodicThread):
    """A thread that runs every sweep, until it is stopped."""

    def __init__(self, database: Database, clock: Clock, sweeps: tuple[Sweep, ...]) -> None:
        super().__init__("sweeper", SWEEP_EVERY_S, self.run_once)
        self._database, self._clock, self._sweeps = database, clock, sweeps

    def run_once(self) -> None:
        """Run every sweep once."""
        for sweep in self._sweeps:
            try:
                with self._database.write() as connection:
                    sweep(connection, self._clock.now())
            except Exception:
                log.exception("sweeper.failed", sweep=getattr(sweep, "__qualname__", ""))
