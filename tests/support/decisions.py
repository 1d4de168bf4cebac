"""Accounts and risk decisions for the console's tests, written the way the service writes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account, Address, grant_role, insert_account, insert_address
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.ids import hash_secret, new_bytes, new_id
from authsvc.risk.context import DeviceSeen, RiskContext, Trigger, TypingFacts, TypingState
from authsvc.risk.store import StoredDecision, insert_decision

NEW_DEVICE = {"code": "device.new", "log_odds": 2.0, "text": "The account has never signed in from this browser."}
KNOWN_DEVICE = {"code": "device.known", "log_odds": -3.0, "text": "The account has signed in from this browser before."}
INPUTS = RiskContext(
    Trigger.PASSWORD, Level.PWD, DeviceSeen(known=True, age_s=90_000.0), typing=TypingFacts(TypingState.SCORED, -1.5)
).to_inputs()


@dataclass(frozen=True)
class Analyst:
    """A member of staff as the login room's sessions name one."""

    account_id: str
    display_name: str = "Ines Okafor"
    session_id: str = "ses_staff"


@dataclass(frozen=True)
class StaffByCookie:
    """Staff sessions by the cookie's value."""

    members: dict[str, Analyst]

    def find(self, secret: str | None, *, now: datetime) -> Analyst | None:
        return self.members.get(secret or "")


@dataclass(frozen=True)
class Scene:
    """A database with people in it, and decisions on request."""

    database: Database
    audit: Audit
    start: datetime

    def person(self, name: str, email: str, *, role: str | None = None) -> Account:
        account = Account(new_id("acc"), new_bytes(32), name, "active", self.start)
        with self.database.write() as connection:
            insert_account(connection, account)
            insert_address(connection, Address(new_id("adr"), account.id, email, self.start, True))
            if role:
                grant_role(connection, account.id, role, self.start)
        return account

    def decision(self, account: Account, *, ago: timedelta = timedelta(0), **changes: Any) -> StoredDecision:
        decision_id = changes.pop("id", None) or new_id("dec")
        at = self.start - ago
        with self.database.write() as connection:
            sealed = self.audit.vault.seal_json_for(
                connection, account.id, INPUTS, context=f"risk_decisions:{decision_id}", now=at
            )
            facts = {
                "account_id": account.id,
                "flow_id": "flow_1",
                "client_id": "cli_shop",
                "trigger": "password",
                "decision": "allow",
                "required": "none",
                "log_odds": -9.0,
                "probability": 0.0001,
                "policy_version": "9f2c" * 16,
                "model_version": "initial-1",
                "contributions": [KNOWN_DEVICE],
                "inputs_sealed": sealed,
                **changes,
            }
            decision = StoredDecision(id=decision_id, at=at, **facts)
            insert_decision(connection, decision)
        return decision


def cookie_of(name: str) -> str:
    """Return a console cookie's value for a member of staff."""
    return hash_secret(name).hex()
