"""The deployment's cohort, sealed, who is part of which prototype, and the operating points that were calibrated."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

face_prototypes = Table(
    "face_prototypes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("embedder", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # under the master key: it is of several people
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_face_prototypes_embedder", "embedder"),
)

face_cohort_members = Table(
    "face_cohort_members",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("embedder", String(64), nullable=False),
    # A person waits with their vector, sealed under their own key; once they are part of a prototype it is gone.
    Column("waiting", LargeBinary),
    Column("prototype_id", String(64), ForeignKey("face_prototypes.id", ondelete="CASCADE")),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_face_cohort_members_prototype_id", "prototype_id"),
)

face_operating_points = Table(
    "face_operating_points",
    metadata,
    Column("embedder", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),  # plain | relative
    Column("prototypes", Integer, nullable=False),  # of the cohort it was calibrated with; 0 for plain
    Column("threshold", Float, nullable=False),
    Column("fmr", Float, nullable=False),
    Column("pairs", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
