"""Every policy that ever decided or was proposed, who wanted it, and which one is in force."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text

from authsvc.core.database import UtcDateTime, metadata

risk_policies = Table(
    "risk_policies",
    metadata,
    Column("version", String(64), primary_key=True),  # policy.py: the hash of what it says
    Column("name", String(80), nullable=False),
    Column("source", Text, nullable=False),  # TOML
    Column("kept_at", UtcDateTime, nullable=False),
)

risk_policy_proposals = Table(
    "risk_policy_proposals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", String(64), ForeignKey("risk_policies.version"), nullable=False),
    Column("role", String(16), nullable=False),  # store.py: Role
    Column("note", String(500), nullable=False),
    Column("figures", JSON, nullable=False),  # before and after, of a proposal from labels; else {}
    Column("proposed_by", String(64), nullable=False),  # an analyst's account, as below
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("settled_by", String(64)),
    Column("settled_at", UtcDateTime),
    Column("outcome", String(16), nullable=False),  # open | activated | withdrawn
    Index("ix_risk_policy_proposals_proposed_at", "proposed_at"),
)

# At most one row for each role; every node looks here once a second.
risk_policies_in_force = Table(
    "risk_policies_in_force",
    metadata,
    Column("role", String(16), primary_key=True),
    Column("version", String(64), ForeignKey("risk_policies.version")),  # none: nothing decides in the shadow
    Column("since", UtcDateTime, nullable=False),
)
