"""SQL for authorization codes, token families and refresh tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, select, update

from authsvc.accounts.levels import ProofKind
from authsvc.oidc.tables import authorization_codes, refresh_tokens, token_families

KEPT_AFTER_EXPIRY = timedelta(days=1)  # so that late questions still find an answer


@dataclass(frozen=True)
class Code:
    """An authorization code as it was issued; its challenge is S256, always."""

    code_hash: bytes
    client_id: str
    account_id: str
    session_id: str
    scope: str
    proofs: Mapping[ProofKind, datetime]
    redirect_uri: str
    nonce: str | None
    code_challenge: str
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    created_at: datetime
    expires_at: datetime
    consumed_at: datetime | None = None
    family_id: str | None = None


@dataclass(frozen=True)
class Family:
    """What one code led to: every access and refresh token derived from it lives and ends with its family."""

    id: str
    client_id: str
    account_id: str
    session_id: str
    scope: str
    proofs: Mapping[ProofKind, datetime]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoke_reason: str | None = None

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True)
class RefreshToken:
    """One link of a family's chain; a spent one knows its successor."""

    token_hash: bytes
    family_id: str
    parent_hash: bytes | None
    created_at: datetime
    expires_at: datetime
    consumed_at: datetime | None = None
    consumed_by: str | None = None
    successor_hash: bytes | None = None
    successor_sealed: bytes | None = None


# Built once: every sign-in spends a code.
_INSERT_CODE = insert(authorization_codes)
_INSERT_FAMILY = insert(token_families)
_INSERT_TOKEN = insert(refresh_tokens)
_CONSUME = (
    update(authorization_codes)
    .where(
        authorization_codes.c.code_hash == bindparam("code"),
        authorization_codes.c.client_id == bindparam("client"),
        authorization_codes.c.consumed_at.is_(None),
        authorization_codes.c.expires_at > bindparam("now"),
    )
    .values(consumed_at=bindparam("now"))
    .returning(authorization_codes)
)
_LINK = (
    update(authorization_codes)
    .where(authorization_codes.c.code_hash == bindparam("code"))
    .values(family_id=bindparam("family"))
)


def insert_code(connection: Connection, code: Code) -> None:
    values = {**code.__dict__, "proofs": _plain(code.proofs), "amr": list(code.amr)}
    connection.execute(_INSERT_CODE, values)


def consume_code(connection: Connection, code_hash: bytes, *, client_id: str, now: datetime) -> Code | None:
    """Spend a code in one statement; None when it is unknown, another client's, expired or spent."""
    row = connection.execute(_CONSUME, {"code": code_hash, "client": client_id, "now": now}).one_or_none()
    return _code(row) if row else None


def find_code(connection: Connection, code_hash: bytes) -> Code | None:
    query = select(authorization_codes).where(authorization_codes.c.code_hash == code_hash)
    row = connection.execute(query).one_or_none()
    return _code(row) if row else None


def link_code(connection: Connection, code_hash: bytes, family_id: str) -> None:
    """Note what a spent code led to."""
    connection.execute(_LINK, {"code": code_hash, "family": family_id})


def insert_family(connection: Connection, family: Family) -> None:
    connection.execute(_INSERT_FAMILY, {**family.__dict__, "proofs": _plain(family.proofs)})


def find_family(connection: Connection, family_id: str) -> Family | None:
    row = connection.execute(select(token_families).where(token_families.c.id == family_id)).one_or_none()
    return _family(row) if row else None


def extend_family(connection: Connection, family_id: str, expires_at: datetime) -> None:
    connection.execute(update(token_families).where(token_families.c.id == family_id).values(expires_at=expires_at))


def revoke_family(connection: Connection, family_id: str, *, reason: str, now: datetime) -> bool:
    """Return True the first time."""
    statement = (
        update(token_families)
        .where(token_families.c.id == family_id, token_families.c.revoked_at.is_(None))
        .values(revoked_at=now, revoke_reason=reason)
    )
    return connection.execute(statement).rowcount == 1


def revoke_session_families(connection: Connection, session_id: str, *, reason: str, now: datetime) -> int:
    """Revoke whatever was issued in a session; return how many families."""
    statement = (
        update(token_families)
        .where(token_families.c.session_id == session_id, token_families.c.revoked_at.is_(None))
        .values(revoked_at=now, revoke_reason=reason)
    )
    return connection.execute(statement).rowcount


def insert_refresh_token(connection: Connection, token: RefreshToken) -> None:
    connection.execute(_INSERT_TOKEN, token.__dict__)


def find_refresh_token(connection: Connection, token_hash: bytes) -> RefreshToken | None:
    row = connection.execute(select(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash)).one_or_none()
    return RefreshToken(**row._mapping) if row else None


def consume_refresh_token(
    connection: Connection,
    token_hash: bytes,
    *,
    consumed_by: str,
    successor_hash: bytes,
    successor_sealed: bytes,
    now: datetime,
) -> bool:
    """Spend a refresh token and name its one successor, in one statement.

    False when it is spent or expired, or its family was revoked.
    """
    statement = (
        update(refresh_tokens)
        .where(
            refresh_tokens.c.token_hash == token_hash,
            refresh_tokens.c.consumed_at.is_(None),
            refresh_tokens.c.expires_at > now,
            exists().where(token_families.c.id == refresh_tokens.c.family_id, token_families.c.revoked_at.is_(None)),
        )
        .values(
            consumed_at=now,
            consumed_by=consumed_by,
            successor_hash=successor_hash,
            successor_sealed=successor_sealed,
        )
    )
    return connection.execute(statement).rowcount == 1


def sweep_tokens(connection: Connection, now: datetime) -> None:
    """Forget families that expired, with their tokens and spent codes, and codes that led nowhere."""
    before = now - KEPT_AFTER_EXPIRY
    connection.execute(delete(token_families).where(token_families.c.expires_at < before))
    connection.execute(
        delete(authorization_codes).where(
            authorization_codes.c.expires_at < before, authorization_codes.c.family_id.is_(None)
        )
    )


def _plain(proofs: Mapping[ProofKind, datetime]) -> dict[str, str]:
    return {kind.value: at.astimezone(UTC).isoformat() for kind, at in proofs.items()}


def _proofs(plain: Mapping[str, str]) -> dict[ProofKind, datetime]:
    return {ProofKind(kind): datetime.fromisoformat(at) for kind, at in plain.items()}


def _code(row: Row[Any]) -> Code:
    return Code(**{**row._mapping, "proofs": _proofs(row.proofs), "amr": tuple(row.amr)})


def _family(row: Row[Any]) -> Family:
    return Family(**{**row._mapping, "proofs": _proofs(row.proofs)})
