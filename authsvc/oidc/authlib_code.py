"""The authorization code grant with PKCE. Everything it writes goes through the server's unit of work.

A code is spent by one statement, before anything else of the request is known to be right: a failed redemption stays
spent. A second use revokes what the first one got (RFC 9700, 4.5).
"""
# mypy: allow-untyped-calls, allow-subclassing-any

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from authsvc.accounts.levels import Proofs
from authsvc.accounts.store import find_account
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.oidc.authlib_server import FrozenRequest, Grantee, Unit
from authsvc.oidc.claims import Authentication
from authsvc.oidc.clients.client import AUTH_METHODS, Client
from authsvc.oidc.token.store import (
    Code,
    Family,
    RefreshToken,
    consume_code,
    find_code,
    insert_code,
    insert_family,
    insert_refresh_token,
    link_code,
    revoke_family,
)

S256_LENGTH = 43  # BASE64URL(SHA256(…)) without padding, RFC 7636, 4.2


@dataclass(frozen=True)
class Candidate:
    """Whose code is about to be issued, and what their session proves."""

    account_id: str
    session_id: str
    proofs: Proofs
    authentication: Authentication


class S256Only(CodeChallenge):
    """PKCE, required of every client at the authorization endpoint, S256 alone (RFC 9700, 2.1.1)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012  # a list, as Authlib's own

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if data.get("code_challenge_method") != "S256" or len(data["code_challenge"]) != S256_LENGTH:
            raise InvalidRequestError("Only 'code_challenge_method=S256' is supported")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, _code: Any) -> str:
        return "S256"


class CodeGrant(AuthorizationCodeGrant):
    """Issues codes and redeems them once."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)  # noqa: RUF012  # a list, as Authlib's own

    request: Any

    @property
    def unit(self) -> Unit:
        unit: Unit = self.server.unit
        return unit

    def generate_authorization_code(self) -> str:
        return new_secret()

    def save_authorization_code(self, code: str, request: FrozenRequest) -> None:
        """Args: request.user is the Candidate whose code this is."""
        unit, candidate, data = self.unit, request.user, request.payload.data
        assert isinstance(candidate, Candidate)
        insert_code(
            unit.connection,
            Code(
                code_hash=hash_secret(code),
                client_id=request.client.id,
                account_id=candidate.account_id,
                session_id=candidate.session_id,
                scope=request.scope,
                proofs=candidate.proofs,
                redirect_uri=data["redirect_uri"],
                nonce=data.get("nonce"),
                code_challenge=data["code_challenge"],
                acr=candidate.authentication.acr,
                amr=candidate.authentication.amr,
                auth_time=candidate.authentication.auth_time,
                created_at=unit.now,
                expires_at=unit.now + timedelta(seconds=unit.parts.settings.code_s),
            ),
        )
        unit.parts.audit.record(
            unit.connection,
            "oidc:code:issued",
            now=unit.now,
            account_id=candidate.account_id,
            origin=unit.origin,
            facts={
                "client": request.client.id,
                "session": candidate.session_id,
                "acr": candidate.authentication.acr,
                "scope": request.scope,
            },
        )

    def query_authorization_code(self, code: str, client: Client) -> "_Redeemed | None":
        unit = self.unit
        code_hash = hash_secret(code)
        consumed = consume_code(unit.connection, code_hash, client_id=client.id, now=unit.now)
        if consumed is not None:
            unit.account_id = consumed.account_id
            return _Redeemed(consumed)
        self._explain(find_code(unit.connection, code_hash), client)
        return None

    def authenticate_user(self, redeemed: "_Redeemed") -> Grantee | None:
        code, unit = redeemed.code, self.unit
        account = find_account(unit.connection, code.account_id)
        session = unit.parts.sessions.find_live_by_id(unit.connection, code.session_id, now=unit.now)
        if account is None or not account.is_active or session is None:
            unit.reason = "session_ended"
            return None
        return Grantee(
            account=account,
            session_id=code.session_id,
            family_id=new_id("fam"),
            authentication=Authentication(code.acr, code.amr, code.auth_time),
            nonce=code.nonce,
            refresh_token=new_secret() if self.request.client.check_grant_type("refresh_token") else None,
        )

    def save_token(self, _token: dict[str, Any]) -> None:
        unit, grantee, code = self.unit, self.request.user, self.request.authorization_code.code
        lifetime = (
            timedelta(days=unit.parts.settings.refresh_days)
            if grantee.refresh_token
            else timedelta(seconds=unit.parts.settings.access_s)
        )
        expires_at = unit.now + lifetime
        insert_family(
            unit.connection,
            Family(
                id=grantee.family_id,
                client_id=code.client_id,
                account_id=code.account_id,
                session_id=code.session_id,
                scope=code.scope,
                proofs=code.proofs,
                created_at=unit.now,
                expires_at=expires_at,
            ),
        )
        link_code(unit.connection, code.code_hash, grantee.family_id)
        if grantee.refresh_token:
            token_hash = hash_secret(grantee.refresh_token)
            insert_refresh_token(
                unit.connection, RefreshToken(token_hash, grantee.family_id, None, unit.now, expires_at)
            )

    def delete_authorization_code(self, _redeemed: Any) -> None:
        """The spent row stays, so that a second use is noticed."""

    def _explain(self, code: Code | None, client: Client) -> None:
        unit = self.unit
        if code is None:
            unit.reason = "code_unknown"
        elif code.client_id != client.id:
            unit.reason, unit.account_id = "code_of_other_client", code.account_id
        elif code.consumed_at is None:
            unit.reason, unit.account_id = "code_expired", code.account_id
        else:
            unit.reason, unit.account_id = "code_reused", code.account_id
            self._revoke(code)

    def _revoke(self, code: Code) -> None:
        unit = self.unit
        revoked = code.family_id is not None and revoke_family(
            unit.connection, code.family_id, reason="code_reused", now=unit.now
        )
        unit.parts.audit.record(
            unit.connection,
            "oidc:code:reused",
            now=unit.now,
            account_id=code.account_id,
            origin=unit.origin,
            facts={"client": code.client_id, "family": code.family_id, "revoked": revoked},
        )


@dataclass(frozen=True)
class _Redeemed:
    """A spent code, as Authlib asks it."""

    code: Code

    @property
    def code_challenge(self) -> str:
        return self.code.code_challenge

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return self.code.scope
