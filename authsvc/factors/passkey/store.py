"""SQL for passkeys, their challenges, and the newest metadata that was believed.

What a sign-in runs is built once: writing a statement down costs more than running it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from authsvc.core.database import insert_into
from authsvc.factors.passkey.metadata import Metadata
from authsvc.factors.passkey.tables import believed_metadata, passkeys, webauthn_challenges


class Ceremony(StrEnum):
    """What a challenge was handed out for; it is good for nothing else."""

    REGISTER = "register"
    CONDITIONAL = "conditional"  # a registration that the browser makes by itself
    AUTHENTICATE = "authenticate"


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
    attested: bool = False
    uv_at_registration: bool = False
    proven_uv_at: datetime | None = None


@dataclass(frozen=True)
class Challenge:
    """A challenge handed out for one ceremony of one flow."""

    id: str
    challenge: bytes
    purpose: Ceremony
    flow_id: str
    account_id: str | None
    attestation: Mapping[str, Any] | None
    created_at: datetime
    expires_at: datetime


_FIND = select(passkeys).where(passkeys.c.credential_id == bindparam("credential"))
_NOTE_USE = (
    update(passkeys)
    .where(passkeys.c.id == bindparam("passkey"))
    .values(
        sign_count=bindparam("count"),
        backed_up=bindparam("backup"),
        last_used_at=bindparam("now"),
        proven_uv_at=func.coalesce(passkeys.c.proven_uv_at, bindparam("now", type_=passkeys.c.proven_uv_at.type)),
    )
)
_INSERT_CHALLENGE = insert(webauthn_challenges)


@cache
def _consume(purposes: tuple[Ceremony, ...]) -> ReturningUpdate[Any]:
    return (
        update(webauthn_challenges)
        .where(
            webauthn_challenges.c.challenge == bindparam("answered"),
            or_(*(webauthn_challenges.c.purpose == purpose.value for purpose in purposes)),
            webauthn_challenges.c.flow_id == bindparam("flow"),
            webauthn_challenges.c.consumed_at.is_(None),
            webauthn_challenges.c.expires_at > bindparam("now"),
        )
        .values(consumed_at=bindparam("now"))
        .returning(*(column for column in webauthn_challenges.c if column.name != "consumed_at"))
    )


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
    row = connection.execute(_FIND, {"credential": credential_id}).one_or_none()
    return _passkey(row) if row else None


def list_passkeys(connection: Connection, account_id: str) -> list[Passkey]:
    query = select(passkeys).where(passkeys.c.account_id == account_id).order_by(passkeys.c.created_at, passkeys.c.id)
    return [_passkey(row) for row in connection.execute(query)]


def count_passkeys(connection: Connection, account_id: str) -> int:
    query = select(func.count()).where(passkeys.c.account_id == account_id)
    return int(connection.execute(query).scalar_one())


def note_use(connection: Connection, passkey_id: str, *, sign_count: int, backed_up: bool, now: datetime) -> bool:
    """Keep what an assertion with user verification showed; False when the passkey was removed meanwhile."""
    values = {"passkey": passkey_id, "count": sign_count, "backup": backed_up, "now": now}
    return connection.execute(_NOTE_USE, values).rowcount == 1


def rename_passkey(connection: Connection, account_id: str, passkey_id: str, name: str) -> bool:
    """Return False when the account has no such passkey."""
    mine = (passkeys.c.id == passkey_id, passkeys.c.account_id == account_id)
    return connection.execute(update(passkeys).where(*mine).values(name=name)).rowcount == 1


def delete_passkey(connection: Connection, account_id: str, passkey_id: str) -> Passkey | None:
    """Remove a passkey in one statement; return it, or None when the account has no such passkey (any more)."""
    mine = (passkeys.c.id == passkey_id, passkeys.c.account_id == account_id)
    row = connection.execute(delete(passkeys).where(*mine).returning(passkeys)).one_or_none()
    return _passkey(row) if row else None


def insert_challenge(connection: Connection, challenge: Challenge) -> None:
    """Keep a new challenge; those that expired go."""
    connection.execute(_INSERT_CHALLENGE, {**challenge.__dict__, "purpose": challenge.purpose.value})


def consume_challenge(
    connection: Connection, challenge: bytes, *, purposes: tuple[Ceremony, ...], flow_id: str, now: datetime
) -> Challenge | None:
    """Spend a challenge in one statement; None when it is unknown, expired, spent, or meant for something else."""
    values = {"answered": challenge, "flow": flow_id, "now": now}
    row = connection.execute(_consume(purposes), values).one_or_none()
    return Challenge(**{**row._mapping, "purpose": Ceremony(row.purpose)}) if row else None


def sweep_challenges(connection: Connection, now: datetime) -> None:
    """Drop challenges that nobody answered in time."""
    connection.execute(delete(webauthn_challenges).where(webauthn_challenges.c.expires_at < now))


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(**{**row._mapping, "transports": tuple(row.transports)})


@dataclass(frozen=True)
class Believed:
    """The newest metadata of one signer that was used here, and since when."""

    signer: str
    number: int
    next_update: date
    believed_at: datetime


def believe(connection: Connection, given: Metadata, now: datetime) -> Believed:
    """Return the newest metadata of this signer that was ever believed: `given`, unless a newer one was.

    One statement raises the number and none lowers it, whichever process, machine or order of files asks.
    """
    newest = _newest(connection, given.signer)
    if newest is not None and newest.number >= given.number:
        return newest
    row = {"signer": given.signer, "number": given.number, "next_update": given.next_update, "believed_at": now}
    raised = {name: value for name, value in row.items() if name != "signer"}
    connection.execute(
        insert_into(connection, believed_metadata)
        .values(row)
        .on_conflict_do_update(index_elements=["signer"], set_=raised, where=believed_metadata.c.number < given.number)
    )
    found = _newest(connection, given.signer)
    assert found is not None  # it was just written
    return found


def _newest(connection: Connection, signer: str) -> Believed | None:
    row = connection.execute(select(believed_metadata).where(believed_metadata.c.signer == signer)).one_or_none()
    return Believed(**row._mapping) if row else None
