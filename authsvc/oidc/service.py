"""The authorization endpoint: validate once, freeze, hand over to the sign-in journey, issue the code on return.

    authorize ─▶ who may be answered ─▶ ours ─▶ Authlib ─▶ the session ─▶ a flow ─▶ /login, or resume at once
    resume    ─▶ the flow, consumed ─▶ client and redirect URI again ─▶ the session again ─▶ Authlib ─▶ code

Until client and redirect URI are known to belong together nothing is redirected: the answer is a page for people, the
same for any parameter sent twice. After that every refusal goes back to the client with `state` and `iss`. Each leaves
`oidc:authorization:refused`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error

from authsvc.accounts.sessions.service import Session
from authsvc.accounts.store import find_account
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import AuthsvcError, BadInput, NotAllowed
from authsvc.core.ids import hash_secret, new_secret
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.oidc.authlib_code import Candidate
from authsvc.oidc.authlib_grants import build_server
from authsvc.oidc.authlib_server import Answer, FrozenRequest, Parts, Server, Unit
from authsvc.oidc.claims import USERINFO_PATH, authentication_of, read_id_token_hint
from authsvc.oidc.clients.client import Client, origin_of_uri
from authsvc.oidc.clients.store import consume_stored_request, find_active_client, insert_stored_request
from authsvc.oidc.flows import FinishedSignIn, RefusedSignIn, SignInFlows, SignInRequest
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.parameters import (
    HINTED_SUBJECT,
    Refused,
    Wishes,
    for_authlib,
    freeze,
    parse,
    read_wishes,
    require_known_resources,
    single,
)
from authsvc.oidc.requirements import Demand, late_error, needs_fresh_proof, silent_error, unmet

AUTHORIZE_PATH = "/oauth2/authorize"
STORED_PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126, 2.2
STORED_TTL = timedelta(seconds=60)


@dataclass(frozen=True)
class Visitor:
    """A person's browser: its secret, the session it holds, where it is."""

    browser: str
    session_secret: str | None
    origin: Origin


@dataclass(frozen=True)
class Authorization:
    """The use cases of /oauth2/authorize."""

    database: Database
    parts: Parts
    keys: SigningKeys
    flows: SignInFlows
    clock: Clock
    limits: Limits

    def begin(self, query: str, visitor: Visitor) -> str:
        """Take an authorization request; return where the browser goes.

        Raises:
            BadInput: `oidc.…`: a request that can't be answered by redirect.
            TooMany: the address begins too many flows.
        """
        self.limits.spend("flow_per_address", visitor.origin.source)
        now, keys = self.clock.now(), self.keys.current()
        try:
            parameters = self._parameters(query, now)
            with self.database.read() as connection:
                unit = Unit(self.parts, connection, keys, visitor.origin, now)
                decided = self._decide(unit, parameters, visitor)
        except BadInput as problem:
            self._refuse(None, visitor.origin, now, error=problem.code)
            raise
        if isinstance(decided, Answer):
            self._refuse(single(parameters)["client_id"], visitor.origin, now, error=unit.error, reason=unit.reason)
            return decided.location or ""
        request, session, ready = decided
        flow_id = self.flows.begin(
            request, browser=visitor.browser, session=session, origin=visitor.origin, ready=ready
        )
        return f"{AUTHORIZE_PATH}/resume?flow={flow_id}" if ready else f"/login?flow={flow_id}"

    def store(self, body: str, origin: Origin) -> str:
        """Keep a request that came by POST: the shop's form brings no cookies (SameSite), the redirect does.

        Raises:
            BadInput, TooMany: as begin.
        """
        self.limits.spend("flow_per_address", origin.source)
        now = self.clock.now()
        request_id = new_secret()
        try:
            parameters = parse(body)
            with self.database.write() as connection:
                client = _answerable_client(partial(find_active_client, connection), single(parameters))
                insert_stored_request(
                    connection, hash_secret(request_id), "authorize", body, now=now, expires_at=now + STORED_TTL
                )
        except BadInput as problem:
            self._refuse(None, origin, now, error=problem.code)
            raise
        return f"{AUTHORIZE_PATH}?{urlencode({'client_id': client.id, 'request_uri': STORED_PREFIX + request_id})}"

    def resume(self, flow_id: str, visitor: Visitor) -> str:
        """Take a flow back and issue its code; return the client's redirect.

        Raises:
            Gone, NotAllowed, Conflict: the flow can't be taken, or not here. The evidence is committed all the same.
            BadInput: the client was disabled or the redirect URI removed meanwhile.
        """
        self.limits.spend("flow_per_address", visitor.origin.source)
        now, keys = self.clock.now(), self.keys.current()
        with self.database.write() as connection:
            unit = Unit(self.parts, connection, keys, visitor.origin, now)
            try:
                answer: Answer | AuthsvcError = self._finish(unit, flow_id, visitor)
            except AuthsvcError as problem:
                unit.error = problem.code
                answer = problem
            if unit.error is not None:
                self._record(unit, flow_id)
        if isinstance(answer, AuthsvcError):
            raise answer
        return answer.location or ""

    def _parameters(self, query: str, now: datetime) -> Mapping[str, list[str]]:
        parameters = parse(query)
        request_uri = parameters.get("request_uri", [""])[0]
        if not request_uri.startswith(STORED_PREFIX):
            return parameters
        id_hash = hash_secret(request_uri.removeprefix(STORED_PREFIX))
        with self.database.write() as connection:
            body = consume_stored_request(connection, id_hash, "authorize", now=now)
        stored = parse(body) if body else {}
        if stored.get("client_id") != parameters.get("client_id"):
            raise BadInput("oidc.request_expired", "This request was used before or has expired. Please start again.")
        return stored

    def _decide(
        self, unit: Unit, parameters: Mapping[str, list[str]], visitor: Visitor
    ) -> Answer | tuple[SignInRequest, Session | None, bool]:
        data = single(parameters)
        client = _answerable_client(unit.find_client, data)
        server = build_server(unit)
        try:
            wishes = read_wishes(data)
            require_known_resources(parameters.get("resource", ()), (unit.parts.issuer + USERINFO_PATH,))
            hinted = self._hinted_subject(unit, client, wishes)
            scope = _validate(server, data)
            demand = _demand(client, wishes, hinted)
            session = self._session(unit, visitor)
            missing = unmet(demand, session, now=unit.now, raised=unit.parts.sessions.raised, started_at=None)
            if wishes.silent and missing:
                unit.reason = missing.value
                raise Refused(silent_error(missing), "The request can't be met without asking the person.")
        except Refused as refused:
            error = OAuth2Error(refused.description, error=refused.error)  # type: ignore[no-untyped-call]  # Authlib's
            return server.redirect_error(error, data["redirect_uri"], data.get("state"))
        except OAuth2Error as error:
            return server.redirect_error(error, data["redirect_uri"], data.get("state"))
        prompt = wishes.prompt - {"none"}
        if missing and session and needs_fresh_proof(missing):
            prompt |= {"login"}
        request = SignInRequest(
            client_id=client.id,
            client_name=client.name,
            params=freeze({**data, "scope": scope}, hinted_subject=hinted),
            required=demand.level,
            max_age_s=wishes.max_age_s,
            prompt=prompt,
            login_hint=wishes.login_hint,
            redirect_origin=origin_of_uri(data["redirect_uri"]),
            attestation=client.attestation.to_json(),
        )
        return request, session, missing is None and not wishes.interactive

    def _finish(self, unit: Unit, flow_id: str, visitor: Visitor) -> Answer:
        session = self._session(unit, visitor)
        taken = self.flows.take(
            unit.connection,
            flow_id,
            browser=visitor.browser,
            session=session,
            origin=visitor.origin,
            now=unit.now,
        )
        params = taken.params
        client = _answerable_client(unit.find_client, params)
        server = build_server(unit)
        if isinstance(taken, RefusedSignIn):
            return _error(server, taken.error, params)
        if session is None or session.id != taken.session.id or session.account_id != taken.account.id:
            raise NotAllowed("oidc.foreign_session", "This sign-in was finished in another session.")
        unit.account_id = session.account_id
        wishes = read_wishes(params)
        demand = _demand(client, wishes, params.get(HINTED_SUBJECT), taken)
        missing = unmet(demand, session, now=unit.now, raised=unit.parts.sessions.raised, started_at=taken.started_at)
        if missing:
            unit.reason = missing.value
            return _error(server, silent_error(missing) if wishes.silent else late_error(missing), params)
        unit.parts.sessions.touch(unit.connection, session, now=unit.now)
        return _issue(server, session, params)

    def _session(self, unit: Unit, visitor: Visitor) -> Session | None:
        session = unit.parts.sessions.find_live(unit.connection, visitor.session_secret, now=unit.now)
        account = find_account(unit.connection, session.account_id) if session else None
        return session if account and account.is_active else None

    def _hinted_subject(self, unit: Unit, client: Client, wishes: Wishes) -> str | None:
        if wishes.id_token_hint is None:
            return None
        claims = read_id_token_hint(wishes.id_token_hint, unit.keys.all, issuer=unit.parts.issuer)
        if claims is None or claims["aud"] != client.id:
            raise Refused("invalid_request", "id_token_hint is no ID token that was issued to this client.")
        return str(claims["sub"])

    def _refuse(
        self, client_id: str | None, origin: Origin, now: datetime, *, error: str | None, reason: str | None = None
    ) -> None:
        with self.database.write() as connection:
            self.parts.audit.record(
                connection,
                "oidc:authorization:refused",
                now=now,
                origin=origin,
                facts={"client": client_id, "error": error, "reason": reason},
            )

    def _record(self, unit: Unit, flow_id: str) -> None:
        unit.parts.audit.record(
            unit.connection,
            "oidc:authorization:refused",
            now=unit.now,
            account_id=unit.account_id,
            origin=unit.origin,
            facts={"flow": flow_id[:64], "error": unit.error, "reason": unit.reason},
        )


def _answerable_client(find: Callable[[str], Client | None], data: Mapping[str, str]) -> Client:
    """Return the client if it is active and this is a redirect URI of its: only then anything may be redirected."""
    client = find(data.get("client_id", ""))
    if client is None:
        raise BadInput("oidc.unknown_client", "The shop or app that sent you here is not registered with us.")
    if not client.check_redirect_uri(data.get("redirect_uri", "")):
        raise BadInput(
            "oidc.redirect_uri_not_registered",
            "The shop or app that sent you here wants you back at an address that it has not registered with us.",
        )
    return client


def _demand(client: Client, wishes: Wishes, hinted_subject: str | None, taken: FinishedSignIn | None = None) -> Demand:
    levels = [client.minimum_level, wishes.acr, *([taken.required] if taken else [])]
    return Demand(max(levels), "login" in wishes.prompt, wishes.max_age_s, hinted_subject)


def _validate(server: Server, data: Mapping[str, str]) -> str:
    """Let Authlib check the rest; return the scope that will be granted."""
    response_type = data.get("response_type")
    if response_type != "code":
        # Before Authlib, which quotes the value in a description that must be ASCII.
        error = "unsupported_response_type" if response_type else "invalid_request"
        raise Refused(error, "Only response_type=code is supported.")
    request = FrozenRequest("GET", server.unit.parts.issuer + AUTHORIZE_PATH, for_authlib(data))
    server.get_consent_grant(request)  # type: ignore[no-untyped-call]  # Authlib's
    return str(request.scope)


def _issue(server: Server, session: Session, params: Mapping[str, str]) -> Answer:
    unit = server.unit
    request = FrozenRequest("GET", unit.parts.issuer + AUTHORIZE_PATH, for_authlib(params))
    authentication = authentication_of(session.proofs, now=unit.now, raised=unit.parts.sessions.raised)
    candidate = Candidate(session.account_id, session.id, session.proofs, authentication)
    grant: Any = server.get_authorization_grant(request)
    answer: Answer = server.create_authorization_response(request, grant_user=candidate, grant=grant)
    return answer


def _error(server: Server, error: str, params: Mapping[str, str]) -> Answer:
    problem = OAuth2Error(error=error)  # type: ignore[no-untyped-call]  # Authlib's
    return server.redirect_error(problem, params["redirect_uri"], params.get("state"))
