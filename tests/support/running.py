"""A whole authsvc in this process, with a shop beside it: everything real but the network and the clock.

The clock is settable, mail lands in the demo's mailbox, argon2 is cheap (its parameters are tested where they matter).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2 as httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import ColumnElement, Table, func, select
from starlette.testclient import TestClient

from authsvc.app import build_app, build_services
from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.audit.tables import audit_events
from authsvc.core.ids import new_secret
from authsvc.settings import Settings
from authsvc.wiring.services import Services
from tests.support.browser_client import ISSUER, BrowserClient
from tests.support.clocks import SettableClock

REDIRECT_URI = "https://shop.example/callback"
PASSWORD = "four words and a number 7"
CODE = re.compile(r"\b(\d{8})\b")


@dataclass
class Running:
    """A running service under test."""

    services: Services
    clock: SettableClock
    app: Any = field(init=False)

    def __post_init__(self) -> None:
        self.app = build_app(self.services.settings, self.services)

    def browser(self, **options: Any) -> BrowserClient:
        return BrowserClient(self.app, **options)

    def shop(self, **options: Any) -> "Shop":
        return Shop(self, **options)

    def mails(self, to: str | None = None) -> list[Any]:
        """Deliver what is due; return the delivered messages, newest first."""
        while self.services.outbox_worker.run_once():
            pass
        assert self.services.mailbox is not None
        return [delivered.message for delivered in self.services.mailbox.messages(to)]

    def code_for(self, email: str) -> str:
        """Return the code in the newest mail to an address."""
        found = CODE.search(self.mails(email)[0].text)
        assert found is not None, "the newest mail has no code"
        return found[1]

    def events(self, tag: str | None = None) -> list[Any]:
        """Return audit events, oldest first."""
        query = select(audit_events).order_by(audit_events.c.id)
        if tag is not None:
            query = query.where(audit_events.c.tag == tag)
        with self.services.database.read() as connection:
            return list(connection.execute(query))

    def tags(self) -> list[str]:
        return [event.tag for event in self.events()]

    def count(self, table: Table, *conditions: ColumnElement[bool]) -> int:
        """Return how many rows of a table meet the conditions."""
        with self.services.database.read() as connection:
            return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()

    def authenticator(self) -> SoftAuthenticator:
        return SoftAuthenticator("localhost", ISSUER)

    # -- journeys that many tests begin with

    def sign_up(
        self, browser: BrowserClient, email: str, *, password: str = PASSWORD, typing_consent: bool = False
    ) -> "Shop":
        """Create an account with a password, from a shop's redirect to its tokens."""
        shop = self.shop()
        shop.begin(browser)
        self.prove_address(browser, email)
        fields = {"typing_consent": "yes"} if typing_consent else {}
        shop.finish(browser, browser.submit("/login/credential/password", password=password, **fields))
        return shop

    def sign_up_with_passkey(self, browser: BrowserClient, email: str) -> SoftAuthenticator:
        """Create an account with a passkey."""
        shop, authenticator = self.shop(), self.authenticator()
        shop.begin(browser)
        self.prove_address(browser, email)
        options = browser.post_json("/login/passkey/create/options", {"flow": browser.flow}).json()["publicKey"]
        body = {"flow": browser.flow, "credential": authenticator.create(options)}
        answer = browser.post_json("/login/passkey/create/verify", body)
        assert answer.status_code == 200, answer.text
        shop.finish(browser, browser.open(answer.json()["next"]))
        return authenticator

    def prove_address(self, browser: BrowserClient, email: str) -> None:
        browser.open(f"/login/create?flow={browser.flow}")
        browser.submit("/login/create", name="Ada Lovelace", email=email)
        browser.submit("/login/code", code=self.code_for(email))

    def sign_in(
        self, browser: BrowserClient, email: str, *, password: str = PASSWORD, typing: str = ""
    ) -> httpx.Response:
        """Begin at a shop and try a password; return the answer."""
        self.shop().begin(browser)
        return browser.submit("/login/password", email=email, password=password, typing=typing)


class Shop:
    """A confidential client that checks what it gets as a careful relying party would."""

    def __init__(self, running: Running, **options: Any) -> None:
        self.running = running
        client, secret = running.services.clients.register_client(
            name="Tea Shop",
            redirect_uris=[REDIRECT_URI],
            post_logout_redirect_uris=["https://shop.example/"],
            **options,
        )
        self.client_id, self.secret = client.id, secret or ""
        self.http = TestClient(running.app, base_url=ISSUER, follow_redirects=False)
        self.verifier, self.nonce, self.state = new_secret(), new_secret(), new_secret()
        self.tokens: dict[str, Any] = {}

    def parameters(self, **changes: str) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile email offline_access",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }

    def begin(self, browser: BrowserClient, **changes: str) -> httpx.Response:
        """Send the browser to authorize."""
        self.verifier, self.nonce, self.state = new_secret(), new_secret(), new_secret()
        return browser.open(f"/oauth2/authorize?{urlencode(self.parameters(**changes))}")

    def finish(self, browser: BrowserClient, answer: httpx.Response) -> Mapping[str, Any]:
        """Take the redirect back at the shop and redeem its code; return the ID token's claims."""
        assert answer.status_code in (302, 303), f"{answer.status_code} {answer.text[:1500]}"
        location = answer.headers["location"]
        assert location.startswith(REDIRECT_URI), location
        query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert query.get("state") == self.state
        assert query.get("iss") == ISSUER
        assert "code" in query, query
        self.tokens = self.redeem(query["code"]).json()
        return self.claims()

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.http.post("/oauth2/token", data=body, auth=(self.client_id, self.secret))

    def refresh(self, token: str) -> httpx.Response:
        body = {"grant_type": "refresh_token", "refresh_token": token}
        return self.http.post("/oauth2/token", data=body, auth=(self.client_id, self.secret))

    def claims(self) -> Mapping[str, Any]:
        """Return the validated claims of the ID token."""
        keys = KeySet.import_key_set(self.http.get("/oauth2/jwks").json())
        claims = jwt.decode(self.tokens["id_token"], keys, algorithms=["RS256", "ES256"]).claims
        assert claims["iss"] == ISSUER
        assert claims["aud"] in (self.client_id, [self.client_id])
        assert claims["nonce"] == self.nonce
        return claims


def running(settings: Settings, clock: SettableClock) -> Running:
    """Return a service on the settings' database, which must be prepared."""
    return Running(build_services(settings, clock=clock), clock)
