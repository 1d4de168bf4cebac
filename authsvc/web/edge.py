"""The edge, put together: app.py calls `install_edge` once, after which a route only has to be a route.

SecurityHeaders     on every answer, those of the middleware below too
  RequestLog        origin, request id, one log line; unknown exceptions end here
    RefusalEvidence where app.py gives one: sees the refusals of the middleware below, too
      CanonicalHost answers for the issuer's host only
        BodyLimit   before anything reads
          BrowserCookie
            exception handlers (web/problems.py), then the routes
"""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp

from authsvc.settings import Settings
from authsvc.web import problems
from authsvc.web.browser import BrowserCookie
from authsvc.web.csrf import Csrf
from authsvc.web.middleware import DEFAULT_BODY_BYTES, BodyLimit, CanonicalHost, RequestLog, SecurityHeaders
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages

CAPTURES = "/v1/face/captures/frames"


def install_edge(
    app: FastAPI,
    settings: Settings,
    csrf: Csrf,
    pages: Pages,
    origin_reader: OriginReader,
    *,
    evidence: Callable[[ASGIApp], ASGIApp] | None = None,
) -> None:
    """Add the middleware, the exception handlers and /static.

    Args:
        evidence: puts what keeps evidence of refusals around an app.

    Raises:
        ValueError: the pages carry tokens of another Csrf than the one that will check them.
    """
    if pages.csrf is not csrf:
        raise ValueError("pages and routes must share one Csrf")
    answers = problems.install(app, pages)
    captures = settings.face.max_frames * settings.face.max_frame_bytes + DEFAULT_BODY_BYTES
    # Each is put around those before it.
    app.add_middleware(BrowserCookie)
    app.add_middleware(BodyLimit, answer=answers.respond, by_prefix={CAPTURES: captures})
    app.add_middleware(CanonicalHost, issuer=settings.issuer, answer=answers.respond)
    if evidence is not None:
        app.add_middleware(evidence)
    app.add_middleware(RequestLog, origin_reader=origin_reader, failed=answers.failed)
    app.add_middleware(SecurityHeaders, issuer=settings.issuer)
    app.mount("/static", pages.static, name="static")
