"""SQL for risk decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from authsvc.risk.tables import risk_decisions


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
    outcome: str = "open"
    outcome_at: datetime | None = None


def insert_decision(connection: Connection, decision: StoredDecision) -> None:
    connection.execute(insert(risk_decisions), decision.__dict__)


def find_decision(connection: Connection, decision_id: str) -> StoredDecision | None:
    row = connection.execute(select(risk_decisions).where(risk_decisions.c.id == decision_id)).one_or_none()
    return _decision(row) if row else None


def settle_decision(connection: Connection, decision_id: str, outcome: str, now: datetime) -> bool:
    """Say how the sign-in ended; only the first word counts."""
    statement = (
        update(risk_decisions)
        .where(risk_decisions.c.id == decision_id, risk_decisions.c.outcome == "open")
        .values(outcome=outcome, outcome_at=now)
    )
    return connection.execute(statement).rowcount == 1


def _decision(row: Row[Any, Any]) -> StoredDecision:
    return StoredDecision(**row._mapping)
