"""Labels over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.console import words
from authsvc.console.labels.service import Labels
from authsvc.console.routes import SIGN_IN
from authsvc.core.errors import NotSignedIn
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

Text = Annotated[str, Form(max_length=100)]


def build_router(labels: Labels, pages: Pages, csrf: Csrf) -> APIRouter:
    """Return the routes of /console/labels."""
    router = APIRouter(prefix="/console/labels", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.post("")
    def say(request: Request, decision: Text, label: Text) -> Response:
        secret = cookies.read(request, cookies.CONSOLE)
        try:
            refused = labels.say(secret, decision, label, origin=origin_of(request))
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)
        if refused:
            return pages.render(request, "console/no_permission.html", status=403, words=words, member=refused.member)
        return RedirectResponse(f"/console/decisions/{decision}", status_code=303)

    return router
