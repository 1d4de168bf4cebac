"""SQL of labels: say something of a decision, find the decision that a customer disowned, list what was labelled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.tables import alerts
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import insert_into
from authsvc.risk.feedback.labels import Label
from authsvc.risk.feedback.tables import risk_labels
from authsvc.risk.tables import risk_decisions

FLOW_LIVES = timedelta(hours=1)  # longer than any does

# Of what else is disowned (a factor added, a mail asked for, a password mistyped) no decision is known.
SIGN_IN_ALERTS = frozenset({AlertKind.NEW_DEVICE, AlertKind.STEP_UP_FAILED, AlertKind.RECOVERY_CODE_USED})
SIGN_IN_EVENTS = frozenset({"login:sign_in:completed", "login:step_up:code_wrong", "risk:decision:denied"})


@dataclass(frozen=True)
class KeptLabel:
    decision_id: str
    label: str
    labelled_by: str | None  # none: the customer
    at: datetime


@dataclass(frozen=True)
class LabelledRow:
    """A label and the decision that it is of, as they are stored."""

    decision_id: str
    at: datetime
    account_id: str | None
    probability: float
    inputs_sealed: bytes
    label: str
    labelled_by: str | None
    labelled_at: datetime


def put_label(connection: Connection, label: KeptLabel) -> None:
    """Write an analyst's word; it replaces whatever was said before."""
    values = label.__dict__
    changed = {name: value for name, value in values.items() if name != "decision_id"}
    statement = insert_into(connection, risk_labels).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=["decision_id"], set_=changed))


def insert_not_me(connection: Connection, decision_id: str, now: datetime) -> bool:
    """Write a customer's word, where nobody has said anything yet."""
    values = KeptLabel(decision_id, Label.NOT_ME, None, now).__dict__
    statement = insert_into(connection, risk_labels).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(risk_labels.c.decision_id)).first() is not None


def find_label(connection: Connection, decision_id: str) -> KeptLabel | None:
    row = connection.execute(select(risk_labels).where(risk_labels.c.decision_id == decision_id)).one_or_none()
    return KeptLabel(**row._mapping) if row else None


def find_decision_of_alert(connection: Connection, account_id: str, alert_id: str) -> str | None:
    """Return the sign-in that a warning is about: the one that ended with it, else the last one before it."""
    query = select(alerts.c.kind, alerts.c.created_at).where(alerts.c.id == alert_id, alerts.c.account_id == account_id)
    alert = connection.execute(query).one_or_none()
    if alert is None or alert.kind not in SIGN_IN_ALERTS:
        return None
    columns = risk_decisions.c
    found = connection.execute(
        select(columns.id, columns.outcome_at)
        .where(columns.account_id == account_id, columns.at.between(alert.created_at - FLOW_LIVES, alert.created_at))
        .order_by(columns.at.desc(), columns.id)
    ).all()
    ended = (row.id for row in found if row.outcome_at == alert.created_at)
    return next(ended, found[0].id if found else None)


def find_decision_of_event(connection: Connection, account_id: str, event_id: str) -> str | None:
    """Return the sign-in that an event of the account's activity belongs to."""
    columns = audit_events.c
    query = select(columns.tag, columns.facts).where(columns.event_id == event_id, columns.account_id == account_id)
    event = connection.execute(query).one_or_none()
    if event is None or event.tag not in SIGN_IN_EVENTS:
        return None
    decided = risk_decisions.c
    of_flow = select(decided.id).where(decided.account_id == account_id, decided.flow_id == event.facts.get("flow"))
    return connection.execute(of_flow.order_by(decided.at.desc(), decided.id).limit(1)).scalar_one_or_none()


def list_labelled(connection: Connection, since: datetime, until: datetime) -> list[LabelledRow]:
    """Return the labelled decisions of [since, until), the oldest first."""
    decided, said = risk_decisions.c, risk_labels.c
    query = (
        select(
            said.decision_id,
            decided.at,
            decided.account_id,
            decided.probability,
            decided.inputs_sealed,
            said.label,
            said.labelled_by,
            said.at.label("labelled_at"),
        )
        .join(risk_decisions, decided.id == said.decision_id)
        .where(decided.at >= since, decided.at < until)
        .order_by(decided.at, decided.id)
    )
    return [LabelledRow(**row._mapping) for row in connection.execute(query)]
