"""What is known of a decision afterwards."""

from sqlalchemy import Column, Index, String, Table

from authsvc.core.database import UtcDateTime, metadata

risk_labels = Table(
    "risk_labels",
    metadata,
    # No foreign key: decisions may live in partitions that are dropped before their labels.
    Column("decision_id", String(64), primary_key=True),
    Column("label", String(16), nullable=False),  # labels.py: Label
    Column("labelled_by", String(64)),  # the analyst's account; none: the customer said so
    Column("at", UtcDateTime, nullable=False),
    Index("ix_risk_labels_at", "at"),
)
