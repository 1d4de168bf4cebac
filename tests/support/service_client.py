"""A shop's own server: a service client, its tokens, and the account API as it calls it."""

from typing import Any

import httpx2 as httpx
from starlette.testclient import TestClient

from authsvc.core.ids import new_id
from authsvc.oidc.clients.client import API_SCOPES
from tests.support.browser_client import ISSUER
from tests.support.running import Running

ACCOUNTS = "/v1/accounts"


class ServiceClient:
    """One service."""

    def __init__(self, running: Running, *scopes: str, name: str = "Tea server") -> None:
        self.running = running
        registered = running.services.clients.register_service(name=name, scopes=scopes or API_SCOPES)
        self.client, self.secret = registered
        self.http = TestClient(running.app, base_url=ISSUER, client=("198.51.100.9", 443), follow_redirects=False)
        self._token = ""

    def token(self, scope: str = "") -> str:
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        answer = self.http.post("/oauth2/token", data=form, auth=(self.client.id, self.secret))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str = "", *, token: str | None = None, **options: Any) -> httpx.Response:
        """Call the API; with a token of its own where none is given."""
        headers = {"Authorization": f"Bearer {token or self.token()}", **options.pop("headers", {})}
        return self.http.request(method, ACCOUNTS + path, headers=headers, **options)

    def invite(self, email: str, *, name: str = "Ada Lovelace", key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or new_id("key")}
        return self.call("POST", headers=headers, json={"email": email, "name": name})

    def search(self, email: str) -> list[dict[str, Any]]:
        answer = self.call("POST", "/search", json={"email": email})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["accounts"]
        return found


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    """Check that an answer is a problem document with this code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["status"], body["type"]) == (code, status, f"urn:authsvc:error:{code}")
    assert answer.headers["cache-control"] == "no-store"
