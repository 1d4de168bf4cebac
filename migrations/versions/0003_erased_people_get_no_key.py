"""Of people who were erased before: a row without a key, so that no request makes them a new one (core/sealing).

One that was made after they were erased goes, too.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_accounts = sa.table("accounts", sa.column("id"), sa.column("status"), sa.column("created_at"))
_keys = sa.table(
    "personal_keys", sa.column("account_id"), sa.column("sealed_key", sa.LargeBinary()), sa.column("created_at")
)


def upgrade() -> None:
    erased = sa.select(_accounts.c.id).where(_accounts.c.status == "erased")
    op.execute(sa.update(_keys).where(_keys.c.account_id.in_(erased)).values(sealed_key=b""))
    without = sa.select(_accounts.c.id, sa.literal(b"", sa.LargeBinary()), _accounts.c.created_at).where(
        _accounts.c.status == "erased",
        ~sa.exists().where(_keys.c.account_id == _accounts.c.id),
    )
    op.execute(sa.insert(_keys).from_select(["account_id", "sealed_key", "created_at"], without))


def downgrade() -> None:
    op.execute(sa.delete(_keys).where(_keys.c.sealed_key == b""))
