"""Account events: left in the outbox by the transaction that changes an account, delivered to each client's webhook.

An event says that something happened to an account, and to which: its type, the account's id, the time. Nothing about a
person; who wants to know more asks the account API. At least once, in no promised order: a receiver remembers
`webhook-id`, and reads the account instead of trusting the sequence.

`AccountEvents` is what use cases call, with one line in their transaction. `Webhooks` is the operator's side.
`Delivery` is the outbox's: it looks the webhook up at each attempt, so that a rotated secret, another
address and a switched-off webhook hold for what waits already.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection

from authsvc.accounts.events.destination import Destination, parse_destination
from authsvc.accounts.events.signature import SECRET_BYTES, signed_headers, written
from authsvc.accounts.events.store import (
    Webhook,
    disable_webhook,
    find_webhook,
    find_webhook_of,
    insert_webhook,
    list_active_webhooks,
    readdress_webhook,
    rotate_webhook_secret,
)
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Conflict, NotFound
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault


class EventType(StrEnum):
    """What a receiver is told of an account: its id and this, never what is in it."""

    CREATED = "account.created"
    CHANGED = "account.changed"  # the address, the name or the status
    ERASED = "account.erased"


TOPIC = "webhook"
BOTH_SECRETS = timedelta(hours=24)
REST = timedelta(minutes=1)  # after a failure: a dead server costs the worker one timeout a minute, not one an event
SLOW = timedelta(seconds=3)
SLOW_REST = 4  # times what a slow answer took: it has at most a fifth of the worker's time
GONE = 410


class NotDelivered(Exception):
    """The receiver did not take the event; the outbox tries again."""


class Sender(Protocol):
    def post(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> int:
        """Send one request, follow nothing, and return the status. Raises OSError where there is none to return."""
        ...


@dataclass(frozen=True)
class AccountEvents:
    """What a use case calls when it has created, changed or erased an account, in its own transaction."""

    outbox: Outbox

    def created(self, connection: Connection, account_id: str, now: datetime) -> None:
        self._tell(connection, EventType.CREATED, account_id, now)

    def changed(self, connection: Connection, account_id: str, now: datetime) -> None:
        self._tell(connection, EventType.CHANGED, account_id, now)

    def erased(self, connection: Connection, account_id: str, now: datetime) -> None:
        self._tell(connection, EventType.ERASED, account_id, now)

    def _tell(self, connection: Connection, kind: EventType, account_id: str, now: datetime) -> None:
        for webhook_id in list_active_webhooks(connection):
            event = {"type": kind.value, "timestamp": now.isoformat(), "data": {"sub": account_id}}
            payload = {"webhook": webhook_id, "id": new_id("msg"), "event": event}
            self.outbox.put(connection, TOPIC, payload, now=now)


@dataclass(frozen=True)
class Webhooks:
    """Which client is told, where, and with which secret."""

    database: Database
    vault: Vault
    audit: Audit
    clock: Clock
    allow_private: bool

    def set_url(self, client_id: str, url: str) -> str | None:
        """Tell a client's server from now on; return the secret the first time. Another URL keeps the secret.

        Raises:
            BadInput: `webhook.url`: not an address for webhooks.
        """
        parse_destination(url, allow_private=self.allow_private)
        now, secret = self.clock.now(), new_bytes(SECRET_BYTES)
        webhook_id = new_id("whk")
        fresh = Webhook(webhook_id, client_id, url, self._seal(webhook_id, secret), now)
        with self.database.write() as connection:
            is_new = insert_webhook(connection, fresh)
            if not is_new:
                readdress_webhook(connection, client_id, url)
            self._record(connection, "accounts:webhook:set", client_id, now)
        return written(secret) if is_new else None

    def rotate(self, client_id: str) -> str:
        """Return a fresh secret; the one before signs too for 24 h.

        Raises:
            NotFound: `webhook.unknown`.
            Conflict: `webhook.rotated`: somebody else did at the same moment.
        """
        now, secret = self.clock.now(), new_bytes(SECRET_BYTES)
        with self.database.write() as connection:
            webhook = _get(connection, client_id)
            sealed = self._seal(webhook.id, secret)
            if not rotate_webhook_secret(connection, webhook, sealed, previous_until=now + BOTH_SECRETS):
                raise Conflict("webhook.rotated", "The secret was replaced at this moment. Use that one.")
            self._record(connection, "accounts:webhook:secret_rotated", client_id, now)
        return written(secret)

    def switch_off(self, client_id: str) -> None:
        """Tell this client nothing more; what waits is dropped at its next attempt.

        Raises:
            NotFound: `webhook.unknown`.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            _get(connection, client_id)
            if disable_webhook(connection, client_id, reason="operator", now=now):
                self._record(connection, "accounts:webhook:disabled", client_id, now, reason="operator")

    def find(self, client_id: str) -> Webhook | None:
        with self.database.read() as connection:
            return find_webhook_of(connection, client_id)

    def _seal(self, webhook_id: str, secret: bytes) -> bytes:
        return self.vault.seal(secret, context=_context(webhook_id))

    def _record(self, connection: Connection, tag: str, client_id: str, now: datetime, **facts: str) -> None:
        self.audit.record(connection, tag, now=now, facts={"client": client_id, **facts})


@dataclass(frozen=True)
class Delivery:
    """One attempt at one event: what the outbox's worker does with a row of the topic `webhook`."""

    database: Database
    vault: Vault
    audit: Audit
    clock: Clock
    sender: Sender
    allow_private: bool
    _resting: dict[str, datetime] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def deliver(self, payload: Mapping[str, Any]) -> None:
        """Send it, or raise so that it is tried again. Nothing is sent to a webhook that was switched off.

        Raises:
            NotDelivered: the server refused, or failed or was slow a moment ago.
            BadInput, OSError: it can't be reached, or must not be.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            webhook = find_webhook(connection, payload["webhook"])
        if webhook is None or webhook.disabled_at is not None:
            return
        with self._lock:
            if now < self._resting.get(webhook.id, now):
                raise NotDelivered("this server failed or was slow a moment ago")
        try:
            self._attempt(webhook, payload, now)
        except Exception:
            self._let_rest(webhook, REST)
            raise
        if (took := self.clock.now() - now) > SLOW:
            self._let_rest(webhook, SLOW_REST * took)

    def _let_rest(self, webhook: Webhook, rest: timedelta) -> None:
        with self._lock:
            self._resting[webhook.id] = self.clock.now() + rest

    def _attempt(self, webhook: Webhook, payload: Mapping[str, Any], now: datetime) -> None:
        destination = parse_destination(webhook.url, allow_private=self.allow_private)
        body = json.dumps(payload["event"], separators=(",", ":")).encode()
        headers = signed_headers(payload["id"], body, self._secrets(webhook, now), now=now)
        status = self.sender.post(destination, headers, body)
        if status == GONE:  # Standard Webhooks: the receiver wants no more
            self._switch_off(webhook, now)
        elif not 200 <= status < 300:
            raise NotDelivered(f"status {status}")

    def _secrets(self, webhook: Webhook, now: datetime) -> list[bytes]:
        sealed = [webhook.secret_sealed]
        still_signs = webhook.previous_until is not None and now < webhook.previous_until
        if webhook.previous_sealed is not None and still_signs:
            sealed.append(webhook.previous_sealed)
        return [self.vault.open(each, context=_context(webhook.id)) for each in sealed]

    def _switch_off(self, webhook: Webhook, now: datetime) -> None:
        with self.database.write() as connection:
            if disable_webhook(connection, webhook.client_id, reason="gone", now=now):
                facts = {"client": webhook.client_id, "reason": "gone"}
                self.audit.record(connection, "accounts:webhook:disabled", now=now, facts=facts)


def _context(webhook_id: str) -> str:
    return f"webhooks:{webhook_id}"


def _get(connection: Connection, client_id: str) -> Webhook:
    webhook = find_webhook_of(connection, client_id)
    if webhook is None:
        raise NotFound("webhook.unknown", "This client has no webhook.")
    return webhook
