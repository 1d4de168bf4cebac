"""The page of sign-ins and devices over HTTP."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, signed_out
from authsvc.login.account.sessions.service import OwnSessions
from authsvc.login.routes import Text
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(own_pages: AccountPages, own: OwnSessions, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/sessions and /account/devices."""
    router = APIRouter(prefix="/account", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def ended(request: Request, at_hand: bool) -> Response:
        return signed_out(own_pages, request) if at_hand else RedirectResponse(Place.SESSIONS, status_code=303)

    @router.get("/sessions")
    def page(request: Request) -> Response:
        return own_pages.answer(
            request, Place.SESSIONS, lambda secret: own_pages.show(request, "sessions", here=own.show(secret))
        )

    @router.post("/sessions/end")
    def end(request: Request, session: Text) -> Response:
        origin = origin_of(request)
        return own_pages.answer(
            request, Place.SESSIONS, lambda secret: ended(request, own.end(secret, session, origin=origin))
        )

    @router.post("/sessions/end-others")
    def end_others(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            own.end_others(secret, origin=origin_of(request))
            return ended(request, at_hand=False)

        return own_pages.answer(request, Place.SESSIONS, work)

    @router.post("/devices/forget")
    def forget(request: Request, device: Text) -> Response:
        origin = origin_of(request)
        return own_pages.answer(
            request, Place.SESSIONS, lambda secret: ended(request, own.forget(secret, device, origin=origin))
        )

    return router
