"""Protect an account whose owner says "this wasn't me". It works without signing in, and only protects:

1. the link is spent, once; 2. every session ends, and with it every refresh token;
3. pending changes stop; 4. the strongest factor is asked for next, and where somebody else may know the password, it
has to be changed by mail before it signs in again (concern.py); 5. a case is opened for the security team, and the
sign-in that it is about is labelled (risk/feedback).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import WHAT_HAPPENED, Alert, Alerts
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import guard_account, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Gone
from authsvc.core.ids import new_id
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.password.service import Passwords
from authsvc.login.alerts.concern import concerns_password
from authsvc.login.store import insert_case
from authsvc.risk.feedback.service import Feedback

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
    passwords: Passwords
    stops: tuple[Stop, ...] = ()

    def find(self, token: str, *, origin: Origin) -> Alert:
        """Return what the link is about; looking changes nothing. Raises Gone: `alert.spent`."""
        self.limits.spend("code_per_address", origin.source)
        with self.database.read() as connection:
            alert = self.alerts.find(connection, token, now=self.clock.now())
        if alert is None:
            raise _spent()
        return alert

    def protect(self, token: str, *, origin: Origin) -> Alert:
        """Do the steps above, and return what was disowned. Raises Gone: `alert.spent`: used, expired or never made."""
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            alert = self.alerts.consume(connection, token, now=now)  # 1
            if alert is None:
                raise _spent()
            self.shield(connection, alert.account_id, kind=alert.kind.value, alert_id=alert.id, origin=origin, now=now)
        return alert

    def shield(
        self,
        connection: Connection,
        account_id: str,
        *,
        kind: str,
        alert_id: str | None = None,
        event_id: str | None = None,
        origin: Origin,
        now: datetime,
    ) -> None:
        """Steps 2 to 5, for whoever has shown that they may: by a link, or by being signed in.

        Args:
            kind: what was disowned: the kind of the alert, or the tag of an event of the account.
        """
        lock_account(connection, account_id)  # a sign-in that is about to complete comes before, and ends, or after
        ended = self.sessions.end_all(connection, account_id, reason="not_me", origin=origin, now=now)  # 2
        for stop in self.stops:  # 3
            stop(connection, account_id, origin, now)
        guard_account(connection, account_id, now)  # 4
        if concerns_password(kind):
            self.passwords.disown(connection, account_id, origin, now)
        case_id = new_id("case")
        insert_case(
            connection,
            case_id=case_id,
            account_id=account_id,
            kind=kind,
            alert_id=alert_id,
            event_id=event_id,
            now=now,
        )  # 5
        Feedback(self.audit).disowned(
            connection, account_id, alert_id=alert_id, event_id=event_id, origin=origin, now=now
        )
        facts = {"case": case_id, "kind": kind, "alert": alert_id, "event": event_id, "sessions_ended": ended}
        self.audit.record(
            connection, "login:alert:disowned", now=now, account_id=account_id, origin=origin, facts=facts
        )


def sentence(alert: Alert) -> str:
    """Return what happened, in plain words."""
    return WHAT_HAPPENED[alert.kind]


def _spent() -> Gone:
    return Gone("alert.spent", "This link was used already, or is older than 7 days.")
