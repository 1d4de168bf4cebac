"""What happens around every endpoint; pure ASGI, so that nothing is buffered and no task is added.

Outermost first, as edge.py stacks them: SecurityHeaders, RequestLog, CanonicalHost, BodyLimit (and web/browser.py).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authsvc.core.errors import TooLarge
from authsvc.web.origin import OriginReader
from authsvc.web.paths import CACHEABLE_PATHS, HEALTH_PATHS, UNCACHED_PATHS, covers
from authsvc.web.problems import CLOSED_BY_CLIENT, TOO_LARGE, WRONG_HOST, Problem

log = structlog.get_logger("authsvc.request")

Answer = Callable[[Request, Problem], Response]

DEFAULT_BODY_BYTES = 64 * 1024
HSTS = "max-age=31536000; includeSubDomains"  # a year, the least that browsers' own lists take
PLAIN_POLICY = "default-src 'none'; frame-ancestors 'none'"

# Passkeys are ours, and the camera on the page of a capture; nothing else of the device is wanted by any page.
_PERMISSIONS = ", ".join(
    (
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
        *(f"{feature}=()" for feature in (
            "accelerometer", "autoplay", "browsing-topics", "display-capture", "fullscreen",
            "geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment",
            "serial", "usb", "xr-spatial-tracking",
        )),
    )
)  # fmt: skip
PERMISSIONS = f"{_PERMISSIONS}, camera=()"
PERMISSIONS_WITH_CAMERA = f"{_PERMISSIONS}, camera=(self)"


class SecurityHeaders:
    """Puts the headers on every response that keep a browser from doing more with it than it was made for."""

    def __init__(self, app: ASGIApp, *, issuer: str) -> None:
        self.app = app
        self._fixed = {
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }
        if issuer.startswith("https://"):
            self._fixed["strict-transport-security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        uncached = covers(UNCACHED_PATHS, path) and not covers(CACHEABLE_PATHS, path)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers[name] = value
                headers.setdefault("content-security-policy", PLAIN_POLICY)
                headers.setdefault("permissions-policy", PERMISSIONS)
                if uncached or "cache-control" not in headers:
                    headers["cache-control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_with_headers)


class RequestLog:
    """Gives each request its origin and id, one line in the log, and a fixed answer when something unknown is raised.

    The line has method, route template (the path where none matched), status, milliseconds and bytes sent, and the
    code of the problem, if any. Never a query string, a body, a cookie or an address.
    """

    def __init__(self, app: ASGIApp, *, origin_reader: OriginReader, failed: Callable[[Request], Response]) -> None:
        self.app = app
        self._origin_reader = origin_reader
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = self._origin_reader.read(scope)
        scope.setdefault("state", {})["origin"] = origin
        seen = _Seen()

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = origin.request_id
            elif message["type"] == "http.response.body":
                seen.sent_bytes += len(message.get("body", b""))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=origin.request_id):
            try:
                await self.app(scope, receive, send_and_count)
            except ClientDisconnect:
                seen.status = CLOSED_BY_CLIENT
            except Exception:
                log.exception("request.failed", method=scope["method"], route=route_of(scope))
                if seen.status:
                    raise  # half an answer is out: the server cuts the connection, so that nobody takes it for whole
                await self._failed(Request(scope, receive))(scope, receive, send_and_count)
            finally:
                _write_line(scope, seen)


class _Seen:
    def __init__(self) -> None:
        self.status = 0
        self.sent_bytes = 0
        self._started = time.perf_counter()

    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 1)


def _write_line(scope: Scope, seen: _Seen) -> None:
    facts: dict[str, Any] = {
        "method": scope["method"],
        "route": route_of(scope),
        "status": seen.status,
        "ms": seen.elapsed_ms(),
        "bytes": seen.sent_bytes,
    }
    if problem := scope["state"].get("problem"):
        facts["problem"] = problem
    write = log.debug if covers(HEALTH_PATHS, scope["path"]) else log.info
    write("request", **facts)


def route_of(scope: Scope) -> str:
    """Return the template of the route that took the request, `/not-me/{token}`; its path where none did."""
    effective = scope.get("fastapi", {}).get("effective_route_context")  # has the prefix of an included router
    for route in (effective, scope.get("route")):
        template = getattr(route, "path_format", None)
        if isinstance(template, str):
            return template
    path: str = scope["path"]
    return path[:200]


class CanonicalHost:
    """Answers for the issuer's host only; what is asked under another name gets 421, except for health checks.

    On localhost, 127.0.0.1 and [::1] redirect to it: an IP address can't be a WebAuthn relying party id.
    """

    def __init__(self, app: ASGIApp, *, issuer: str, answer: Answer) -> None:
        self.app = app
        self._issuer = issuer
        self._answer = answer
        parts = urlsplit(issuer)
        default_port = 443 if parts.scheme == "https" else 80
        port = parts.port or default_port
        name = parts.hostname or ""
        self._hosts = _spellings(name, port, default_port)
        loopback = name == "localhost"
        self._aliases = (
            _spellings("127.0.0.1", port, default_port) | _spellings("[::1]", port, default_port)
            if loopback
            else frozenset()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or covers(HEALTH_PATHS, scope["path"]):
            await self.app(scope, receive, send)
            return
        hosts = [host.strip().lower() for host in Headers(scope=scope).getlist("host")]
        host = hosts[0] if len(hosts) == 1 else ""
        if host in self._hosts:
            await self.app(scope, receive, send)
        elif host in self._aliases:
            await RedirectResponse(self._issuer + _target(scope), status_code=307)(scope, receive, send)
        else:
            await self._answer(Request(scope, receive), WRONG_HOST)(scope, receive, send)


def _spellings(name: str, port: int, default_port: int) -> frozenset[str]:
    return frozenset({f"{name}:{port}", name} if port == default_port else {f"{name}:{port}"})


def _target(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (path + (b"?" + query if query else b"")).decode("latin-1")


class BodyLimit:
    """Refuses a body that is too large with 413: at once where Content-Length says so, else when the bound is passed.

    The bytes are counted as they come, whatever Content-Length claimed, and the connection is closed, so that nobody
    has to swallow the rest.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer: Answer,
        default: int = DEFAULT_BODY_BYTES,
        by_prefix: Mapping[str, int] | None = None,
    ) -> None:
        """Args: bounds in bytes; the longest prefix that covers the path decides."""
        self.app = app
        self._answer = answer
        self._default = default
        self._by_prefix = sorted((by_prefix or {}).items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bound = self._bound(scope["path"])
        if _declared_length(scope) > bound:
            await self._refuse(scope, receive, send)
            return
        received = 0
        passed = started = False

        async def receive_counted() -> Message:
            nonlocal received, passed
            if passed:
                raise _too_large()
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > bound:
                    passed = True
                    raise _too_large()
            return message

        async def send_unless_passed(message: Message) -> None:
            nonlocal started
            # Whatever the endpoint makes of a body cut off half-way, the answer is 413.
            if passed and not started:
                return
            started = True
            await send(message)

        try:
            await self.app(scope, receive_counted, send_unless_passed)
        except Exception:
            if not passed or started:
                raise
        if passed and not started:
            await self._refuse(scope, receive, send)

    def _bound(self, path: str) -> int:
        return next((bound for prefix, bound in self._by_prefix if covers((prefix,), path)), self._default)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._answer(Request(scope, receive), TOO_LARGE)
        response.headers["connection"] = "close"
        await response(scope, receive, send)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared[:20]) if declared.isascii() and declared.isdigit() else 0


def _too_large() -> TooLarge:
    return TooLarge(TOO_LARGE.code, TOO_LARGE.detail)
