"""SQL for passkeys and their challenges."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from authsvc.core.database import insert_into
from authsvc.factors.passkey.tables import passkeys, webauthn_challenges


@dataclass(frozen=True)
class Passkey:
    """One registered credential."""

    id: str
    account_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Challenge:
    """A challenge handed out for one ceremony of one flow."""

    id: str
    challenge: bytes
    purpose: str
    flow_id: str
    account_id: str | None
    created_at: datetime
    expires_at: datetime


def insert_passkey(connection: Connection, passkey: Passkey) -> bool:
    """Return False when the credential id is already registered, to whomever; nothing is written then."""
    values = {**passkey.__dict__, "transports": list(passkey.transports)}
    statement = (
        insert_into(connection, passkeys)
        .values(values)
        .on_conflict_do_nothing(index_elements=["credential_id"])
        .returning(passkeys.c.id)
    )
    return connection.execute(statement).first() is not None


def find_passkey(connection: Connection, credential_id: bytes) -> Passkey | None:
    row = connection.execute(select(passkeys).where(passkeys.c.credential_id == credential_id)).one_or_none()
    return _passkey(row) if row else None


def list_passkeys(connection: Connection, account_id: str) -> list[Passkey]:
    query = select(passkeys).where(passkeys.c.account_id == account_id).order_by(passkeys.c.created_at)
    return [_passkey(row) for row in connection.execute(query)]


def delete_passkeys(connection: Connection, account_id: str) -> list[str]:
    """Delete all of an account's passkeys; return their ids."""
    statement = delete(passkeys).where(passkeys.c.account_id == account_id).returning(passkeys.c.id)
    return list(connection.execute(statement).scalars())


def note_use(connection: Connection, passkey_id: str, *, sign_count: int, backed_up: bool, now: datetime) -> None:
    connection.execute(
        update(passkeys)
        .where(passkeys.c.id == passkey_id)
        .values(sign_count=sign_count, backed_up=backed_up, last_used_at=now)
    )


def insert_challenge(connection: Connection, challenge: Challenge) -> None:
    connection.execute(delete(webauthn_challenges).where(webauthn_challenges.c.expires_at < challenge.created_at))
    connection.execute(insert(webauthn_challenges), challenge.__dict__)


def consume_challenge(
    connection: Connection, challenge: bytes, *, purpose: str, flow_id: str, now: datetime
) -> Challenge | None:
    """Spend a challenge in one statement; None when it is unknown, expired, spent, or meant for something else."""
    statement = (
        update(webauthn_challenges)
        .where(
            webauthn_challenges.c.challenge == challenge,
            webauthn_challenges.c.purpose == purpose,
            webauthn_challenges.c.flow_id == flow_id,
            webauthn_challenges.c.consumed_at.is_(None),
            webauthn_challenges.c.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(
            webauthn_challenges.c.id,
            webauthn_challenges.c.challenge,
            webauthn_challenges.c.purpose,
            webauthn_challenges.c.flow_id,
            webauthn_challenges.c.account_id,
            webauthn_challenges.c.created_at,
            webauthn_challenges.c.expires_at,
        )
    )
    row = connection.execute(statement).one_or_none()
    return Challenge(**row._mapping) if row else None


def _passkey(row: Row[Any, Any]) -> Passkey:
    return Passkey(**{**row._mapping, "transports": tuple(row.transports)})
