"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0), by Authlib's endpoint with our own idea of consent.

A logout request is a link that anybody can put anywhere. It ends a session at once only when its id_token_hint was
issued for this very session; else the person is asked. Afterwards the browser goes to a registered address of the
client, and only if the hint says who the client is; else it is shown that it is signed out.

Ending the session ends its token families, in the same transaction.
"""
# mypy: allow-untyped-calls, allow-subclassing-any

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest

from authsvc.accounts.sessions.service import Session
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput
from authsvc.core.ids import hash_secret, new_secret
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.oidc.authlib_server import FrozenRequest, Parts, Server, Unit
from authsvc.oidc.claims import read_id_token_hint
from authsvc.oidc.clients.client import origin_of_uri
from authsvc.oidc.clients.store import consume_stored_request, insert_stored_request
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.parameters import parse, single
from authsvc.oidc.service import STORED_PREFIX, STORED_TTL, Visitor
from authsvc.oidc.token.store import revoke_session_families

LOGOUT_PATH = "/oauth2/logout"
CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True)
class SignedOut:
    """No session is left in this browser; `redirect` is where the client wants it."""

    redirect: str | None


@dataclass(frozen=True)
class Ask:
    """The person has to say it; `params` go into the form, `redirect_origin` into its policy."""

    client_name: str | None
    params: Mapping[str, str]
    redirect_origin: str | None


@dataclass(frozen=True)
class Logout:
    """The use cases of /oauth2/logout."""

    database: Database
    parts: Parts
    keys: SigningKeys
    clock: Clock
    limits: Limits

    def store(self, body: str, origin: Origin) -> str:
        """Keep a request that a client's page posted; its browser comes back with cookies by the redirect."""
        self.limits.spend("flow_per_address", origin.source)
        parse(body)
        now, request_id = self.clock.now(), new_secret()
        with self.database.write() as connection:
            insert_stored_request(
                connection, hash_secret(request_id), "logout", body, now=now, expires_at=now + STORED_TTL
            )
        return f"{LOGOUT_PATH}?{urlencode({'request_uri': STORED_PREFIX + request_id})}"

    def begin(self, query: str, visitor: Visitor) -> SignedOut | Ask:
        """Take a logout request.

        Raises:
            BadInput: `oidc.…`: the request contradicts itself.
            TooMany: the address sends too many.
        """
        return self._answer(self._parameters(query), visitor, confirmed=False)

    def confirm(self, body: str, visitor: Visitor) -> SignedOut | Ask:
        """Take the person's own word; the caller has checked that the form is ours."""
        return self._answer(single(parse(body)), visitor, confirmed=True)

    def _answer(self, data: Mapping[str, str], visitor: Visitor, *, confirmed: bool) -> SignedOut | Ask:
        self.limits.spend("flow_per_address", visitor.origin.source)
        now, keys = self.clock.now(), self.keys.current()
        with self.database.write() as connection:
            unit = Unit(self.parts, connection, keys, visitor.origin, now)
            session = self.parts.sessions.find_live(connection, visitor.session_secret, now=now)
            server = Server(unit)
            server.register_endpoint(_EndSession(session))
            try:
                request: Any = server.validate_endpoint_request("end_session", _frozen(unit, data))
            except OAuth2Error as error:
                raise BadInput("oidc.logout_refused", "This request to sign out contradicts itself.") from error
            if session is not None and not confirmed and not _is_for(request, session):
                return _ask(request, data)
            server.create_endpoint_response("end_session", request)
            return SignedOut(request.redirect_uri)

    def _parameters(self, query: str) -> Mapping[str, str]:
        data = single(parse(query))
        request_uri = data.get("request_uri", "")
        if not request_uri.startswith(STORED_PREFIX):
            return data
        with self.database.write() as connection:
            id_hash = hash_secret(request_uri.removeprefix(STORED_PREFIX))
            body = consume_stored_request(connection, id_hash, "logout", now=self.clock.now())
        return single(parse(body)) if body else {}


class _EndSession(EndSessionEndpoint):
    """Authlib's endpoint, for the session at hand."""

    def __init__(self, session: Session | None) -> None:
        super().__init__()
        self._session = session

    def _validate_id_token_hint(self, id_token_hint: str) -> Any:
        """A hint that isn't ours counts as none, and the person is asked; Authlib would answer with an error."""
        unit: Unit = self.server.unit
        return read_id_token_hint(id_token_hint, unit.keys.all, issuer=unit.parts.issuer)

    def end_session(self, _request: EndSessionRequest) -> None:
        unit: Unit = self.server.unit
        session = self._session
        if session is None:
            return
        unit.parts.sessions.end(unit.connection, session.id, reason="logout", origin=unit.origin, now=unit.now)
        families = revoke_session_families(unit.connection, session.id, reason="logout", now=unit.now)
        client = _request.client
        unit.parts.audit.record(
            unit.connection,
            "oidc:logout:completed",
            now=unit.now,
            account_id=session.account_id,
            origin=unit.origin,
            facts={"session": session.id, "families": families, "client": client.id if client else None},
        )


def _frozen(unit: Unit, data: Mapping[str, str]) -> FrozenRequest:
    return FrozenRequest("GET", unit.parts.issuer + LOGOUT_PATH, data)


def _is_for(request: EndSessionRequest, session: Session) -> bool:
    claims = request.id_token_claims
    return claims is not None and claims["sid"] == session.id and claims["sub"] == session.account_id


def _ask(request: EndSessionRequest, data: Mapping[str, str]) -> Ask:
    return Ask(
        client_name=request.client.name if request.client else None,
        params={name: data[name] for name in CARRIED if name in data},
        redirect_origin=origin_of_uri(request.redirect_uri) if request.redirect_uri else None,
    )
