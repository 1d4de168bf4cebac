"""The policy over HTTP."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.console import words
from authsvc.console.policy.service import SHADOW_DAYS, PolicyDesk
from authsvc.console.routes import SIGN_IN
from authsvc.console.service import NoPermission
from authsvc.core.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn
from authsvc.core.origin import Origin
from authsvc.risk.signals.groups import GROUPS
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

PATH = "/console/policy"
STATUS = {BadInput: 400, NotAllowed: 403, NotFound: 404, Conflict: 409}
NOTHING_TYPED: Final[Mapping[str, str]] = {"source": "", "note": "", "role": "shadow"}
Text = Annotated[str, Form(max_length=1000)]
Source = Annotated[str, Form(max_length=100_000)]

Act = Callable[[str | None, Origin], NoPermission | None]


def build_router(desk: PolicyDesk, pages: Pages, csrf: Csrf) -> APIRouter:
    """Return the routes of /console/policy."""
    router = APIRouter(prefix=PATH, dependencies=[Depends(csrf.require)], include_in_schema=False)

    def refused(request: Request, outcome: NoPermission) -> Response:
        return pages.render(request, "console/no_permission.html", status=403, words=words, member=outcome.member)

    def show(
        request: Request, *, status: int = 200, error: str | None = None, typed: Mapping[str, str] = NOTHING_TYPED
    ) -> Response:
        found = desk.look(cookies.read(request, cookies.CONSOLE), origin=origin_of(request))
        if isinstance(found, NoPermission):
            return refused(request, found)
        return pages.render(
            request,
            "console/policy.html",
            status=status,
            words=words,
            member=found.member,
            found=found,
            groups=GROUPS,
            error=error,
            typed=typed,
            days=SHADOW_DAYS,
        )

    def act(request: Request, do: Act, *, typed: Mapping[str, str] = NOTHING_TYPED) -> Response:
        try:
            outcome = do(cookies.read(request, cookies.CONSOLE), origin_of(request))
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)
        except (BadInput, NotAllowed, NotFound, Conflict) as problem:
            request.scope["state"]["problem"] = problem.code
            return show(request, status=STATUS[type(problem)], error=problem.detail, typed=typed)
        return refused(request, outcome) if outcome else RedirectResponse(PATH, status_code=303)

    @router.get("")
    def page(request: Request) -> Response:
        try:
            return show(request)
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)

    @router.post("/propose")
    def propose(request: Request, source: Source, note: Text, role: Text) -> Response:
        return act(
            request,
            lambda secret, origin: desk.propose(secret, source, note, role, origin=origin),
            typed={"source": source, "note": note, "role": role},
        )

    @router.post("/activate")
    def activate(request: Request, proposal: Text) -> Response:
        return act(request, lambda secret, origin: desk.activate(secret, proposal, origin=origin))

    @router.post("/withdraw")
    def withdraw(request: Request, proposal: Text) -> Response:
        return act(request, lambda secret, origin: desk.withdraw(secret, proposal, origin=origin))

    @router.post("/end-shadow")
    def end_shadow(request: Request) -> Response:
        return act(request, lambda secret, origin: desk.end_shadow(secret, origin=origin))

    return router
