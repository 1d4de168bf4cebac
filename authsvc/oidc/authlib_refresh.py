"""The refresh grant: each use of a refresh token spends it and makes its one successor, in one statement.

    live ──used──▶ spent ──same client, ≤ 10 s, successor unused──▶ the same successor again, never a sibling
                     └─────────────anything else───────────────▶ reuse: family revoked, session flagged, customer told

The grace is for a client whose answer was lost. A public client can't show that it is the same one, so it has none.
"""
# mypy: allow-untyped-calls, allow-subclassing-any

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from authsvc.accounts.store import find_account
from authsvc.core.ids import hash_secret, new_secret
from authsvc.oidc.authlib_server import Grantee, Unit
from authsvc.oidc.claims import authentication_of
from authsvc.oidc.clients.client import AUTH_METHODS, Client
from authsvc.oidc.token.store import (
    Family,
    RefreshToken,
    consume_refresh_token,
    extend_family,
    find_family,
    find_refresh_token,
    insert_refresh_token,
    revoke_family,
)


class RefreshGrant(RefreshTokenGrant):
    """Rotates refresh tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)  # noqa: RUF012  # a list, as Authlib's own
    INCLUDE_NEW_REFRESH_TOKEN = True

    request: Any

    @property
    def unit(self) -> Unit:
        unit: Unit = self.server.unit
        return unit

    def validate_token_request(self) -> None:
        """Like Authlib's, but the token is spent last: a request refused for its scope must not cost it."""
        client = self._validate_request_client()
        self.request.client = client
        presented = self._validate_request_token(client)
        if presented.token.consumed_at is None:
            self._validate_token_scope(presented)
        self._grantee = self._grantee_of(presented)
        self._successor = self._rotate(presented)
        self._validate_token_scope(presented)
        self.request.refresh_token = presented

    def authenticate_refresh_token(self, value: str) -> "_Presented | None":
        unit = self.unit
        token = find_refresh_token(unit.connection, hash_secret(value))
        family = find_family(unit.connection, token.family_id) if token else None
        if token is None or family is None:
            unit.reason = "refresh_unknown"
            return None
        unit.account_id = family.account_id
        if self.request.client.id != family.client_id:
            unit.reason = "refresh_of_other_client"
        return _Presented(token, family)

    def authenticate_user(self, _presented: "_Presented") -> Grantee:
        return Grantee(**{**self._grantee.__dict__, "refresh_token": self._successor})

    def save_token(self, _token: dict[str, Any]) -> None:
        """The rotation has written everything."""

    def revoke_old_credential(self, _presented: Any) -> None:
        """The rotation has spent it."""

    def _grantee_of(self, presented: "_Presented") -> Grantee:
        family, unit = presented.family, self.unit
        account = find_account(unit.connection, family.account_id)
        session = unit.parts.sessions.find_live_by_id(unit.connection, family.session_id, now=unit.now)
        if account is None or not account.is_active or session is None:
            unit.reason = "session_ended"
            revoke_family(unit.connection, family.id, reason="session_ended", now=unit.now)
            raise InvalidGrantError("The session has ended.")
        if family.revoked_at is not None:
            unit.reason = "family_revoked"
            raise InvalidGrantError("The refresh token was revoked.")
        authentication = authentication_of(family.proofs, now=unit.now, raised=unit.parts.sessions.raised)
        return Grantee(account, family.session_id, family.id, authentication)

    def _rotate(self, presented: "_Presented") -> str:
        """Spend the token and return its successor; the same one again within the grace."""
        unit, token = self.unit, presented.token
        successor = new_secret()
        successor_hash = hash_secret(successor)
        rotated = consume_refresh_token(
            unit.connection,
            token.token_hash,
            consumed_by=self.request.auth_method,
            successor_hash=successor_hash,
            successor_sealed=unit.parts.vault.seal(successor.encode(), context=_context(token)),
            now=unit.now,
        )
        if not rotated:
            return self._repeat(presented)
        expires_at = unit.now + timedelta(days=unit.parts.settings.refresh_days)
        insert_refresh_token(
            unit.connection,
            RefreshToken(successor_hash, token.family_id, token.token_hash, unit.now, expires_at),
        )
        extend_family(unit.connection, token.family_id, expires_at)
        return successor

    def _repeat(self, presented: "_Presented") -> str:
        unit = self.unit
        token = find_refresh_token(unit.connection, presented.token.token_hash)  # as the winner of a race left it
        family = find_family(unit.connection, presented.family.id)
        if token is None or family is None or not family.is_live(unit.now) or token.consumed_at is None:
            unit.reason = "refresh_expired"
            raise InvalidGrantError("The refresh token has expired.")
        if self._within_grace(token):
            assert token.successor_sealed is not None
            return unit.parts.vault.open(token.successor_sealed, context=_context(token)).decode()
        self._reused(family)
        raise InvalidGrantError("The refresh token was used before.")

    def _within_grace(self, token: RefreshToken) -> bool:
        unit = self.unit
        grace = timedelta(seconds=unit.parts.settings.refresh_grace_s)
        if token.consumed_at is None or token.successor_hash is None or unit.now - token.consumed_at > grace:
            return False
        if self.request.auth_method == "none" or self.request.auth_method != token.consumed_by:
            return False
        successor = find_refresh_token(unit.connection, token.successor_hash)
        return successor is not None and successor.consumed_at is None

    def _reused(self, family: Family) -> None:
        unit = self.unit
        unit.reason = "refresh_reused"
        # Session before family, as logout does it: two orders could wait for each other.
        unit.parts.sessions.flag(unit.connection, family.session_id, now=unit.now)
        if not revoke_family(unit.connection, family.id, reason="refresh_reused", now=unit.now):
            return  # another request saw it first
        unit.parts.alerts.refresh_reuse(unit.connection, family.account_id, family.client_id, unit.origin, unit.now)
        unit.parts.audit.record(
            unit.connection,
            "oidc:refresh:reused",
            now=unit.now,
            account_id=family.account_id,
            origin=unit.origin,
            facts={"client": family.client_id, "family": family.id, "session": family.session_id},
        )


@dataclass(frozen=True)
class _Presented:
    """A refresh token with its family, as Authlib asks it."""

    token: RefreshToken
    family: Family

    def check_client(self, client: Client) -> bool:
        return client.id == self.family.client_id

    def get_scope(self) -> str:
        return self.family.scope


def _context(token: RefreshToken) -> str:
    return f"refresh_tokens:{token.token_hash.hex()}"
