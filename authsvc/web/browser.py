"""The browser secret: 256 random bits in `__Host-flow`, one per browser, to which sign-in flows are bound.

A request without one, or with a malformed one, is given a fresh one before its endpoint runs, so that the endpoint can
bind what it writes. The cookie lives for a day after the last page, long enough to fetch a code from one's mail in an
app that the phone closed meanwhile. Others store `core.ids.hash_secret(browser_of(request))`, never the secret.
"""

import re

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authsvc.core.ids import new_secret
from authsvc.web import cookies
from authsvc.web.paths import BROWSER_PATHS, covers

LIFETIME_S = 86_400

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what new_secret() makes


class BrowserCookie:
    """Makes sure that requests under BROWSER_PATHS have a browser secret."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not covers(BROWSER_PATHS, scope["path"]):
            await self.app(scope, receive, send)
            return
        found = cookies.read(HTTPConnection(scope), cookies.FLOW)
        known = found is not None and _SECRET.fullmatch(found) is not None
        browser = found if found is not None and known else new_secret()
        scope.setdefault("state", {})["browser"] = browser

        async def send_with_cookie(message: Message) -> None:
            # Not on a post: one that comes from a shop's page brings no cookies (SameSite), and a fresh secret would
            # lock that browser out of the flows it has open.
            if message["type"] == "http.response.start" and scope["method"] in ("GET", "HEAD"):
                header = cookies.set_cookie_header(cookies.FLOW, browser, max_age_s=LIFETIME_S)
                MutableHeaders(scope=message).append("set-cookie", header.decode("latin-1"))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def browser_of(request: HTTPConnection) -> str:
    """Return the request's browser secret.

    Raises:
        RuntimeError: the path is not one of BROWSER_PATHS, so the middleware made none.
    """
    browser: str | None = request.scope.get("state", {}).get("browser")
    if browser is None:
        raise RuntimeError(f"{request.scope['path']} is not under BROWSER_PATHS")
    return browser
