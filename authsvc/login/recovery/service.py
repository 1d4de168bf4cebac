"""The life of a recovery: started, told to everybody, stopped by any of them or finished once.

    start ─▶ (every address is told; a third of the wait before the end, once more) ─▶ finish, while it is open
                 └─ stop: "this wasn't me" in any mail · a button on the account page · a sign-in at the highest level

How long it waits is decided in rules.py. Stopping and finishing are one SQL statement each on one row: of the two, one
happens. Whoever finishes proves the mailbox again (journey/service.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.devices.service import NO_DEVICE, DeviceFacts
from authsvc.accounts.levels import Level, ProofKind, reachable
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import Account, find_account_by_email
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Conflict, NotFound, NotSignedIn
from authsvc.core.ids import new_id
from authsvc.core.limits import Limits
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.factors.factor import Factor
from authsvc.factors.service import owned_kinds
from authsvc.login.branding import NO_BRANDS, Brands
from authsvc.login.recovery.rules import OPEN_FOR, STRONGER, Pending, Trust, Waits, reminder_at, wait_of
from authsvc.login.recovery.store import (
    consume_recovery,
    consume_reminder,
    find_last_stop,
    find_open,
    insert_recovery,
    note_code,
    stop_recovery,
)
from authsvc.settings import RecoverySettings

REMINDER = "recovery_reminder"  # the outbox's topic
COUNTED = STRONGER | {ProofKind.PASSWORD}


@dataclass(frozen=True)
class Recoveries:
    """Starts, shows, stops and finishes recoveries. `factors` is app.py's tuple."""

    settings: RecoverySettings
    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    alerts: Alerts
    outbox: Outbox
    sessions: Sessions
    factors: tuple[Factor, ...]
    brands: Brands = NO_BRANDS

    @property
    def waits(self) -> Waits:
        """How long recoveries wait."""
        return Waits(timedelta(hours=self.settings.wait_hours), timedelta(hours=self.settings.known_device_wait_hours))

    def kinds(self, connection: Connection, account_id: str) -> frozenset[ProofKind]:
        """Return what the account can prove itself with, the mailbox aside."""
        return frozenset(owned_kinds(self.factors, connection, account_id)) & COUNTED

    def pending(self, connection: Connection, account_id: str) -> Pending | None:
        """Return the account's open recovery, for pages that tell its owner."""
        return find_open(connection, account_id, self.clock.now())

    def wait(self, connection: Connection, account: Account, device: DeviceFacts, *, now: datetime) -> timedelta:
        """Return how long a recovery would wait that is started now from this device."""
        known_since = device.first_seen_at if device.known and not device.stolen else None
        trust = Trust(
            device_known_since=known_since,
            guarded=account.guarded_at is not None,
            stopped_at=find_last_stop(connection, account.id),
            address_changed_at=account.address_changed_at,
        )
        return wait_of(trust, self.waits, now=now)

    def start(
        self,
        connection: Connection,
        account: Account,
        *,
        by: str,
        device: DeviceFacts = NO_DEVICE,
        origin: Origin | None,
        now: datetime,
        letterhead: Letterhead | None = None,
    ) -> bool:
        """Open a recovery and tell every address; False when one is open already, whose clock runs on."""
        due_at = now + self.wait(connection, account, device, now=now)
        pending = Pending(new_id("rcv"), by, now, due_at, due_at + OPEN_FOR)
        if not insert_recovery(connection, account.id, pending):
            return False
        self._tell(connection, account.id, pending, origin=origin, now=now, letterhead=letterhead)
        payload = {"recovery": pending.id, "client": letterhead.client_id if letterhead else None}
        self.outbox.put(connection, REMINDER, payload, now=now, due_at=reminder_at(now, due_at))
        facts = {"recovery": pending.id, "by": by, "wait_s": int((due_at - now).total_seconds())}
        self._record(connection, "login:recovery:started", account.id, origin, now, **facts)
        return True

    def open_by_code(self, connection: Connection, account_id: str, flow_id: str, *, now: datetime) -> None:
        """A recovery code was shown in this flow: for it, the wait is over."""
        note_code(connection, account_id, flow_id, now)

    def finish(self, connection: Connection, account_id: str, flow_id: str, *, now: datetime) -> Pending | None:
        """Use the open recovery up; None when there is none that this flow may finish now."""
        return consume_recovery(connection, account_id, flow_id=flow_id, now=now)

    def remind(self, payload: Mapping[str, Any]) -> None:
        """Send the second warning of a recovery that is still open: the outbox's handler of `recovery_reminder`."""
        now = self.clock.now()
        with self.database.write() as connection:
            found = consume_reminder(connection, str(payload["recovery"]), now)
            if found is not None:
                account_id, pending = found
                brand = self.brands.of(payload.get("client"), connection)
                head = brand.letterhead if brand else None
                self._tell(connection, account_id, pending, origin=None, now=now, letterhead=head)

    # -- stopping

    def stop(
        self, connection: Connection, account_id: str, *, reason: str, origin: Origin | None, now: datetime
    ) -> bool:
        """Stop the account's open recovery, if there is one."""
        stopped = stop_recovery(connection, account_id, reason=reason, now=now)
        if stopped is not None:
            facts = {"recovery": stopped, "reason": reason}
            self._record(connection, "login:recovery:stopped", account_id, origin, now, **facts)
        return stopped is not None

    def stop_frozen(self, connection: Connection, account_id: str, origin: Origin | None, now: datetime) -> None:
        """The account was locked: one of the `stops` of accounts/locks/service.py."""
        self.stop(connection, account_id, reason="frozen", origin=origin, now=now)

    def stop_disowned(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> None:
        """ "This wasn't me" was pressed: one of the `stops` of login/alerts/service.py."""
        self.stop(connection, account_id, reason="disowned", origin=origin, now=now)

    def stop_at_sign_in(
        self, connection: Connection, account_id: str, level: Level, origin: Origin, now: datetime
    ) -> None:
        """Somebody signed in at the account's highest level: nothing is lost. Costs one query while none is open."""
        if find_open(connection, account_id, now) is None:
            return
        if level >= reachable(self.kinds(connection, account_id)):
            self.stop(connection, account_id, reason="signed_in", origin=origin, now=now)

    def stop_in_session(self, secret: str | None, *, origin: Origin) -> bool:
        """The button on the account page: any signed-in device stops it. Raises NotSignedIn."""
        now = self.clock.now()
        with self.database.write() as connection:
            session = self.sessions.find_live(connection, secret, now=now)
            if session is None:
                raise NotSignedIn("account.not_signed_in", "Please sign in first.")
            return self.stop(connection, session.account_id, reason="session", origin=origin, now=now)

    # -- staff

    def start_for(self, email: str) -> datetime:
        """The operator starts a recovery for a customer, after whatever check they make; return when it opens.

        It waits as long as any other, tells everybody, and is finished by whoever reads the mailbox.

        Raises:
            NotFound: `account.unknown`: nobody active has this address.
            Conflict: `recovery.nothing_lost`: the account has no stronger factor; `recovery.pending`: one is open.
        """
        address, now = normalise(email), self.clock.now()
        with self.database.write() as connection:
            account = find_account_by_email(connection, address)
            if account is None or not account.is_active:
                raise NotFound("account.unknown", "No active account has this address.")
            if not STRONGER & self.kinds(connection, account.id):
                raise Conflict("recovery.nothing_lost", "The account has no passkey or authenticator app to lose.")
            if not self.start(connection, account, by="staff", origin=None, now=now):
                raise Conflict("recovery.pending", "A recovery of this account is open already; its clock runs on.")
            pending = find_open(connection, account.id, now)
            assert pending is not None  # it was just written
            self._record(connection, "cli:recovery:started", account.id, None, now, recovery=pending.id)
        return pending.due_at

    def _tell(
        self,
        connection: Connection,
        account_id: str,
        pending: Pending,
        *,
        origin: Origin | None,
        now: datetime,
        letterhead: Letterhead | None = None,
    ) -> None:
        self.alerts.send(
            connection,
            account_id,
            AlertKind.RECOVERY_STARTED,
            origin=origin,
            now=now,
            letterhead=letterhead,
            asked_at=pending.started_at,
            opens_at=pending.due_at,
            continue_link=f"{self.alerts.issuer}/login/recovery",
        )

    def _record(
        self, connection: Connection, tag: str, account_id: str, origin: Origin | None, now: datetime, **facts: Any
    ) -> None:
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)
