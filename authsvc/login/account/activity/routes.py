"""Recent activity over HTTP: looking changes nothing, "this wasn't me" is a confirmed press."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from authsvc.login.account.activity.service import Activity
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages
from authsvc.login.routes import Text
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of

Id = Annotated[str, Query(max_length=64)]


def build_router(own_pages: AccountPages, activity: Activity, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/activity."""
    router = APIRouter(prefix="/account/activity", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("")
    def page(request: Request, before: Id = "") -> Response:
        return own_pages.answer(
            request,
            Place.ACTIVITY,
            lambda secret: own_pages.show(request, "activity", activity=activity.show(secret, before)),
        )

    @router.get("/not-me")
    def look(request: Request, event: Id = "") -> Response:
        return own_pages.answer(
            request,
            Place.ACTIVITY,
            lambda secret: own_pages.show(request, "not_me", line=activity.open(secret, event)),
        )

    @router.post("/not-me")
    def act(request: Request, event: Text) -> Response:
        def work(secret: str | None) -> Response:
            line = activity.disown(secret, event, origin=origin_of(request))
            response = own_pages.show(request, "not_me_done", asks_password=line.asks_password)
            cookies.drop(response, cookies.SESSION)
            return response

        return own_pages.answer(request, Place.ACTIVITY, work)

    return router
