"""SQL for flows and cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from authsvc.accounts.levels import Level, ProofKind
from authsvc.login.tables import cases, flows
from authsvc.login.transitions import Event, State, after

KEPT_AFTER_EXPIRY = timedelta(days=1)  # so that a late step gets "expired", not "unknown"


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
    attestation: Mapping[str, Any] | None = None
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
    offer: str | None = None
    step_up_kind: ProofKind | None = None

    @property
    def required(self) -> Level:
        """What has to be reached before the flow may be resumed."""
        return max(self.required_level, self.risk_level)


def insert_flow(connection: Connection, flow: Flow) -> None:
    connection.execute(_INSERT, _plain(flow.__dict__))


def sweep_flows(connection: Connection, now: datetime) -> None:
    """Drop flows that are long over."""
    connection.execute(delete(flows).where(flows.c.expires_at < now - KEPT_AFTER_EXPIRY))


_INSERT = insert(flows)
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
    changed = {"state": state.value, **_plain(changes)}
    was = {
        "was_id": flow.id,
        "was_state": flow.state.value,
        "was_account": flow.account_id,
        "was_email": flow.email,
        "now": now,
    }
    becomes = {f"new_{name}": value for name, value in changed.items()}
    row = connection.execute(_move(tuple(changed)), was | becomes).one_or_none()
    return _flow(row) if row else None


@cache
def _move(changed: tuple[str, ...]) -> ReturningUpdate[Any]:
    """Return the statement that changes these columns, built once: steps are few, and writing one down is slow."""
    return (
        update(flows)
        .where(
            flows.c.id == bindparam("was_id"),
            flows.c.state == bindparam("was_state"),
            flows.c.account_id.is_not_distinct_from(bindparam("was_account")),
            flows.c.email.is_not_distinct_from(bindparam("was_email")),
            flows.c.expires_at > bindparam("now"),
        )
        .values({name: bindparam(f"new_{name}") for name in changed})
        .returning(flows)
    )


def keep_open(connection: Connection, flow: Flow, *, until: datetime, now: datetime) -> None:
    """Let a flow whose page is still open live until then, where it has not ended meanwhile."""
    connection.execute(
        update(flows)
        .where(flows.c.id == flow.id, flows.c.expires_at > now, flows.c.expires_at < until)
        .values(expires_at=until)
    )


def end_waiting(connection: Connection, account_id: str, spare: str | None, now: datetime) -> None:
    """End the flows that wait for more than was proven in them, `spare` excepted: the account has changed meanwhile."""
    waiting = [State.STEP_UP.value, State.STEP_UP_CODE.value, State.NEW_PASSWORD.value]
    connection.execute(
        update(flows)
        .where(
            flows.c.account_id == account_id,
            flows.c.state.in_(waiting),
            flows.c.id.is_distinct_from(spare),
            flows.c.expires_at > now,
        )
        .values(expires_at=now)
    )


def mark_alerted(connection: Connection, flow_id: str, now: datetime) -> bool:
    """Return True the first time: one flow sends one warning."""
    statement = update(flows).where(flows.c.id == flow_id, flows.c.alerted_at.is_(None)).values(alerted_at=now)
    return connection.execute(statement).rowcount == 1


def insert_case(
    connection: Connection,
    *,
    case_id: str,
    account_id: str,
    kind: str,
    alert_id: str | None = None,
    event_id: str | None = None,
    now: datetime,
) -> None:
    """Open a case for the security team. Args: alert_id or event_id is what the owner disowned."""
    connection.execute(
        insert(cases).values(
            id=case_id, account_id=account_id, kind=kind, alert_id=alert_id, event_id=event_id, opened_at=now
        )
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return column values: enums, sets and times inside JSON columns as JSON has them."""
    plain = dict(values)
    for name in ("state", "step_up_kind"):
        if plain.get(name) is not None:
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
    values["offer"] = values.pop("passkey_offer")
    values["state"] = State(row.state)
    values["step_up_kind"] = ProofKind(row.step_up_kind) if row.step_up_kind else None
    values["required_level"] = Level(row.required_level)
    values["risk_level"] = Level(row.risk_level)
    values["prompt"] = frozenset(row.prompt)
    values["proofs"] = {ProofKind(kind): datetime.fromisoformat(at) for kind, at in row.proofs.items()}
    return Flow(**values)
