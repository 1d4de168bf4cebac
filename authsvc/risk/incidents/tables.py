"""Baselines, what was counted lately, and incidents. Counts only: nothing here is about a person."""

from datetime import timedelta

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table

from authsvc.core.database import UtcDateTime, metadata

STALE_AFTER = timedelta(hours=1)  # an open incident that nobody looked after raises no scrutiny any more

risk_baselines = Table(
    "risk_baselines",
    metadata,
    Column("measure", String(32), primary_key=True),  # measures.py
    Column("through", UtcDateTime, nullable=False),  # the end of the last interval that was looked at
    Column("state", JSON, nullable=False),  # forecast.py: Baseline
)

risk_intervals = Table(
    "risk_intervals",
    metadata,
    Column("measure", String(32), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),  # its beginning
    Column("seen", Integer, nullable=False),
    Column("expected", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
)

risk_incidents = Table(
    "risk_incidents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("measure", String(32), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),  # the beginning of the first interval outside its band
    Column("last_seen_at", UtcDateTime, nullable=False),  # the end of the last one
    Column("closed_at", UtcDateTime),
    Column("expected", Float, nullable=False),  # at the peak
    Column("high", Float, nullable=False),
    Column("peak", Integer, nullable=False),
    Column("calm", Integer, nullable=False),  # intervals inside the band in a row, since
    Index("ix_risk_incidents_closed_at", "closed_at"),
)
