"""SQL of replay: decisions of a span of time, each with its person's key and its label, as they come off the disk."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from authsvc.core.sealing.tables import personal_keys
from authsvc.risk.feedback.tables import risk_labels
from authsvc.risk.tables import risk_decisions

AT_ONCE = 2000

_COLUMNS = risk_decisions.c
_ROWS = (
    select(
        _COLUMNS.id,
        _COLUMNS.account_id,
        personal_keys.c.sealed_key,
        _COLUMNS.inputs_sealed,
        risk_labels.c.label,
        _COLUMNS.client_id,
        _COLUMNS.trigger,
        # What was decided: judge.Stored.
        _COLUMNS.decision,
        _COLUMNS.required,
        _COLUMNS.log_odds,
        _COLUMNS.probability,
        _COLUMNS.policy_version,
        _COLUMNS.model_version,
    )
    .outerjoin(personal_keys, personal_keys.c.account_id == _COLUMNS.account_id)
    .outerjoin(risk_labels, risk_labels.c.decision_id == _COLUMNS.id)
)


def stream_decisions(connection: Connection, begin: datetime, end: datetime) -> Iterable[Row[*tuple[Any, ...]]]:
    """Return the decisions of [begin, end), in no order, as they are read."""
    query = _ROWS.where(_COLUMNS.at >= begin, _COLUMNS.at < end)
    return connection.execution_options(yield_per=AT_ONCE).execute(query)


def span_of_decisions(connection: Connection, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """Return when the first and the last decision within [since, until) were made; None where there is none."""
    query = select(func.min(_COLUMNS.at), func.max(_COLUMNS.at)).where(_COLUMNS.at >= since, _COLUMNS.at < until)
    first, last = connection.execute(query).one()
    return None if first is None else (first, last)


def list_reasons(connection: Connection, decision_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the reason codes of these decisions."""
    query = select(_COLUMNS.id, _COLUMNS.contributions).where(_COLUMNS.id.in_(decision_ids))
    return {row.id: [each["code"] for each in row.contributions] for row in connection.execute(query)}
