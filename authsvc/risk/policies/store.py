"""SQL of policy versions: keep one, propose, settle a proposal once, say which is in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from authsvc.core.database import insert_into
from authsvc.risk.policies.tables import risk_policies, risk_policies_in_force, risk_policy_proposals
from authsvc.risk.tables import risk_decisions


class Role(StrEnum):
    """What a version does. The names are stored."""

    LIVE = "live"
    SHADOW = "shadow"  # decides silently beside the live one


@dataclass(frozen=True)
class KeptPolicy:
    version: str
    name: str
    source: str
    kept_at: datetime


@dataclass(frozen=True)
class Proposal:
    id: str
    version: str
    role: str
    note: str
    figures: Mapping[str, Any]
    proposed_by: str
    proposed_at: datetime
    settled_by: str | None = None
    settled_at: datetime | None = None
    outcome: str = "open"


@dataclass(frozen=True)
class ShadowCount:
    """How often one thing was decided, and another in the shadow."""

    decision: str
    shadow_decision: str
    decisions: int


_IN_FORCE = select(risk_policies_in_force.c.role, risk_policies_in_force.c.version)


def keep_policy(connection: Connection, policy: KeptPolicy) -> None:
    """Keep a version; one that is kept already stays as it is."""
    connection.execute(insert_into(connection, risk_policies).values(**policy.__dict__).on_conflict_do_nothing())


def find_policy(connection: Connection, version: str) -> KeptPolicy | None:
    row = connection.execute(select(risk_policies).where(risk_policies.c.version == version)).one_or_none()
    return KeptPolicy(**row._mapping) if row else None


def list_policies(connection: Connection) -> list[KeptPolicy]:
    """Return every version, the newest first."""
    query = select(risk_policies).order_by(risk_policies.c.kept_at.desc(), risk_policies.c.version)
    return [KeptPolicy(**row._mapping) for row in connection.execute(query)]


def insert_proposal(connection: Connection, proposal: Proposal) -> None:
    connection.execute(insert(risk_policy_proposals).values(**proposal.__dict__))


def find_proposal(connection: Connection, proposal_id: str) -> Proposal | None:
    query = select(risk_policy_proposals).where(risk_policy_proposals.c.id == proposal_id)
    row = connection.execute(query).one_or_none()
    return Proposal(**row._mapping) if row else None


def list_proposals(connection: Connection, *, limit: int) -> list[Proposal]:
    """Return the newest proposals, the newest first."""
    columns = risk_policy_proposals.c
    query = select(risk_policy_proposals).order_by(columns.proposed_at.desc(), columns.id).limit(limit)
    return [Proposal(**row._mapping) for row in connection.execute(query)]


def settle_proposal(connection: Connection, proposal_id: str, *, outcome: str, by: str, now: datetime) -> bool:
    """Settle a proposal that is open, in one statement; False when it was settled before."""
    columns = risk_policy_proposals.c
    statement = (
        update(risk_policy_proposals)
        .where(columns.id == proposal_id, columns.outcome == "open")
        .values(outcome=outcome, settled_by=by, settled_at=now)
    )
    return connection.execute(statement).rowcount == 1


def put_in_force(connection: Connection, role: str, version: str | None, now: datetime) -> None:
    values = {"version": version, "since": now}
    statement = insert_into(connection, risk_policies_in_force).values(role=str(role), **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["role"], set_=values))


def versions_in_force(connection: Connection) -> dict[str, str | None]:
    """Return the version of each role that one was activated for."""
    return {row.role: row.version for row in connection.execute(_IN_FORCE)}


def count_shadow(connection: Connection, version: str, since: datetime) -> tuple[ShadowCount, ...]:
    """Return how often what was decided met what this version decided in the shadow, the most frequent first."""
    columns = risk_decisions.c
    query = (
        select(columns.decision, columns.shadow_decision, func.count().label("decisions"))
        .where(columns.at >= since, columns.shadow_version == version)
        .group_by(columns.decision, columns.shadow_decision)
        .order_by(func.count().desc(), columns.decision, columns.shadow_decision)
    )
    return tuple(ShadowCount(**row._mapping) for row in connection.execute(query))
