"""Opening an account to passwords again, over HTTP; its code is typed on the page that all codes share."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from authsvc.login.routes import FlowPages, Text
from authsvc.login.unlock.service import Unlock
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(shown: FlowPages, unlock: Unlock, csrf: Csrf) -> APIRouter:
    """Return the route that mails the code."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.post("/unlock")
    def begin(request: Request, flow: Text, email: Text) -> Response:
        return shown.answer(
            request,
            flow,
            lambda opened: unlock.begin(opened, email=email, origin=origin_of(request)),
            email=email[:320],
        )

    return router
