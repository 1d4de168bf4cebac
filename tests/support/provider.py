"""The provider behind the real edge, with a journey of its own in memory: a test says who signed in, and with what.

`Relying` is a client that checks what it gets as a careful relying party would, with Authlib's own claims class.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2 as httpx
from authlib.oidc.core import CodeIDToken
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Connection, select
from starlette.testclient import TestClient

from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import Gone, NotAllowed
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.oidc.clients.client import Client
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.oidc.flows import FinishedSignIn, RefusedSignIn, SignInRequest
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.keys.store import insert_signing_key
from authsvc.oidc.provider import Provider, build_provider
from authsvc.oidc.routes import build_router
from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages
from tests.support.browser_client import ISSUER, BrowserClient
from tests.support.clocks import SettableClock

REDIRECT_URI = "https://shop.example/callback"
SIGNED_OUT_URI = "https://shop.example/bye"
ORIGIN = Origin("req_test0001", "203.0.113.7", "tests")


@dataclass
class _Flow:
    request: SignInRequest
    browser: str
    session: Session | None
    started_at: datetime
    required: Level
    account: Account | None = None
    error: str | None = None


@dataclass
class Journey:
    """SignInFlows in memory: begun by the provider, ended by the test, taken once, by its own browser only."""

    clock: SettableClock
    flows: dict[str, _Flow] = field(default_factory=dict)
    last: str = ""

    def begin(
        self, request: SignInRequest, *, browser: str, session: Session | None, origin: Origin, ready: bool
    ) -> str:
        self.last = new_id("flow")
        self.flows[self.last] = _Flow(request, browser, session, self.clock.now(), request.required)
        if not ready:
            self.flows[self.last].session = None
        return self.last

    def take(
        self,
        connection: Connection,
        flow_id: str,
        *,
        browser: str,
        session: Session | None,
        origin: Origin,
        now: datetime,
    ) -> FinishedSignIn | RefusedSignIn:
        flow = self.flows.get(flow_id)
        if flow is None:
            raise Gone("flow.expired", "Gone.")
        if flow.browser != browser:
            raise NotAllowed("flow.foreign_browser", "Another browser's.")
        request = flow.request
        if flow.error is not None:
            del self.flows[flow_id]
            return RefusedSignIn(flow_id, request.client_id, request.params, flow.error)
        if session is None or flow.session is None or session.id != flow.session.id:
            raise NotAllowed("flow.foreign_session", "Another session's.")
        del self.flows[flow_id]
        account = flow.account or Account(session.account_id, b"", "", "active", now)
        return FinishedSignIn(
            flow_id, request.client_id, request.params, flow.required, session, account, flow.started_at
        )

    @property
    def asked(self) -> SignInRequest:
        """What the provider asked of the last flow."""
        return self.flows[self.last].request


@dataclass
class Told:
    """Alerts in memory."""

    accounts: list[str] = field(default_factory=list)

    def refresh_reuse(
        self, connection: Connection, account_id: str, client_id: str, origin: Origin | None, now: datetime
    ) -> None:
        self.accounts.append(account_id)


@dataclass
class Rig:
    """The provider and the parts that a test may want to ask."""

    settings: Settings
    database: Database
    clock: SettableClock
    vault: Vault
    sessions: Sessions
    keys: SigningKeys
    registry: ClientRegistry
    journey: Journey
    told: Told
    provider: Provider
    app: FastAPI

    def browser(self, **options: Any) -> BrowserClient:
        return BrowserClient(self.app, **options)

    def relying(self, **options: Any) -> "Relying":
        return Relying(self, **options)

    def account(self, name: str = "Ada Lovelace", email: str = "ada@example.org") -> Account:
        account = Account(new_id("acc"), new_bytes(32), name, "active", self.clock.now())
        with self.database.write() as connection:
            insert_account(connection, account)
            insert_address(connection, Address(new_id("adr"), account.id, email, self.clock.now(), True))
        return account

    def sign_in(self, browser: BrowserClient, account: Account, *kinds: ProofKind) -> Session:
        """Give the browser a session in which these were proven now (a password, if none is named)."""
        now = self.clock.now()
        proofs = dict.fromkeys(kinds or (ProofKind.PASSWORD,), now)
        with self.database.write() as connection:
            session, secret = self.sessions.open(
                connection,
                account_id=account.id,
                device_id=None,
                kind="customer",
                proofs=proofs,
                origin=ORIGIN,
                now=now,
            )
        browser.http.cookies.set("__Host-session", secret, domain="localhost.local", path="/")
        return session

    def complete(
        self, browser: BrowserClient, account: Account, *kinds: ProofKind, required: Level | None = None
    ) -> str:
        """End the browser's flow with a sign-in; return where it goes now."""
        flow_id = self.journey.last
        flow = self.journey.flows[flow_id]
        flow.session, flow.account = self.sign_in(browser, account, *kinds), account
        if required is not None:
            flow.required = required
        return f"/oauth2/authorize/resume?flow={flow_id}"

    def refuse(self, error: str) -> str:
        """End the last flow without a sign-in; return where the browser goes now."""
        self.journey.flows[self.journey.last].error = error
        return f"/oauth2/authorize/resume?flow={self.journey.last}"

    def events(self, tag: str) -> list[Any]:
        """Return the facts of the events with this tag, oldest first."""
        with self.database.read() as connection:
            query = select(audit_events.c.facts).where(audit_events.c.tag == tag).order_by(audit_events.c.id)
            return list(connection.execute(query).scalars())


class Relying:
    """A relying party: begins sign-ins in a browser and takes its tokens by itself."""

    def __init__(self, rig: Rig, **options: Any) -> None:
        self.rig = rig
        registered = {
            "name": "Tea Shop",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [SIGNED_OUT_URI],
        } | options
        self.client: Client
        self.client, self.secret = rig.registry.register_client(**registered)
        self.http = TestClient(
            rig.app, base_url=ISSUER, follow_redirects=False, client=("198.51.100.9", 443), cookies=None
        )
        self.nonce, self.state, self.verifier = "", "", ""
        self.tokens: dict[str, Any] = {}

    def parameters(self, **changes: str) -> dict[str, str]:
        """Return a right request; an empty change leaves its parameter out."""
        self.nonce, self.state, self.verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(self.verifier.encode()).digest()
        right = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uris[0],
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (right | changes).items() if value}

    def authorize(self, browser: BrowserClient, **changes: str) -> httpx.Response:
        """Send the browser to authorize; return the first answer."""
        return browser.http.get(f"/oauth2/authorize?{urlencode(self.parameters(**changes))}")

    def code(self, browser: BrowserClient, account: Account, *kinds: ProofKind, **changes: str) -> str:
        """Go through a whole sign-in; return the code."""
        assert "/login?flow=" in self.authorize(browser, **changes).headers["location"]
        answer = browser.http.get(self.rig.complete(browser, account, *kinds))
        return self.answer(answer)["code"]

    def answer(self, response: httpx.Response) -> dict[str, str]:
        """Return the parameters of an authorization response, after checking that it is one, and ours."""
        assert response.status_code == 303, response.text
        location = response.headers["location"]
        assert location.startswith(self.client.redirect_uris[0] + "?"), location
        query = parse_qs(urlsplit(location).query, strict_parsing=True)
        assert all(len(values) == 1 for values in query.values())
        assert query["iss"] == [ISSUER]
        assert query.get("state") == ([self.state] if self.state else None)
        return {name: values[0] for name, values in query.items()}

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        right = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uris[0],
            "code_verifier": self.verifier,
        }
        return self.post({name: value for name, value in (right | changes).items() if value})

    def refresh(self, token: str, **changes: str) -> httpx.Response:
        return self.post({"grant_type": "refresh_token", "refresh_token": token} | changes)

    def post(self, form: Mapping[str, str]) -> httpx.Response:
        if self.client.auth_method == "client_secret_basic":
            return self.http.post("/oauth2/token", data=dict(form), auth=(self.client.id, self.secret or ""))
        extra = {"client_id": self.client.id} | ({"client_secret": self.secret} if self.secret else {})
        return self.http.post("/oauth2/token", data=dict(form) | extra)

    def sign_in(self, browser: BrowserClient, account: Account, *kinds: ProofKind, **changes: str) -> dict[str, Any]:
        """Go through a whole sign-in; keep and return the tokens."""
        response = self.redeem(self.code(browser, account, *kinds, **changes))
        assert response.status_code == 200, response.text
        self.tokens = response.json()
        return self.tokens

    def id_token(self, *, max_age: int | None = None) -> Mapping[str, Any]:
        """Return the ID token's claims, validated as OpenID Connect Core, 3.1.3.7 says."""
        keys = KeySet.import_key_set(self.http.get("/oauth2/jwks").json())
        token = jwt.decode(self.tokens["id_token"], keys, algorithms=[self.client.id_token_alg])
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"values": [ISSUER]}},
            {
                "nonce": self.nonce,
                "client_id": self.client.id,
                "access_token": self.tokens["access_token"],
                "max_age": max_age,
            },
        )
        claims.validate(now=int(self.rig.clock.now().timestamp()))
        assert token.header["kid"]
        return dict(claims)

    def userinfo(self, access_token: str | None = None) -> httpx.Response:
        value = access_token or self.tokens["access_token"]
        return self.http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {value}"})


def build_rig(settings: Settings, database: Database, clock: SettableClock) -> Rig:
    """Return a rig on a prepared database."""
    vault = Vault(settings.build_keyring())
    audit = Audit(vault)
    sessions = Sessions(settings.sessions, audit)
    keys = SigningKeys(database, vault, audit, clock, settings.tokens)
    journey, told = Journey(clock), Told()
    provider = build_provider(
        issuer=settings.issuer,
        settings=settings.tokens,
        database=database,
        vault=vault,
        audit=audit,
        sessions=sessions,
        keys=keys,
        flows=journey,
        alerts=told,
        clock=clock,
        limits=Limits(settings.limits.rules(), redis_url=None, clock=clock),
    )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    csrf = Csrf(bytes(range(32)), settings.issuer)
    pages = Pages(settings, csrf)
    install_edge(app, settings, csrf, pages, OriginReader(settings.trusted_proxies))
    app.include_router(build_router(provider, pages, csrf))
    _use_known_keys(keys)
    registry = ClientRegistry(database, audit, clock)
    return Rig(settings, database, clock, vault, sessions, keys, registry, journey, told, provider, app)


@lru_cache
def _known_keys() -> dict[str, RSAKey | ECKey]:
    return {"RS256": RSAKey.generate_key(2048), "ES256": ECKey.generate_key("P-256")}


def _use_known_keys(keys: SigningKeys) -> None:
    """Begin with keys made once for all tests: an RSA key costs more than the rest of most of them."""
    now = keys.clock.now()
    with keys.database.write() as connection:
        for alg, key in _known_keys().items():
            insert_signing_key(connection, keys._new_row(alg, key, now))
