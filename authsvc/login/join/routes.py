"""`GET /login/join?token=…`: where the mail to an invited person leads."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.login.join.service import Join
from authsvc.login.steps import page_of
from authsvc.web.browser import browser_of
from authsvc.web.origin import origin_of


def build_router(join: Join) -> APIRouter:
    """Return the route of the mail's link. It changes nothing but that a flow is begun, as a shop's redirect does."""
    router = APIRouter(prefix="/login", include_in_schema=False)

    @router.get("/join")
    def begin(request: Request, token: Annotated[str, Query(max_length=100)] = "") -> Response:
        flow = join.begin(token, browser=browser_of(request), origin=origin_of(request))
        return RedirectResponse(page_of(flow.id), status_code=303)

    return router
