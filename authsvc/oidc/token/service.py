"""The token and userinfo endpoints: Authlib's grants in one unit of work, and what an access token opens here.

A token request is one transaction. A refusal is an answer and not an exception, so what was spent stays spent and the
evidence stays written: `oidc:token:issued`, `oidc:token:refused`, `oidc:userinfo:refused`. Only failures count against
the address: one shop's server speaks for all of its customers.
"""
# mypy: allow-untyped-calls

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc6750 import InvalidTokenError

from authsvc.accounts.store import find_account, list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.oidc.authlib_grants import build_server
from authsvc.oidc.authlib_server import Answer, FrozenRequest, Parts, Unit
from authsvc.oidc.claims import ACCOUNTS_PATH, USERINFO_PATH, AccessToken, kid_of, read_access_token, userinfo_claims
from authsvc.oidc.clients.client import GRANT_TYPES, SERVICE_GRANT
from authsvc.oidc.clients.store import find_active_client
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.parameters import Refused, parse, require_known_resources, single
from authsvc.oidc.token.store import find_family

TOKEN_PATH = "/oauth2/token"


@dataclass(frozen=True)
class TokenEndpoint:
    """Redeems codes, refreshes tokens, and gives services theirs."""

    database: Database
    parts: Parts
    keys: SigningKeys
    clock: Clock
    limits: Limits

    def exchange(self, body: str | None, authorization: str | None, origin: Origin) -> Answer:
        """Answer a token request.

        Args:
            body: the raw urlencoded form; None when it was something else.
            authorization: the Authorization header, if there was exactly one.

        Raises:
            TooMany: after too many failures from one address, before anything is read or written.
        """
        self.limits.require_room("token_per_address", origin.source)
        keys = self.keys.current()
        with self.database.write() as connection:
            unit = Unit(self.parts, connection, keys, origin, self.clock.now())
            answer = self._answer(unit, body, authorization)
        if unit.error is not None:
            self.limits.spend("token_per_address", origin.source)
        return answer

    def _answer(self, unit: Unit, body: str | None, authorization: str | None) -> Answer:
        server = build_server(unit)
        request: FrozenRequest | None = None
        try:
            if body is None:
                raise BadInput("oidc.malformed_parameters", "The body must be application/x-www-form-urlencoded.")
            parameters = parse(body)
            data, header = single(parameters), _basic(authorization)
            _require_one_authentication(data, header)
            audience = ACCOUNTS_PATH if data.get("grant_type") == SERVICE_GRANT else USERINFO_PATH
            require_known_resources(parameters.get("resource", ()), (unit.parts.issuer + audience,))
            request = FrozenRequest("POST", unit.parts.issuer + TOKEN_PATH, data, headers=header)
            answer: Answer = server.create_token_response(request)
        except BadInput as problem:
            unit.reason = problem.code
            answer = server.handle_error_response(request, InvalidRequestError(problem.detail))
        except Refused as refused:
            error = OAuth2Error(refused.description, error=refused.error)
            answer = server.handle_error_response(request, error)
        self._record(unit, request)
        return answer

    def _record(self, unit: Unit, request: FrozenRequest | None) -> None:
        facts: dict[str, Any] = {"client": request.client.id if request and request.client else None}
        grant_type = request.payload.grant_type if request else None
        facts["grant_type"] = grant_type if grant_type in (*GRANT_TYPES, SERVICE_GRANT) else None
        if unit.error is not None:
            facts |= {"error": unit.error, "reason": unit.reason}
        elif request is not None and request.user is not None:
            facts |= {"session": request.user.session_id, "family": request.user.family_id}
            unit.account_id = request.user.account.id
        unit.parts.audit.record(
            unit.connection,
            "oidc:token:refused" if unit.error is not None else "oidc:token:issued",
            now=unit.now,
            account_id=unit.account_id,
            origin=unit.origin,
            facts=facts,
        )


@dataclass(frozen=True)
class UserInfo:
    """Tells a client about the person who signed in."""

    database: Database
    parts: Parts
    keys: SigningKeys
    clock: Clock
    limits: Limits

    def tell(self, authorization: str | None, origin: Origin) -> Answer:
        """Answer a userinfo request, as long as session, family, account and client of its token all live.

        Raises:
            TooMany: after too many failures from one address.
        """
        self.limits.require_room("token_per_address", origin.source)
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            # RFC 6750, 3.1: who sent no token hears of no error.
            self.limits.spend("token_per_address", origin.source)
            return Answer(401, {}, [("WWW-Authenticate", "Bearer"), ("Cache-Control", "no-store")])
        now, value = self.clock.now(), value.strip()
        keys = self.keys.current(knowing=kid_of(value))
        try:
            token = read_access_token(value, keys.published, issuer=self.parts.issuer, now=now)
            claims = self._claims(token)
        except OAuth2Error as error:
            self.limits.spend("token_per_address", origin.source)
            self._refuse(error, origin)
            return Answer(*error())
        return Answer(200, dict(claims), [("Content-Type", "application/json"), ("Cache-Control", "no-store")])

    def _claims(self, token: AccessToken) -> Mapping[str, Any]:
        now = self.clock.now()
        with self.database.read() as connection:
            family = find_family(connection, token.family_id)
            session = self.parts.sessions.find_live_by_id(connection, token.session_id, now=now)
            account = find_account(connection, token.account_id)
            client = find_active_client(connection, token.client_id)
            addresses = list_addresses(connection, token.account_id)
        if family is None or not family.is_live(now) or session is None or client is None:
            raise InvalidTokenError()
        if account is None or not account.is_active or account.id != session.account_id:
            raise InvalidTokenError()
        return userinfo_claims(
            token.scope,
            account_id=account.id,
            name=account.display_name,
            email=addresses[0].email if addresses else None,
        )

    def _refuse(self, error: OAuth2Error, origin: Origin) -> None:
        with self.database.write() as connection:
            self.parts.audit.record(
                connection,
                "oidc:userinfo:refused",
                now=self.clock.now(),
                origin=origin,
                facts={"error": error.error},
            )


def _basic(authorization: str | None) -> dict[str, str]:
    """Return the header for Authlib, which trips over one that is not base64 of UTF-8.

    Raises:
        BadInput: it is none, or holds a character that no client id has and PostgreSQL can't compare, such as NUL.
    """
    if authorization is None:
        return {}
    unreadable = BadInput("oidc.malformed_parameters", "The Authorization header can't be read.")
    try:
        client_id, _ = extract_basic_authorization({"Authorization": authorization})
    except (ValueError, binascii.Error) as problem:
        raise unreadable from problem
    if client_id is not None and not client_id.isprintable():
        raise unreadable
    return {"Authorization": authorization}


def _require_one_authentication(data: Mapping[str, str], header: Mapping[str, str]) -> None:
    """A client authenticates in one way at a time (RFC 6749, 2.3)."""
    client_id, secret = extract_basic_authorization(header)
    if client_id is None:
        return
    if secret is not None and "client_secret" in data:
        raise BadInput("oidc.two_authentications", "The client authenticates twice.")
    if data.get("client_id", client_id) != client_id:
        raise BadInput("oidc.two_authentications", "The client gives two ids.")
