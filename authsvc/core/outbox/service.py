"""The transactional outbox: a use case writes what is to be sent in its own transaction; a worker sends it.

At least once: a worker leases a row by moving `due_at` forward in one statement, delivers, and deletes it. A crash in
between delivers again after the lease; a failure waits 5 s, 25 s, 2 min … up to an hour, and is given up after
a day with a log line. Payloads are sealed: a mail holds a code.

A worker sends its rows one after another. What a stranger's server can make slow has a worker of its own (`only`), and
the others leave it alone (`without`): a shop's webhook must never hold up a customer's code.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, delete, insert, select, update

from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.ids import new_id
from authsvc.core.mail import Message, Notifier
from authsvc.core.outbox.tables import outbox
from authsvc.core.sealing.service import Vault

LEASE_S = 60
GIVE_UP_AFTER_S = 86_400
FIRST_RETRY_S = 5
LONGEST_RETRY_S = 3600
BATCH = 20
POLL_S = 1.0
COMMIT_S = 0.05
RECIPIENT = "outbox-recipient"

log = structlog.get_logger(__name__)

Handler = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Outbox:
    """Where use cases leave what is to be sent."""

    vault: Vault
    wake: threading.Event

    def put(
        self,
        connection: Connection,
        topic: str,
        payload: Mapping[str, Any],
        *,
        now: datetime,
        recipient: str | None = None,
        due_at: datetime | None = None,
    ) -> None:
        """Leave one payload for the handler of `topic`, to be sent once the transaction commits, or at `due_at`."""
        row_id = new_id("out")
        values = {
            "id": row_id,
            "topic": topic,
            "sealed": self.vault.seal(json.dumps(payload).encode(), context=f"outbox:{row_id}"),
            "recipient": None if recipient is None else self.vault.keyring.index(RECIPIENT, recipient),
            "created_at": due_at or now,  # it is given up a day after that
            "due_at": due_at or now,
        }
        connection.execute(insert(outbox).values(values))
        self.wake.set()

    def mail(self, connection: Connection, message: Message, *, now: datetime) -> None:
        """Leave a mail."""
        payload = {"to": message.to, "subject": message.subject, "text": message.text}
        self.put(connection, "mail", payload, now=now, recipient=message.to)

    def forget(self, connection: Connection, addresses: Iterable[str]) -> int:
        """Drop what was not sent yet to these addresses, for an erasure; return how many rows that were."""
        known = [index for address in addresses for index in self.vault.keyring.indexes(RECIPIENT, address)]
        return connection.execute(delete(outbox).where(outbox.c.recipient.in_(known))).rowcount


def mail_handler(notifier: Notifier) -> Handler:
    """Return the handler of the topic `mail`."""

    def deliver(payload: Mapping[str, Any]) -> None:
        notifier.deliver(Message(payload["to"], payload["subject"], payload["text"]))

    return deliver


class OutboxWorker:
    """A thread that empties the outbox; many machines may run one each."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        wake: threading.Event,
        handlers: Mapping[str, Handler],
        *,
        only: Iterable[str] = (),
        without: Iterable[str] = (),
    ) -> None:
        """Args: only the topics this worker takes (all, if none is named), without those that another one takes."""
        self._only, self._without = tuple(only), tuple(without)
        self._database, self._vault, self._clock, self._wake = database, vault, clock, wake
        self._handlers = dict(handlers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the row in hand and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=20)

    def run_once(self) -> int:
        """Deliver what is due now; return how many rows were delivered."""
        return sum(self._deliver(row_id) for row_id in self._due())

    def _loop(self) -> None:
        while not self._stop.is_set():
            if self._wake.wait(POLL_S):
                self._wake.clear()
                self._stop.wait(COMMIT_S)  # it was woken by a transaction that is about to commit
            try:
                while not self._stop.is_set() and (due := self._due()):
                    for row_id in due:  # delivered, postponed or another worker's: none of these is due any more
                        self._deliver(row_id)
            except Exception:
                log.exception("outbox.failed")

    def _due(self) -> list[str]:
        with self._database.read() as connection:
            query = select(outbox.c.id).where(outbox.c.due_at <= self._clock.now()).order_by(outbox.c.due_at)
            if self._only:
                query = query.where(outbox.c.topic.in_(self._only))
            if self._without:
                query = query.where(outbox.c.topic.not_in(self._without))
            return list(connection.execute(query.limit(BATCH)).scalars())

    def _deliver(self, row_id: str) -> bool:
        now = self._clock.now()
        with self._database.write() as connection:
            lease = (
                update(outbox)
                .where(outbox.c.id == row_id, outbox.c.due_at <= now)
                .values(due_at=now + timedelta(seconds=LEASE_S), attempts=outbox.c.attempts + 1)
                .returning(outbox.c.topic, outbox.c.sealed, outbox.c.created_at, outbox.c.attempts)
            )
            row = connection.execute(lease).one_or_none()
        if row is None:
            return False  # another worker has it
        try:
            payload = json.loads(self._vault.open(row.sealed, context=f"outbox:{row_id}"))
            self._handlers[row.topic](payload)
        except Exception as problem:
            # Whatever it is: a row that fails in a way nobody thought of must not be tried every minute for ever.
            self._postpone(row_id, row.topic, row.created_at, row.attempts, problem)
            return False
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.id == row_id))
        return True

    def _postpone(self, row_id: str, topic: str, created_at: datetime, attempts: int, problem: Exception) -> None:
        now = self._clock.now()
        given_up = now - created_at > timedelta(seconds=GIVE_UP_AFTER_S)
        log.warning(
            "outbox.not_delivered",
            row=row_id,
            topic=topic,
            attempts=attempts,
            given_up=given_up,
            problem=type(problem).__name__,
        )
        with self._database.write() as connection:
            if given_up:
                connection.execute(delete(outbox).where(outbox.c.id == row_id))
                return
            wait_s = min(FIRST_RETRY_S * 5 ** min(attempts - 1, 8), LONGEST_RETRY_S)
            connection.execute(
                update(outbox).where(outbox.c.id == row_id).values(due_at=now + timedelta(seconds=wait_s))
            )
