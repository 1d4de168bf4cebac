"""The cases over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.console import words
from authsvc.console.cases.service import Cases, what_happened
from authsvc.console.routes import SIGN_IN
from authsvc.console.service import NoPermission
from authsvc.core.errors import BadInput, NotSignedIn
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

Text = Annotated[str, Form(max_length=4000)]


def build_router(cases: Cases, pages: Pages, csrf: Csrf) -> APIRouter:
    """Return the routes of /console/cases."""
    router = APIRouter(prefix="/console/cases", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
        return pages.render(request, f"console/{name}.html", status=status, words=words, **context)

    def refused(request: Request, outcome: NoPermission) -> Response:
        return page(request, "no_permission", status=403, member=outcome.member)

    def show(request: Request, error: str | None = None) -> Response:
        found = cases.list(cookies.read(request, cookies.CONSOLE), origin=origin_of(request))
        if isinstance(found, NoPermission):
            return refused(request, found)
        status = 400 if error else 200
        return page(
            request, "cases", status=status, member=found.member, found=found, error=error, what_happened=what_happened
        )

    @router.get("")
    def listed(request: Request) -> Response:
        try:
            return show(request)
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)

    @router.post("/handle")
    def handle(request: Request, case: Text, note: Text) -> Response:
        try:
            outcome = cases.handle(cookies.read(request, cookies.CONSOLE), case, note, origin=origin_of(request))
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)
        except BadInput as problem:
            request.scope["state"]["problem"] = problem.code
            return show(request, problem.detail)
        return refused(request, outcome) if outcome else RedirectResponse("/console/cases", status_code=303)

    return router
