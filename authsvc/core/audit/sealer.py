"""The sealer: takes events that have committed and links them into the chain, a few at a time, within 2 seconds.

Use cases insert their events unchained, in their own transactions, so that none of them waits for the chain's head. One
sealer at a time orders and links what has committed: on PostgreSQL whoever gets an advisory lock, on SQLite a thread
of the only serving process. Each batch ends with a signed checkpoint, which is also written to the log stream
(`audit.checkpoint`), where somebody who can change the database can't take it back.

Where the chain goes on. Normally newest link, newest checkpoint and what this process last sealed agree. When they do
not, somebody cut or rewrote the end; the sealer says so (`audit.chain_cut`) and goes on after the highest of them, so
that new evidence is protected and the hole stays for verify to name.

Limits: on PostgreSQL a transaction that has written and stays open holds back the sealing of everything that began
after it; verify reports that as the unsealed tail.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from authsvc.core.audit import store
from authsvc.core.audit.chain import (
    GENESIS,
    LOG_EVENT,
    ChainKeys,
    Checkpoint,
    Event,
    as_log_fields,
    is_genuine,
    link,
    sign_checkpoint,
)
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.periodic import PeriodicThread

SEAL_EVERY_S = 1.0  # security.md, "Audit": within 2 s
BATCH = 100  # some 20 ms of SQLite's write lock on two busy cores

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Head:
    """The end of the chain: how many events, and the mac of the last."""

    count: int
    mac: bytes


class Sealer:
    """Links committed events; any number may run, one at a time works."""

    def __init__(self, database: Database, audit_key: bytes, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._keys = ChainKeys.derive(audit_key)
        # What this process knows by itself: the first spares a search through all events, the second shows a cut.
        self._start = 0
        self._last = _Head(0, GENESIS)

    def run_once(self) -> int:
        """Seal what can be sealed now; return how many events that were."""
        total = 0
        while self._has_work():
            sealed = self._seal_batch()
            total += sealed
            if sealed < BATCH:
                break
        return total

    def _has_work(self) -> bool:
        # Looking takes no lock, so that an idle sealer never makes a writer wait.
        with self._database.read() as connection:
            horizon = store.find_horizon(connection)
            if store.list_sealable(connection, start=self._start, limit=1):
                return True
        self._start = horizon
        return False

    def _seal_batch(self) -> int:
        with self._database.write() as connection:
            if not store.take_sealer_lock(connection):
                return 0
            head = self._find_head(connection)
            horizon = store.find_horizon(connection)
            batch = store.list_sealable(connection, start=self._start, limit=BATCH)
            if not batch:
                return 0
            checkpoint = self._append(connection, head, [each.event for each in batch])
        # Only what has committed is told to the log.
        log.info(LOG_EVENT, **as_log_fields(checkpoint))
        self._last = _Head(checkpoint.count, checkpoint.head)
        self._start = horizon if len(batch) < BATCH else min(horizon, batch[-1].place)
        return len(batch)

    def _append(self, connection: Connection, head: _Head, events: list[Event]) -> Checkpoint:
        mac, links = head.mac, []
        for seq, event in enumerate(events, start=head.count + 1):
            mac = link(self._keys.link, mac, seq, event)
            links.append({"seq": seq, "event_row": event.row, "mac": mac})
        checkpoint = sign_checkpoint(self._keys, count=head.count + len(events), head=mac, at=self._clock.now())
        store.insert_links(connection, links)
        store.insert_checkpoint(connection, checkpoint)
        return checkpoint

    def _find_head(self, connection: Connection) -> _Head:
        last_link = store.find_last_link(connection)
        linked = _Head(*last_link) if last_link else _Head(0, GENESIS)
        checkpoint = store.find_last_checkpoint(connection)
        if checkpoint is None or not is_genuine(self._keys.public, checkpoint):
            signed = _Head(0, GENESIS)
        else:
            signed = _Head(checkpoint.count, checkpoint.head)
        if linked != signed or linked.count < self._last.count:
            log.error("audit.chain_cut", links=linked.count, checkpoint=signed.count, remembered=self._last.count)
            self._start = 0  # rows may have come back under old ids: search from the beginning
        return max(self._last, signed, linked, key=lambda head: head.count)


class SealerThread(PeriodicThread):
    """Runs a sealer every second until it is stopped; stopping seals once more."""

    def __init__(self, sealer: Sealer) -> None:
        super().__init__("audit-sealer", SEAL_EVERY_S, self._run, once_more=True)
        self._sealer = sealer

    def _run(self) -> None:
        try:
            self._sealer.run_once()
        except Exception:
            log.exception("audit.sealer_failed")
