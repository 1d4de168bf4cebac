"""Invitations and the console's sign-in over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.login.routes import Text
from authsvc.login.staff.service import Staff
from authsvc.login.steps import page_of
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages


def build_router(pages: Pages, staff: Staff, csrf: Csrf) -> APIRouter:
    """Return the routes of /enrol and the console's sign-in and sign-out."""
    router = APIRouter(dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("/enrol")
    def look(request: Request, token: Annotated[str, Query(max_length=128)] = "") -> Response:
        role = staff.look(token, origin=origin_of(request))
        return pages.render(
            request, "login/invitation.html", role=role, token=token, flow="", client_name="", error=None
        )

    @router.post("/enrol")
    def accept(request: Request, token: Text) -> Response:
        flow = staff.accept(token, browser=browser_of(request), origin=origin_of(request))
        return RedirectResponse(page_of(flow.id), status_code=303)

    @router.get("/console/sign-in")
    def sign_in(request: Request) -> Response:
        flow = staff.begin_sign_in(browser=browser_of(request), origin=origin_of(request))
        return RedirectResponse(page_of(flow.id), status_code=303)

    @router.post("/console/sign-out")
    def sign_out(request: Request) -> Response:
        staff.sign_out(cookies.read(request, cookies.CONSOLE), origin=origin_of(request))
        response = RedirectResponse("/console/sign-in", status_code=303)
        cookies.drop(response, cookies.CONSOLE)
        return response

    return router
