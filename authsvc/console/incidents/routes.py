"""The incidents over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.console import words
from authsvc.console.incidents import chart
from authsvc.console.incidents.service import Incidents
from authsvc.console.routes import SIGN_IN
from authsvc.console.service import NoPermission
from authsvc.core.errors import NotSignedIn
from authsvc.web import cookies
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages


def build_router(incidents: Incidents, pages: Pages) -> APIRouter:
    """Return the routes of /console/incidents."""
    router = APIRouter(prefix="/console/incidents", include_in_schema=False)

    @router.get("")
    def listed(request: Request) -> Response:
        try:
            found = incidents.list(cookies.read(request, cookies.CONSOLE), origin=origin_of(request))
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)
        if isinstance(found, NoPermission):
            return pages.render(request, "console/no_permission.html", status=403, words=words, member=found.member)
        return pages.render(
            request,
            "console/incidents.html",
            words=words,
            member=found.member,
            found=found,
            width=chart.WIDTH,
            height=chart.HEIGHT,
        )

    return router
