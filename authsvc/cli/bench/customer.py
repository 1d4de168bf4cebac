"""A customer with a browser, as cheap as a client can be: raw keep-alive HTTP, cookies in a dict, forms by regex.

What it costs is taken from the same cores as the server, so it must do no more than a sign-in needs: authorize, the
page, the proof, resume, the token request.
"""

import base64
import hashlib
import http.client
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from authsvc.cli.bench.server import REDIRECT_URI, BenchServer
from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.ids import new_secret

_CSRF = re.compile(r'name="csrf" content="([^"]+)"')
_CODE = re.compile(r"[?&]code=([^&]+)")


class Connection(Protocol):
    """What is used of http.client.HTTPConnection."""

    def request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> None: ...
    def getresponse(self) -> Any: ...
    def close(self) -> None: ...


@dataclass
class Customer:
    """One account's owner at one browser."""

    server: BenchServer
    network: str  # a /24 of their own, such as "198.51.7"; each sign-in comes from the next address in it
    email: str
    password: str
    authenticator: SoftAuthenticator | None = None
    connection: Connection | None = None  # instead of a socket
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts = itertools.cycle(range(1, 255))
        self._connection = self.connection or http.client.HTTPConnection("localhost", self.server.port, timeout=60)

    def sign_in_with_password(self, typing: str) -> None:
        """One whole sign-in, from the shop's redirect to the shop's tokens. Raises RuntimeError when it fails."""
        verifier, flow, csrf = self._begin()
        body = {"flow": flow, "email": self.email, "password": self.password, "typing": typing, "csrf": csrf}
        _, headers, _ = self._request("POST", "/login/password", body, expect=303)
        self._finish(headers["location"], verifier)

    def sign_in_with_passkey(self) -> None:
        """The same with a passkey."""
        assert self.authenticator is not None
        verifier, flow, csrf = self._begin()
        _, _, text = self._request("POST", "/login/passkey/options", {"flow": flow}, csrf=csrf, expect=200)
        credential = self.authenticator.get(json.loads(text)["publicKey"])
        body = {"flow": flow, "credential": credential}
        _, _, text = self._request("POST", "/login/passkey/verify", body, csrf=csrf, expect=200)
        self._finish(json.loads(text)["next"], verifier)

    def sign_out(self) -> None:
        """Forget the session's cookie, so that the next sign-in is a real one."""
        self.cookies.pop("__Host-session", None)

    def close(self) -> None:
        self._connection.close()

    def _begin(self) -> tuple[str, str, str]:
        self._address = f"{self.network}.{next(self._hosts)}"
        self._connection.close()  # a sign-in comes on a connection of its own; the next request opens it
        verifier = new_secret()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.server.client_id,
                "redirect_uri": REDIRECT_URI,
                "scope": "openid profile email offline_access",
                "state": "s",
                "nonce": new_secret(),
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        _, headers, _ = self._request("GET", f"/oauth2/authorize?{query}", expect=303)
        page = headers["location"]
        _, _, text = self._request("GET", page, expect=200)
        found = _CSRF.search(text)
        if found is None:
            raise RuntimeError("the sign-in page carries no token")
        return verifier, page.partition("flow=")[2], found[1]

    def _finish(self, location: str, verifier: str) -> None:
        if "/oauth2/authorize/resume" not in location:
            raise RuntimeError(f"the sign-in was not let through: {location}")
        _, headers, _ = self._request("GET", location, expect=303)
        code = _CODE.search(headers["location"])
        if code is None:
            raise RuntimeError(f"no code came back: {headers['location']}")
        body = {
            "grant_type": "authorization_code",
            "code": code[1],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
        }
        self._request("POST", "/oauth2/token", body, basic=True, expect=200)

    def _request(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        *,
        csrf: str | None = None,
        basic: bool = False,
        expect: int,
    ) -> tuple[int, dict[str, str], str]:
        headers = {"X-Forwarded-For": self._address, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        if self.cookies and not basic:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST" and not basic:
            headers |= {"Origin": f"http://localhost:{self.server.port}", "Sec-Fetch-Site": "same-origin"}
        if basic:
            pair = f"{self.server.client_id}:{self.server.client_secret}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        payload: bytes | None = None
        if body is not None and csrf is not None:
            headers |= {"Content-Type": "application/json", "X-CSRF-Token": csrf, "Accept": "application/json"}
            payload = json.dumps(body).encode()
        elif body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            payload = urlencode(body).encode()
        path = target if target.startswith("/") else urlsplit(target)._replace(scheme="", netloc="").geturl()
        self._connection.request(method, path, payload, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        if response.status != expect:
            raise RuntimeError(f"{method} {path.partition('?')[0]} answered {response.status}: {text[:300]}")
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text
