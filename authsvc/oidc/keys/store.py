"""SQL for signing keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from authsvc.core.database import insert_into
from authsvc.oidc.tables import signing_keys


@dataclass(frozen=True)
class SigningKey:
    """One key pair; `sealed` is its private half, None once it is retired."""

    kid: str
    alg: str
    sealed: bytes | None
    public_jwk: Mapping[str, Any]
    created_at: datetime
    retired_at: datetime | None = None


def list_signing_keys(connection: Connection) -> list[SigningKey]:
    """Return every key there ever was, the oldest first."""
    query = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
    return [SigningKey(**row._mapping) for row in connection.execute(query)]


def insert_signing_key(connection: Connection, key: SigningKey) -> bool:
    """Return False when another key of this algorithm signs already; nothing is written then."""
    statement = insert_into(connection, signing_keys).values(**key.__dict__).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


def retire_signing_keys(connection: Connection, *, now: datetime) -> int:
    """Retire the keys that sign now and destroy their private halves; return how many."""
    statement = update(signing_keys).where(signing_keys.c.retired_at.is_(None)).values(retired_at=now, sealed=None)
    return connection.execute(statement).rowcount
