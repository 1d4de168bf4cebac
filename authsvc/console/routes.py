"""The console's pages over HTTP. Reading is all there is so far; sign-in and sign-out are the login room's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.console import words
from authsvc.console.filters import DECISIONS, DEFAULT_WINDOW, OWN_PAGES, WINDOWS, Filter, parse_place
from authsvc.console.service import Console, DecisionList, NoPermission, OpenedDecision
from authsvc.core.errors import BadInput, NotSignedIn
from authsvc.risk.signals import CODES
from authsvc.web import cookies
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

SIGN_IN = "/console/sign-in"
Text = Annotated[str, Query(max_length=1000)]


def build_router(console: Console, pages: Pages) -> APIRouter:
    """Return the routes of /console."""
    router = APIRouter(prefix="/console", include_in_schema=False)

    def page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
        return pages.render(request, f"console/{name}.html", status=status, words=words, **context)

    def show_list(request: Request, found: DecisionList | NoPermission, error: str | None = None) -> Response:
        if isinstance(found, NoPermission):
            return page(request, "no_permission", status=403, member=found.member)
        return page(
            request,
            "decisions",
            status=400 if error else 200,
            member=found.member,
            found=found,
            error=error,
            windows=tuple(WINDOWS),
            decisions=DECISIONS,
            reasons=sorted(CODES | {found.asked.reason} - {""}),
            own_pages=OWN_PAGES,
        )

    @router.get("")
    def decisions(
        request: Request,
        window: Text = DEFAULT_WINDOW,
        decision: Text = "",
        reason: Text = "",
        client: Text = "",
        account: Text = "",
        before: Text = "",
    ) -> Response:
        secret, origin = cookies.read(request, cookies.CONSOLE), origin_of(request)
        asked, error = Filter(), None
        try:
            try:
                asked = Filter(window, decision, reason.strip(), client, account.strip())
                return show_list(request, console.decisions(secret, asked, parse_place(before), origin=origin))
            except BadInput as problem:
                # What can't be asked for is answered with the list itself, so that the analyst can correct it.
                request.scope["state"]["problem"] = problem.code
                error = problem.detail
                return show_list(request, console.decisions(secret, Filter(), None, origin=origin), error)
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)

    @router.get("/decisions/{decision_id}")
    def decision(request: Request, decision_id: str) -> Response:
        try:
            opened: OpenedDecision | NoPermission = console.open_decision(
                cookies.read(request, cookies.CONSOLE), decision_id[:64], origin=origin_of(request)
            )
        except NotSignedIn:
            return RedirectResponse(SIGN_IN, status_code=303)
        if isinstance(opened, NoPermission):
            return page(request, "no_permission", status=403, member=opened.member)
        stored = opened.decision
        return page(
            request,
            "decision",
            member=opened.member,
            opened=opened,
            decision=stored,
            reasons=words.reasons_of(stored.contributions, prior=words.prior_of(stored.log_odds, stored.contributions)),
            inputs=None if opened.inputs is None else words.input_lines(opened.inputs),
        )

    return router
