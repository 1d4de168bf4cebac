"""The "this wasn't me" page: looking changes nothing, a button acts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from authsvc.login.alerts.concern import concerns_password
from authsvc.login.alerts.service import NotMe, sentence
from authsvc.login.routes import Text
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages


def build_router(pages: Pages, not_me: NotMe, csrf: Csrf) -> APIRouter:
    """Return the routes of /not-me."""
    router = APIRouter(prefix="/not-me", dependencies=[Depends(csrf.require)], include_in_schema=False)
    blank: dict[str, Any] = {"flow": "", "client_name": "", "error": None}

    @router.get("")
    def look(request: Request, token: Annotated[str, Query(max_length=128)] = "") -> Response:
        alert = not_me.find(token, origin=origin_of(request))
        return pages.render(
            request,
            "login/alert.html",
            what=sentence(alert),
            when=f"{alert.created_at:%d %B %Y, %H:%M} UTC",
            token=token,
            asks_password=concerns_password(alert.kind),
            **blank,
        )

    @router.post("")
    def act(request: Request, token: Text) -> Response:
        alert = not_me.protect(token, origin=origin_of(request))
        asks_password = concerns_password(alert.kind)
        return pages.render(request, "login/alert_done.html", asks_password=asks_password, **blank)

    return router
