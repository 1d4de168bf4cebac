"""Lock an account: nobody signs in, nobody is signed in; and unlock it, as if nothing had been.

Status `frozen`. Each way in refuses a locked account in the words, and at the cost, of a wrong password; who reads the
mailbox hears why. Sessions end, and refresh tokens with them. Nothing is deleted. What is pending stops, so that
nobody comes in by it on the day of unlocking.

The row keeps who locked it: a client unlocks what it has locked itself, the operator everything. What a client has
locked the operator can take over, so that no client opens it again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.events.service import AccountEvents
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import freeze_account, unfreeze_account
from authsvc.core.audit.service import Audit
from authsvc.core.origin import Origin

OPERATOR = "operator"

# Stops what is pending for an account, in the caller's transaction: (connection, account id, origin, now).
Stop = Callable[[Connection, str, Origin | None, datetime], None]


@dataclass(frozen=True)
class Locks:
    """Locks and unlocks accounts, inside the caller's transaction."""

    audit: Audit
    sessions: Sessions
    events: AccountEvents
    stops: tuple[Stop, ...] = ()

    def freeze(
        self,
        connection: Connection,
        account_id: str,
        *,
        by: str = OPERATOR,
        client: str | None = None,
        origin: Origin | None = None,
        now: datetime,
    ) -> bool:
        """Lock an active account; False when it is not one.

        Args:
            by: who does it for the operator.
            client: the client that does it.
        """
        if not freeze_account(connection, account_id, client=client):
            return False
        ended = self.sessions.end_all(connection, account_id, reason="frozen", origin=origin, now=now)
        for stop in self.stops:
            stop(connection, account_id, origin, now)
        self.events.changed(connection, account_id, now)
        facts = {"by": client or by, "sessions_ended": ended}
        self.audit.record(
            connection, "accounts:account:frozen", now=now, account_id=account_id, origin=origin, facts=facts
        )
        return True

    def unfreeze(
        self,
        connection: Connection,
        account_id: str,
        *,
        by: str = OPERATOR,
        client: str | None = None,
        origin: Origin | None = None,
        now: datetime,
    ) -> bool:
        """Unlock a locked account; False when it is not one, or when somebody else than this client locked it."""
        if not unfreeze_account(connection, account_id, client=client):
            return False
        self.events.changed(connection, account_id, now)
        facts = {"by": client or by}
        self.audit.record(
            connection, "accounts:account:unfrozen", now=now, account_id=account_id, origin=origin, facts=facts
        )
        return True
