"""What is kept of how people sign in: one sealed row per account, and everybody's counts in a table of bounded size.

No address, network, country or browser stands here in the clear, nor does one hash of it serve two accounts:
behaviour_profiles is sealed under the person's key, with values hashed under a key of that account alone;
population_counts adds up hashes under the deployment's key, of which many values share one cell.
"""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, LargeBinary, String, Table

from authsvc.core.database import UtcDateTime, metadata

behaviour_profiles = Table(
    "behaviour_profiles",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    # packing.py, under the person's key; context behaviour_profiles:ACCOUNT. One value, not a row each: one query reads
    # a profile, whatever the history's length.
    Column("profile_sealed", LargeBinary, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

population_counts = Table(
    "population_counts",
    metadata,
    Column("cell", BigInteger, primary_key=True, autoincrement=False),  # population.py
    Column("weight", Float, nullable=False),  # grows with time instead of fading: population.py
)

# Completed sign-ins that the sweeper has yet to add to population_counts. Added at once, everybody's sign-ins would
# wait for one another at the row of the commonest country.
population_news = Table(
    "population_news",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("cells", JSON, nullable=False),  # [cell, ...], and nothing of whose they are
)
