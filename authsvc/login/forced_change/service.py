"""Decide whether the right password still signs in, and lead to another one by mail where it does not.

1. Its owner disowned it ("this wasn't me"): somebody else may know it.
2. It was chosen beside a second factor, which is gone, and is too short to stand alone (SP 800-63B-4, 3.1.1.2: 15
   characters). How long it is can only be told now that it was typed. Whoever is signed in and shows it once more is
   not stopped by this: they may be on the way to choosing another one (docs/decisions/0013).

Nothing is proven by such a password: no proof is kept in the flow, no failure is forgotten, and the try is counted. The
new one is chosen from the mailbox (login/reset): whoever guessed a short password must not be the one who replaces it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.origin import Origin
from authsvc.factors.factor import Factor
from authsvc.factors.password.rules import stands_beside
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import Password
from authsvc.factors.service import owned_kinds
from authsvc.login.service import Flows, may_reset
from authsvc.login.steps import Go, Stay, reset_page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event

MUST_CHANGE = (
    "This password has to be changed before it can be used again. Sign out, and choose “Forgot your password?” on the "
    "sign-in page."
)


@dataclass(frozen=True)
class ForcedChange:
    """Asks for another password. `factors` is app.py's tuple."""

    audit: Audit
    flows: Flows
    passwords: Passwords
    factors: tuple[Factor, ...]

    def why(self, connection: Connection, flow: Flow, held: Password, typed: str) -> str | None:
        """Return the tag of the event that says why this right password signs nobody in; None where it does.

        The caller holds the account's lock: a factor that is removed at this moment was there, or is gone.
        """
        if held.must_change_since is not None:  # 1
            return "login:password:must_change"
        confirms = flow.account_id is not None
        if confirms or not self.passwords.too_short_alone(held, typed):
            return None
        if stands_beside(owned_kinds(self.factors, connection, held.account_id)):
            return None
        return "login:password:too_short_alone"  # 2

    def demand(
        self, connection: Connection, flow: Flow, held: Password, why: str, *, email: str, origin: Origin, now: datetime
    ) -> Go | Stay:
        """Leave the event, and lead to the page that says so, where a password can be reset from this flow."""
        facts = {"flow": flow.id}
        self.audit.record(connection, why, now=now, account_id=held.account_id, origin=origin, facts=facts)
        if not may_reset(flow):
            return Stay(MUST_CHANGE, status=403)
        self.flows.move(connection, flow, Event.CHANGE_DEMANDED, now=now, email=email)
        return Go(reset_page_of(flow.id))
