"""The journey's pages: which one a flow shows, and how a step is answered.

A page that posts gets back either a redirect to the flow's next page, or itself with a sentence (`Stay`). What a
service refuses as bad input becomes such a sentence too; the code stays in the request's log line and evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from authsvc.accounts.devices.service import COOKIE_DAYS
from authsvc.core.errors import AuthsvcError, BadInput, Conflict, Gone, NotAllowed, TooMany
from authsvc.login.service import Flows
from authsvc.login.state_pages import Page, Seen, StatePages, arrival_of, create_page
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import State
from authsvc.login.unlock.service import Unlock
from authsvc.login.visitor import Visitor
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

# A bounded text, so that pydantic looks at its characters: an unbounded one may hold half a surrogate pair, which no
# database takes (a multipart field in UTF-7 makes one).
MAX_TEXT = 8192
Text = Annotated[str, Form(max_length=MAX_TEXT)]


@dataclass(frozen=True)
class FlowPages:
    """Shows flows and answers their steps."""

    pages: Pages
    flows: Flows
    states: StatePages
    session_days: int
    staff_hours: int

    def open(self, request: Request, flow_id: str) -> Flow:
        return self.flows.open(flow_id, browser=browser_of(request), origin=origin_of(request))

    def answer(
        self,
        request: Request,
        flow_id: str,
        work: Callable[[Flow], Go | Stay],
        show: Callable[..., Response] | None = None,
        **typed: str,
    ) -> Response:
        """Run one step and answer a form post. Args: typed is what the page shows again when it stays."""
        try:
            flow = self.open(request, flow_id)
            outcome = work(flow)
        except Conflict as problem:
            if problem.code != "flow.out_of_step":
                return self._stay(request, flow_id, Stay(problem.detail, 409), problem.code, show, typed)
            return RedirectResponse(page_of(flow_id), status_code=303)  # a double click or an old tab: show where it is
        except (BadInput, TooMany) as problem:
            status = 429 if isinstance(problem, TooMany) else 400
            stay = Stay(problem.detail, status, retry_after_s=getattr(problem, "retry_after_s", None))
            return self._stay(request, flow_id, stay, problem.code, show, typed)
        except (Gone, NotAllowed) as problem:
            return self.lost(request, problem)
        if isinstance(outcome, Stay):
            return self._stay(request, flow_id, outcome, None, show, typed)
        response = RedirectResponse(outcome.to, status_code=303)
        self.keep(response, outcome)
        return response

    def answer_json(self, request: Request, flow_id: str, work: Callable[[Flow], Go | Stay]) -> Response:
        """Run one step and answer a script: where to go next, or a problem document."""
        outcome = work(self.open(request, flow_id))
        if isinstance(outcome, Stay):
            if outcome.code is not None:
                refusal = BadInput if outcome.status == 400 else NotAllowed
                raise refusal(outcome.code, outcome.error, members=outcome.members)
            raise BadInput("passkey.refused", outcome.error)
        response = JSONResponse({"next": outcome.to})
        self.keep(response, outcome)
        return response

    def show(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page of the flow's state. Args: typed is what the person had filled in."""
        locked, device = stay is not None and stay.locked, cookies.read(request, cookies.DEVICE)
        page = self.states.page_of(flow, Seen(typed or {}, locked, device))
        return (
            RedirectResponse(page, status_code=303) if isinstance(page, str) else self._show(request, flow, page, stay)
        )

    def show_create(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page that asks a newcomer for name and address."""
        return self._show(request, flow, create_page(flow, typed or {}), stay)

    def _show(self, request: Request, flow: Flow, page: Page, stay: Stay | None) -> Response:
        return self.pages.render(
            request,
            f"login/{page.name}.html",
            status=stay.status if stay else 200,
            form_action=(flow.redirect_origin,) if flow.redirect_origin else (),
            flow=flow.id,
            client_name=flow.client_name,
            error=stay.error if stay else None,
            leads_back=flow.kind in ("client", "face"),  # our own pages would only ask for a sign-in again
            team=flow.client_name if flow.kind == "client" else self.states.step_up.service_name,
            **self.dress(flow),
            **page.shows,
        )

    def dress(self, flow: Flow) -> dict[str, Any]:
        """Return what a page of this flow shows of the client that began it."""
        brand = self.flows.brand_of(flow)
        if brand is None:
            return {}
        support = brand.letterhead.support
        return {"brand": brand} | ({"support_contact": support} if support else {})

    def lost(self, request: Request, problem: AuthsvcError) -> Response:
        """Return the plain page for a flow that is over, or belongs to another browser."""
        name = {"flow.expired": "expired", "flow.foreign_browser": "foreign_browser"}.get(problem.code)
        if name is None:
            raise problem
        request.scope["state"]["problem"] = problem.code
        context: dict[str, Any] = {"flow": "", "client_name": "", "error": None}
        return self.pages.render(request, f"login/{name}.html", status=410 if name == "expired" else 403, **context)

    def keep(self, response: Response, outcome: Go) -> None:
        """Give the browser what a completed step earned it."""
        if outcome.session_secret:
            cookies.put(response, cookies.SESSION, outcome.session_secret, max_age_s=self.session_days * 86_400)
        if outcome.staff_secret:
            cookies.put(response, cookies.CONSOLE, outcome.staff_secret, max_age_s=self.staff_hours * 3600)
        if outcome.device_cookie:
            cookies.put(response, cookies.DEVICE, outcome.device_cookie, max_age_s=COOKIE_DAYS * 86_400)

    def _stay(
        self,
        request: Request,
        flow_id: str,
        stay: Stay,
        code: str | None,
        show: Callable[..., Response] | None,
        typed: dict[str, str],
    ) -> Response:
        if code:
            request.scope["state"]["problem"] = code
        flow = self.open(request, flow_id)  # a step that stays may have moved on in another tab
        response = (show or self.show)(request, flow, stay, typed=typed)
        if stay.retry_after_s:
            response.headers["retry-after"] = str(stay.retry_after_s)
        return response


def visitor_of(request: Request, flow: Flow) -> Visitor:
    """Return what the browser sent along."""
    name = cookies.CONSOLE if flow.kind == "console" else cookies.SESSION
    return Visitor(origin_of(request), cookies.read(request, cookies.DEVICE), cookies.read(request, name))


def build_router(shown: FlowPages, unlock: Unlock, csrf: Csrf) -> APIRouter:
    """Return the routes that every flow shares: its page, codes, turning back."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)
    flows, sign_up, step_up = shown.flows, shown.states.sign_up, shown.states.step_up

    @router.get("")
    def page(request: Request, flow: str = "") -> Response:
        try:
            return shown.show(request, shown.open(request, flow))
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)

    @router.post("/code")
    def code(request: Request, flow: Text, code: Text) -> Response:
        def work(opened: Flow) -> Go | Stay:
            match opened.state:
                case State.STEP_UP_CODE:
                    return step_up.check_code(opened, typed=code, visitor=visitor_of(request, opened))
                case State.UNLOCK:
                    return unlock.check_code(opened, typed=code, origin=origin_of(request))
                case _:
                    return sign_up.check_code(opened, typed=code, origin=origin_of(request))

        return shown.answer(request, flow, work)

    @router.post("/code/resend")
    def resend(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            match opened.state:
                case State.PROVE_ADDRESS:
                    return sign_up.resend(opened, origin=origin_of(request))
                case State.UNLOCK:
                    return unlock.resend(opened, origin=origin_of(request))
                case _:
                    return step_up.send_code(opened, origin=origin_of(request))

        return shown.answer(request, flow, work)

    @router.post("/back")
    def back(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            return Go(page_of(flows.back(opened).id))

        return shown.answer(request, flow, work)

    @router.post("/cancel")
    def cancel(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            unmet = opened.state is State.STEP_UP and not step_up.ladder(opened).rungs
            return Go(arrival_of(flows.cancel(opened, unmet=unmet, origin=origin_of(request))))

        return shown.answer(request, flow, work)

    return router
