"""A browser without JavaScript, for tests over HTTP: keeps cookies, follows forms, sends what a browser sends.

It reads the pages' own forms, so a form that lacks its CSRF token or flow fails the test as it would fail a person.
"""

from html.parser import HTMLParser
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import httpx2 as httpx
from starlette.testclient import TestClient

ISSUER = "http://localhost:8000"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": ISSUER}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.meta_csrf = ""
        self.flow = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attributes}
        self.flow = self.flow or known.get("data-flow", "")
        if tag == "form":
            self.forms.append({"action": known.get("action", ""), "fields": {}})
        elif tag in ("input", "button") and self.forms and known.get("name"):
            if known.get("type") == "checkbox" and "checked" not in known:
                return
            self.forms[-1]["fields"][known["name"]] = known.get("value", "")
        elif tag == "meta" and known.get("name") == "csrf":
            self.meta_csrf = known.get("content", "")


class BrowserClient:
    """One browser; its cookies live as long as it does. `answer` is the page it shows."""

    def __init__(
        self, app: Any, *, user_agent: str = "Mozilla/5.0 (X11; Linux) Firefox/140.0", peer: str = "203.0.113.7"
    ) -> None:
        self.http = TestClient(
            app,
            base_url=ISSUER,
            follow_redirects=False,
            raise_server_exceptions=False,
            headers={"User-Agent": user_agent, "Accept": "text/html"},
            client=(peer, 40000),
        )
        # Browsers take Secure cookies on localhost; Python's jar has to be told.
        self.http.cookies.jar.set_policy(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self.answer: httpx.Response

    def open(self, path: str, **headers: str) -> httpx.Response:
        """GET a page and follow redirects that stay here."""
        return self._follow(self.http.get(path, headers=headers))

    def submit(self, action: str, *, follow: bool = True, **typed: str) -> httpx.Response:
        """Fill in the form of the current page that posts to `action`, and send it."""
        form = self.form(action)
        answer = self.http.post(action, data={**form, **typed}, headers=SAME_ORIGIN)
        if not follow:
            self.answer = answer
            return answer
        return self._follow(answer)

    def form(self, action: str) -> dict[str, str]:
        """Return the fields of the form that posts to `action`."""
        for form in self._parsed().forms:
            if form["action"] == action:
                return dict(form["fields"])
        raise AssertionError(f"no form posts to {action} on: {self.answer.status_code} {self.answer.text[:2000]}")

    def post_json(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Post JSON as the page's script does; the page shown stays."""
        token = self._parsed().meta_csrf
        sent = {**SAME_ORIGIN, "X-CSRF-Token": token, "Accept": "application/json", **headers}
        return self.http.post(path, json=body, headers=sent)

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.http.cookies.jar if cookie.name == name), None)

    @property
    def flow(self) -> str:
        """The id of the flow that the current page belongs to."""
        parsed = self._parsed()
        for form in parsed.forms:
            if "flow" in form["fields"]:
                return str(form["fields"]["flow"])
        if parsed.flow:
            return parsed.flow
        raise AssertionError("the page belongs to no flow")

    def _parsed(self) -> _Forms:
        parser = _Forms()
        parser.feed(self.answer.text)
        return parser

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(10):
            location = answer.headers.get("location")
            if location is None or not urljoin(ISSUER, location).startswith(ISSUER + "/"):
                break
            answer = self.http.get(urljoin(ISSUER, location))
        self.answer = answer
        return answer
