"""Cross-site request forgery: an unsafe request must come from our own page, and prove that it read it.

For every method but GET, HEAD, OPTIONS and TRACE:

1. Where it came from. Sec-Fetch-Site, where the browser sends it, must be `same-origin`. Origin, where it is sent, must
   be the issuer; `null` is accepted only beside Sec-Fetch-Site, because our pages' Referrer-Policy `no-referrer` turns
   the Origin of their own form posts into `null` (Fetch, "append a request Origin header"; seen in Chromium), while
   a sandboxed foreign frame is told apart by Sec-Fetch-Site: cross-site. With neither, Referer must be our page.
2. What it read. The form field `csrf`, or the header X-CSRF-Token, must be HMAC-SHA256(key, browser secret),
   compared in constant time. So a token belongs to one browser, and nothing is stored.

Limits: a browser without Sec-Fetch-Site (Safari before 16.4) can't post our forms. Pages read by script are lost
anyway; the Content-Security-Policy is there for that.
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from authsvc.core.errors import NotAllowed
from authsvc.web.browser import browser_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
FIELD = "csrf"
HEADER = "x-csrf-token"


class Csrf:
    """Makes tokens for pages and checks them on the way back."""

    def __init__(self, key: bytes, issuer: str) -> None:
        """Args: key for this purpose alone (`keyring.derived("csrf")[0]`); issuer as the settings have it."""
        self._key = key
        self._issuer = issuer

    def token(self, browser: str) -> str:
        """Return the token that pages shown to this browser carry."""
        mac = hmac.digest(self._key, b"authsvc/csrf/v1\x00" + browser.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    async def require(self, request: Request) -> None:
        """FastAPI dependency: refuse an unsafe request that is not from our own page.

        Raises:
            NotAllowed: `csrf.refused`.
        """
        if request.method in SAFE_METHODS:
            return
        if not self._is_from_us(request):  # 1
            raise _refused()
        sent = await _sent_token(request)
        expected = self.token(browser_of(request))
        if not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode()):  # 2
            raise _refused()

    def _is_from_us(self, request: Request) -> bool:
        origins, sites = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
        if len(origins) > 1 or len(sites) > 1 or (sites and sites[0] != "same-origin"):
            return False
        if origins:
            return origins[0] == self._issuer or (origins[0] == "null" and bool(sites))
        return bool(sites) or _origin_of_url(request.headers.get("referer", "")) == self._issuer


async def _sent_token(request: Request) -> str:
    headers = request.headers.getlist(HEADER)
    if headers:
        return headers[0] if len(headers) == 1 else ""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in FORM_TYPES:
        return ""
    # The request keeps its parsed form, so an endpoint's own Form(...) parameters still find it.
    fields = (await request.form()).getlist(FIELD)
    return fields[0] if len(fields) == 1 and isinstance(fields[0], str) else ""


def _origin_of_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _refused() -> NotAllowed:
    return NotAllowed(
        "csrf.refused", "This page was open for too long or in another window. Please go back, reload and try again."
    )
