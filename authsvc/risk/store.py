"""SQL for risk decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from authsvc.core.database import write_at_end
from authsvc.risk.tables import risk_decisions

ABANDONED_AFTER = timedelta(hours=1)  # longer than a sign-in flow lives
LOOKED_BACK = timedelta(days=2)  # bounds the search; longer than any outage should last


@dataclass(frozen=True)
class StoredDecision:
    """One row of risk_decisions; `contributions` as {"code", "log_odds", "text"}."""

    id: str
    at: datetime
    account_id: str | None
    flow_id: str
    client_id: str | None
    trigger: str
    decision: str
    required: str
    log_odds: float
    probability: float
    policy_version: str
    model_version: str
    contributions: Sequence[Mapping[str, Any]]
    inputs_sealed: bytes
    shadow_version: str | None = None
    shadow_decision: str | None = None
    shadow_required: str | None = None
    outcome: str = "open"
    outcome_at: datetime | None = None


# Built once: every sign-in has a decision.
_INSERT = insert(risk_decisions)
_SETTLE = (
    update(risk_decisions)
    .where(risk_decisions.c.id == bindparam("which"), risk_decisions.c.outcome == "open")
    .values(outcome=bindparam("new_outcome"), outcome_at=bindparam("now"))
)


def insert_decision(connection: Connection, decision: StoredDecision) -> None:
    """Write a decision; one that has its outcome already, when the transaction ends: nothing asks for it before."""
    if decision.outcome == "open":  # its outcome may follow in this very transaction
        connection.execute(_INSERT, decision.__dict__)
    else:
        write_at_end(connection, _INSERT, decision.__dict__)


def find_decision(connection: Connection, decision_id: str) -> StoredDecision | None:
    row = connection.execute(select(risk_decisions).where(risk_decisions.c.id == decision_id)).one_or_none()
    return _decision(row) if row else None


def settle_decision(connection: Connection, decision_id: str, outcome: str, now: datetime) -> bool:
    """Say how the sign-in ended; only the first word counts."""
    settled = {"which": decision_id, "new_outcome": outcome, "now": now}
    return connection.execute(_SETTLE, settled).rowcount == 1


def sweep_decisions(connection: Connection, now: datetime) -> None:
    """Say of decisions whose sign-in nobody went on with that it was abandoned."""
    connection.execute(
        update(risk_decisions)
        .where(
            risk_decisions.c.at > now - LOOKED_BACK,
            risk_decisions.c.at <= now - ABANDONED_AFTER,
            risk_decisions.c.outcome == "open",
        )
        .values(outcome="abandoned", outcome_at=now)
    )


def _decision(row: Row[Any, Any]) -> StoredDecision:
    return StoredDecision(**row._mapping)
