"""Clients, signing keys, and what was issued to whom. Secrets, codes and refresh tokens are stored as hashes only."""

from typing import Any

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from authsvc.core.database import UtcDateTime, metadata

clients = Table(
    "clients",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("secret_hash", LargeBinary(32)),  # none for a public client
    Column("auth_method", String(32), nullable=False),  # client_secret_basic | client_secret_post | none
    Column("redirect_uris", JSON, nullable=False),
    Column("post_logout_redirect_uris", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("grant_types", JSON, nullable=False),
    Column("minimum_level", String(16), nullable=False),  # accounts/levels.py: Level, in lower case
    Column("id_token_alg", String(8), nullable=False),  # RS256 | ES256
    Column("support_contact", String(200), nullable=False),
    Column("attestation", JSON(none_as_null=True)),  # what it asks of passkeys (factors/passkey/attestation.py)
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("alg", String(8), nullable=False),
    Column("sealed", LargeBinary),  # the private JWK; destroyed when the key is retired
    Column("public_jwk", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
)
# One key of each algorithm signs: two machines that start at once, or rotate at once, end up with the same one.
Index(
    "uq_signing_keys_signing",
    signing_keys.c.alg,
    unique=True,
    postgresql_where=signing_keys.c.retired_at.is_(None),
    sqlite_where=signing_keys.c.retired_at.is_(None),
)

# An authorization request that came by POST, until its browser comes back with its cookies.
stored_requests = Table(
    "stored_requests",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),
    Column("endpoint", String(16), nullable=False),  # authorize | logout
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("consumed_at", UtcDateTime),
)


def _whose() -> tuple[Column[Any], ...]:
    return (
        Column("client_id", String(64), ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
        Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        Column("session_id", String(64), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        Column("scope", String(1000), nullable=False),
        Column("proofs", JSON, nullable=False),  # kind -> time, as the session had them when the code was issued
    )


token_families = Table(
    "token_families",
    metadata,
    Column("id", String(64), primary_key=True),
    *_whose(),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),  # moves on with each refresh
    Column("revoked_at", UtcDateTime),
    Column("revoke_reason", String(40)),
    Index("ix_token_families_session_id", "session_id"),
    Index("ix_token_families_account_id", "account_id"),
)

# A spent row stays while a token of it lives, so that a second use revokes what the first one got.
authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    *_whose(),
    Column("redirect_uri", String(2000), nullable=False),
    Column("nonce", String(512)),
    Column("code_challenge", String(43), nullable=False),  # S256, always
    Column("acr", String(64), nullable=False),
    Column("amr", JSON, nullable=False),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("consumed_at", UtcDateTime),
    Column("family_id", String(64), ForeignKey("token_families.id", ondelete="CASCADE"), index=True),
    Index("ix_authorization_codes_session_id", "session_id"),
    Index("ix_authorization_codes_account_id", "account_id"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("family_id", String(64), ForeignKey("token_families.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("parent_hash", LargeBinary(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("consumed_at", UtcDateTime),
    # Of a spent token: how its client authenticated, and its one successor, sealed for the grace.
    Column("consumed_by", String(32)),
    Column("successor_hash", LargeBinary(32)),
    Column("successor_sealed", LargeBinary),
)
