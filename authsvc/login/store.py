"""SQL for flows and cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from authsvc.accounts.levels import Level, ProofKind
from authsvc.login.tables import cases, flows
from authsvc.login.transitions import Event, State, after


@dataclass(frozen=True)
class Flow:
    """One sign-in in one browser."""

    id: str
    browser_hash: bytes
    kind: str
    state: State
    client_id: str | None
    client_name: str
    redirect_origin: str
    params: Mapping[str, str]
    required_level: Level
    risk_level: Level
    prompt: frozenset[str]
    created_at: datetime
    expires_at: datetime
    grant_role: str | None = None
    email: str | None = None
    display_name: str | None = None
    user_handle: bytes | None = None
    account_id: str | None = None
    session_id: str | None = None
    decision_id: str | None = None
    proofs: Mapping[ProofKind, datetime] = field(default_factory=dict)
    typing_sealed: bytes | None = None
    refusal: str | None = None
    alerted_at: datetime | None = None

    @property
    def required(self) -> Level:
        """What has to be reached before the flow may be resumed."""
        return max(self.required_level, self.risk_level)


def insert_flow(connection: Connection, flow: Flow) -> None:
    """Keep a new flow; flows that expired a day ago go."""
    connection.execute(insert(flows), _plain(flow.__dict__))


def delete_flows_before(connection: Connection, time: datetime) -> None:
    connection.execute(delete(flows).where(flows.c.expires_at < time))


_FIND_FLOW = select(flows).where(flows.c.id == bindparam("flow_id"))


def find_flow(connection: Connection, flow_id: str) -> Flow | None:
    if "\x00" in flow_id:
        return None  # no id of ours, and PostgreSQL's texts can't hold it
    row = connection.execute(_FIND_FLOW, {"flow_id": flow_id}).one_or_none()
    return _flow(row) if row else None


def move_flow(connection: Connection, flow: Flow, event: Event, *, now: datetime, **changes: Any) -> Flow | None:
    """Take one step of the transition table in one statement.

    Returns None when the event can't happen in the flow's state, when another request was first, or when it expired.
    A state can be left and come back to: the flow must also be about the same account and address as `flow` was.
    """
    state = after(flow.state, event)
    if state is None:
        return None
    statement = (
        update(flows)
        .where(
            flows.c.id == flow.id,
            flows.c.state == flow.state.value,
            flows.c.account_id.is_not_distinct_from(flow.account_id),
            flows.c.email.is_not_distinct_from(flow.email),
            flows.c.expires_at > now,
        )
        .values(state=state.value, **_plain(changes))
        .returning(flows)
    )
    row = connection.execute(statement).one_or_none()
    return _flow(row) if row else None


def mark_alerted(connection: Connection, flow_id: str, now: datetime) -> bool:
    """Return True the first time: one flow sends one warning."""
    statement = update(flows).where(flows.c.id == flow_id, flows.c.alerted_at.is_(None)).values(alerted_at=now)
    return connection.execute(statement).rowcount == 1


def insert_case(
    connection: Connection, *, case_id: str, account_id: str, kind: str, alert_id: str, now: datetime
) -> None:
    connection.execute(
        insert(cases).values(id=case_id, account_id=account_id, kind=kind, alert_id=alert_id, opened_at=now)
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return column values: enums, sets and times inside JSON columns as JSON has them."""
    plain = dict(values)
    for name in ("state",):
        if name in plain:
            plain[name] = plain[name].value
    for name in ("required_level", "risk_level"):
        if name in plain:
            plain[name] = int(plain[name])
    if "prompt" in plain:
        plain["prompt"] = sorted(plain["prompt"])
    if "params" in plain:
        plain["params"] = dict(plain["params"])
    if "proofs" in plain:
        plain["proofs"] = {kind.value: at.astimezone(UTC).isoformat() for kind, at in plain["proofs"].items()}
    return plain


def _flow(row: Row[Any]) -> Flow:
    values = dict(row._mapping)
    values["state"] = State(row.state)
    values["required_level"] = Level(row.required_level)
    values["risk_level"] = Level(row.risk_level)
    values["prompt"] = frozenset(row.prompt)
    values["proofs"] = {ProofKind(kind): datetime.fromisoformat(at) for kind, at in row.proofs.items()}
    return Flow(**values)
