"""SQL of the console: decisions by filter and place, whose they are, and the evidence around one of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, column, exists, func, select, tuple_

from authsvc.accounts.tables import accounts, addresses
from authsvc.console.filters import OWN_PAGES, Filter, Place
from authsvc.core.audit.tables import audit_events
from authsvc.oidc.tables import clients
from authsvc.risk.tables import risk_decisions

AROUND = timedelta(hours=1)
MOST_EVENTS = 60


@dataclass(frozen=True)
class ListedDecision:
    """What the list shows of a decision; its sealed inputs are left where they are."""

    id: str
    at: datetime
    account_id: str | None
    client_id: str | None
    decision: str
    log_odds: float
    probability: float
    policy_version: str
    model_version: str
    contributions: Sequence[Mapping[str, Any]]
    outcome: str

    @property
    def place(self) -> Place:
        return Place(self.at, self.id)


@dataclass(frozen=True)
class Person:
    """Whose decision it is, as far as they can still be named."""

    display_name: str
    email: str
    status: str


@dataclass(frozen=True)
class Event:
    """One audit event, without its sealed part."""

    id: str
    at: datetime
    tag: str
    facts: Mapping[str, Any]


def list_decisions(
    connection: Connection,
    asked: Filter,
    *,
    account_id: str | None,
    since: datetime | None,
    before: Place | None,
    limit: int,
) -> list[ListedDecision]:
    """Return at most `limit` decisions, newest first. `account_id` is whom `asked.account` names."""
    columns = risk_decisions.c
    query = select(*(columns[name] for name in ListedDecision.__dataclass_fields__))
    if asked.decision:
        query = query.where(columns.decision == asked.decision)
    if asked.client:
        query = query.where(columns.client_id == (None if asked.client == OWN_PAGES else asked.client))
    if account_id is not None:
        query = query.where(columns.account_id == account_id)
    if since is not None:
        query = query.where(columns.at >= since)
    if asked.reason:
        query = query.where(_has_reason(connection, asked.reason))
    if before is not None:
        query = query.where(tuple_(columns.at, columns.id) < (before.at, before.decision_id))
    query = query.order_by(columns.at.desc(), columns.id.desc()).limit(limit)
    return [ListedDecision(**row._mapping) for row in connection.execute(query)]


def list_client_names(connection: Connection) -> dict[str, str]:
    """Return the name of every client, disabled ones too: their decisions stay."""
    query = select(clients.c.id, clients.c.name).order_by(clients.c.name, clients.c.id)
    return {row.id: row.name for row in connection.execute(query)}


def list_people(connection: Connection, account_ids: Collection[str]) -> dict[str, Person]:
    """Return the accounts by id, each with its oldest address."""
    if not account_ids:
        return {}
    emails: dict[str, str] = {}
    query = select(addresses.c.account_id, addresses.c.email).where(addresses.c.account_id.in_(account_ids))
    for row in connection.execute(query.order_by(addresses.c.verified_at)):
        emails.setdefault(row.account_id, row.email)
    found = select(accounts.c.id, accounts.c.display_name, accounts.c.status).where(accounts.c.id.in_(account_ids))
    return {row.id: Person(row.display_name, emails.get(row.id, ""), row.status) for row in connection.execute(found)}


def list_events_around(connection: Connection, account_id: str, at: datetime) -> list[Event]:
    """Return the account's newest events within an hour of `at`, the oldest first."""
    columns = audit_events.c
    query = (
        select(columns.event_id, columns.at, columns.tag, columns.facts)
        .where(columns.account_id == account_id, columns.at.between(at - AROUND, at + AROUND))
        .order_by(columns.id.desc())
        .limit(MOST_EVENTS)
    )
    rows = connection.execute(query).all()
    return [Event(row.event_id, row.at, row.tag, row.facts) for row in reversed(rows)]


def _has_reason(connection: Connection, code: str) -> ColumnElement[bool]:
    # No index helps here: the filter walks down ix_risk_decisions_at_id until the page is full or the window ends.
    contributions = risk_decisions.c.contributions
    if connection.dialect.name == "sqlite":
        each = func.json_each(contributions).table_valued("value")
        named: ColumnElement[Any] = func.json_extract(each.c.value, "$.code")
    else:
        each = func.json_array_elements(contributions).table_valued(column("value", JSON))
        named = each.c.value["code"].as_string()
    return exists(select(1).select_from(each).where(named == code))
