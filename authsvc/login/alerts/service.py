"""Protect an account whose owner says "this wasn't me". It works without signing in, and only protects:

1. the link is spent, once; 2. every session ends, and with it every refresh token;
3. pending changes stop; 4. the strongest factor is asked for next; 5. a case is opened for the security team.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import WHAT_HAPPENED, Alert, Alerts
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import guard_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Gone
from authsvc.core.ids import new_id
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.login.store import insert_case

# Stops what is pending for an account, in the caller's transaction: (connection, account id, origin, now).
Stop = Callable[[Connection, str, Origin, datetime], None]


@dataclass(frozen=True)
class NotMe:
    """Spends "this wasn't me" links."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    alerts: Alerts
    sessions: Sessions
    stops: tuple[Stop, ...] = ()

    def find(self, token: str, *, origin: Origin) -> Alert:
        """Return what the link is about; looking changes nothing. Raises Gone: `alert.spent`."""
        self.limits.spend("code_per_address", origin.source)
        with self.database.read() as connection:
            alert = self.alerts.find(connection, token, now=self.clock.now())
        if alert is None:
            raise _spent()
        return alert

    def protect(self, token: str, *, origin: Origin) -> None:
        """Do the steps above. Raises Gone: `alert.spent`: used, expired or never made."""
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            alert = self.alerts.consume(connection, token, now=now)  # 1
            if alert is None:
                raise _spent()
            ended = self.sessions.end_all(connection, alert.account_id, reason="not_me", origin=origin, now=now)  # 2
            for stop in self.stops:  # 3
                stop(connection, alert.account_id, origin, now)
            guard_account(connection, alert.account_id, now)  # 4
            insert_case(
                connection,
                case_id=new_id("case"),
                account_id=alert.account_id,
                kind=alert.kind.value,
                alert_id=alert.id,
                now=now,
            )  # 5
            self.audit.record(
                connection,
                "login:alert:disowned",
                now=now,
                account_id=alert.account_id,
                origin=origin,
                facts={"alert": alert.id, "kind": alert.kind.value, "sessions_ended": ended},
            )


def sentence(alert: Alert) -> str:
    """Return what happened, in plain words."""
    return WHAT_HAPPENED[alert.kind]


def _spent() -> Gone:
    return Gone("alert.spent", "This link was used already, or is older than 7 days.")
