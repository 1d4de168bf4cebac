"""Authlib's authorization server, bound to one unit of work; what HTTP has to do with it is in fastapi_binding.py.

A server is made for each request and holds that request's transaction, so all of Authlib's callbacks write through the
same connection and commit together, a refusal with its evidence too. Making one costs a few dictionaries.

Authlib's defaults that are not ours, and where they are corrected (probed on 1.9.9):

1. a code was read, then deleted, so many could redeem it: one SQL statement spends it         authlib_code.py
2. PKCE was optional, and `plain` was taken: required, S256 only                               authlib_code.py
3. repeated parameters were hidden: raw queries and bodies are parsed into lists               parameters.py
4. a plain-http request URI raised behind a TLS proxy: the URI is made of the issuer           FrozenRequest
5. prompt, max_age and their like were ignored or looped: they never reach Authlib             parameters.py
6. each callback committed by itself, a refresh token was read, then revoked                   Unit, authlib_refresh.py
"""
# mypy: allow-untyped-calls, allow-subclassing-any

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from joserfc import jwt
from sqlalchemy import Connection

from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import Account
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.oidc.claims import (
    ACCESS_TOKEN_ALG,
    ACCESS_TOKEN_TYPE,
    Authentication,
    access_token_claims,
    service_token_claims,
)
from authsvc.oidc.clients.client import Client
from authsvc.oidc.clients.store import find_active_client
from authsvc.oidc.flows import Alerts
from authsvc.oidc.keys.service import Keys
from authsvc.settings import TokenSettings


@dataclass(frozen=True)
class Parts:
    """What issuing touches, the same for every request."""

    issuer: str
    settings: TokenSettings
    vault: Vault
    audit: Audit
    sessions: Sessions
    alerts: Alerts


@dataclass
class Unit:
    """One request's unit of work. `reason` says more of a refusal than OAuth's codes do; it is for the evidence."""

    parts: Parts
    connection: Connection
    keys: Keys
    origin: Origin
    now: datetime
    reason: str | None = None
    error: str | None = None
    account_id: str | None = None
    clients: dict[str, Client | None] = field(default_factory=dict)

    def find_client(self, client_id: str) -> Client | None:
        """Return an active client; read once in a unit, though both we and Authlib ask for it."""
        if client_id not in self.clients:
            self.clients[client_id] = find_active_client(self.connection, client_id)
        return self.clients[client_id]


@dataclass(frozen=True)
class Grantee:
    """Whom a token is for: Authlib's `user`."""

    account: Account
    session_id: str
    family_id: str
    authentication: Authentication
    nonce: str | None = None
    refresh_token: str | None = None

    def get_user_id(self) -> str:
        return self.account.id


class FrozenRequest(OAuth2Request):
    """A request whose parameters were parsed and checked before; its URI comes from the issuer, whatever Host says."""

    # What Authlib hangs on a request on its way.
    payload: Any
    client: Any
    user: Any
    auth_method: Any
    authorization_code: Any
    refresh_token: Any

    def __init__(
        self, method: str, uri: str, parameters: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(method, uri, headers=dict(headers or {}))
        self.payload = BasicOAuth2Payload(dict(parameters))

    @property
    def args(self) -> dict[str, str]:
        return dict(self.payload.data) if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data) if self.method == "POST" else {}


class Answer:
    """A response, free of HTTP frameworks. Mutable: Authlib's `iss` extension rewrites the location."""

    def __init__(self, status: int, body: str | dict[str, Any], headers: list[tuple[str, str]]) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers)

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers["Location"] = value


class Server(AuthorizationServer):
    """The authorization server of one unit of work. Grants and endpoints are registered by whoever makes it."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit
        self._issuer = _Issuer(unit.parts.issuer)
        self.register_extension(self._issuer)
        self.register_token_generator("default", _tokens(unit))

    def query_client(self, client_id: str) -> Client | None:
        return self.unit.find_client(client_id)

    def create_oauth2_request(self, request: FrozenRequest) -> FrozenRequest:
        return request

    def handle_response(self, status: int, body: str | dict[str, Any], headers: list[tuple[str, str]]) -> Answer:
        return Answer(status, body, headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def handle_error_response(self, request: FrozenRequest | None, error: OAuth2Error) -> Answer:
        self.unit.error = error.error
        answer: Answer = super().handle_error_response(request, error)
        return answer

    def redirect_error(self, error: OAuth2Error, redirect_uri: str, state: str | None) -> Answer:
        """Return the error as an authorization response, with `state` and `iss`."""
        error.redirect_uri, error.state = redirect_uri, state
        answer = self.handle_error_response(None, error)
        self._issuer.add_issuer_parameter(self, answer)
        return answer


class _Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


def _tokens(unit: Unit) -> BearerTokenGenerator:
    parts = unit.parts

    def claims_of(client: ClientMixin, user: Grantee | None, scope: str) -> dict[str, Any]:
        if user is None:
            return service_token_claims(
                issuer=parts.issuer,
                client_id=client.get_client_id(),
                scope=scope,
                token_id=new_id("at"),
                now=unit.now,
                lifetime_s=parts.settings.access_s,
            )
        return access_token_claims(
            issuer=parts.issuer,
            client_id=client.get_client_id(),
            account_id=user.account.id,
            session_id=user.session_id,
            family_id=user.family_id,
            scope=scope,
            authentication=user.authentication,
            token_id=new_id("at"),
            now=unit.now,
            lifetime_s=parts.settings.access_s,
        )

    def access_token(*, client: ClientMixin, user: Grantee | None, scope: str, **_: Any) -> str:
        key = unit.keys.signing[ACCESS_TOKEN_ALG]
        header = {"alg": ACCESS_TOKEN_ALG, "typ": ACCESS_TOKEN_TYPE, "kid": key.kid}
        return jwt.encode(header, claims_of(client, user, scope), key, [ACCESS_TOKEN_ALG])

    def refresh_token(*, user: Grantee, **_: Any) -> str | None:
        return user.refresh_token

    return BearerTokenGenerator(access_token, refresh_token, expires_generator=parts.settings.access_s)
