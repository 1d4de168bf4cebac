"""Sign-in flows, and the cases that customers open by "this wasn't me"."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

flows = Table(
    "flows",
    metadata,
    Column("id", String(64), primary_key=True),
    # The hash of the browser's secret: another browser can't step into the flow.
    Column("browser_hash", LargeBinary(32), nullable=False),
    Column("kind", String(16), nullable=False),  # client | console | account | face
    Column("state", String(24), nullable=False),
    Column("client_id", String(64)),
    Column("client_name", String(120), nullable=False),
    Column("redirect_origin", String(300), nullable=False),
    Column("params", JSON, nullable=False),  # validated and frozen by whoever began the flow
    Column("required_level", Integer, nullable=False),  # the client's demand
    Column("risk_level", Integer, nullable=False),  # and what risk asks beyond it
    Column("prompt", JSON, nullable=False),
    Column("grant_role", String(32)),
    Column("attestation", JSON(none_as_null=True)),  # what the client asks of passkeys; none where nothing
    Column("email", String(320)),
    Column("display_name", String(100)),
    Column("user_handle", LargeBinary(64)),  # of an account that is being created
    Column("account_id", String(64)),
    Column("session_id", String(64)),
    Column("decision_id", String(64)),
    Column("proofs", JSON, nullable=False),  # kind -> time, of this flow
    Column("typing_sealed", LargeBinary),  # kept until the sign-in completes, and only with consent
    Column("refusal", String(40)),
    Column("alerted_at", UtcDateTime),
    Column("step_up_kind", String(24)),  # accounts/levels.py: what is being typed in step_up_code
    Column("passkey_offer", String(12), key="offer"),  # login/offer/rule.py; named when there was but one
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_flows_expires_at", "expires_at"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),  # of the alert, or the tag of the event
    # What was disowned: a warning's link, or an event of the account's activity.
    Column("alert_id", String(64)),
    Column("event_id", String(64)),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("handled_at", UtcDateTime),
    Column("handled_by", String(64)),  # the analyst's account
    Column("note", String(500)),
    Index("ix_cases_handled_at_opened_at", "handled_at", "opened_at"),
    Index("ix_cases_account_id", "account_id"),
)
