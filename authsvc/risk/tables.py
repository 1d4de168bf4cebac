"""What risk keeps: its decisions, what each account's sign-ins looked like, typing samples, and recent failures.

Nothing here names an address, a network, a country or an account that does not exist: those are keyed hashes, which
only answer whether the same thing comes again.
"""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

risk_decisions = Table(
    "risk_decisions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    # No foreign key: the decision outlives the account, its sealed inputs do not (their key is destroyed).
    Column("account_id", String(64)),
    Column("flow_id", String(64), nullable=False),
    Column("client_id", String(128)),
    Column("trigger", String(16), nullable=False),  # password | passkey
    Column("decision", String(16), nullable=False),  # allow | step_up | deny
    Column("required", String(16), nullable=False),  # accounts/levels.py: Level
    Column("log_odds", Float, nullable=False),
    Column("probability", Float, nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("contributions", JSON, nullable=False),  # [{"code", "log_odds", "text"}]
    # RiskContext.to_inputs(), under the person's key; context risk_decisions:ID.
    Column("inputs_sealed", LargeBinary, nullable=False),
    # What a policy in the shadow would have decided; none where none was in force.
    Column("shadow_version", String(64)),
    Column("shadow_decision", String(16)),
    Column("shadow_required", String(16)),
    Column("outcome", String(16), nullable=False),  # open | completed | denied | abandoned
    Column("outcome_at", UtcDateTime),
    Index("ix_risk_decisions_at_id", "at", "id"),
    Index("ix_risk_decisions_account_id_at", "account_id", "at"),
    Index("ix_risk_decisions_flow_id", "flow_id"),
)

account_history = Table(
    "account_history",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("sign_ins", Integer, nullable=False),
    Column("last_sign_in_at", UtcDateTime, nullable=False),
)

known_networks = Table(
    "known_networks",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    # Keyed hash of account and /24 or /48: the same network has another hash for another account.
    Column("network_index", LargeBinary(32), primary_key=True),
    Column("country_index", LargeBinary(32)),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    # Keyed hash of the account's id, or of the address that was tried where there is no account.
    Column("account_index", LargeBinary(32), nullable=False),
    # Keyed hash of one IPv4 address or one IPv6 /64.
    Column("source_index", LargeBinary(32), nullable=False),
    Index("ix_sign_in_failures_at", "at"),
    Index("ix_sign_in_failures_account_index_at", "account_index", "at"),
    Index("ix_sign_in_failures_source_index_at", "source_index", "at"),
)

typing_profiles = Table(
    "typing_profiles",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("field", String(16), primary_key=True),  # keystroke/sample.py: TypedField
    Column("input_kind", String(16), primary_key=True),  # InputKind
    Column("password_version", Integer, nullable=False),
    # The newest samples, packed and padded (keystroke/packing.py), under the person's key; context
    # typing_profiles:ACCOUNT:FIELD:KIND. One value, not a row each: one query reads a profile, and the padding
    # keeps the number of keys from showing in a length.
    Column("samples_sealed", LargeBinary, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

# Fingerprints live longer than samples, so that a recording of last year is still recognised.
typing_fingerprints = Table(
    "typing_fingerprints",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("replay_hash", LargeBinary(32), primary_key=True),  # keyed
    Column("at", UtcDateTime, nullable=False),
    Index("ix_typing_fingerprints_account_id_at", "account_id", "at"),
)
