"""The pages of a recovery over HTTP. Everything hangs on a flow of the kind `recovery` and on nobody's session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.accounts.addresses import hint
from authsvc.core.errors import Gone, NotAllowed
from authsvc.login.account.places import Place
from authsvc.login.recovery.journey.service import RecoveryJourney
from authsvc.login.recovery.rules import Standing
from authsvc.login.recovery.service import Recoveries
from authsvc.login.routes import FlowPages, Text, visitor_of
from authsvc.login.sign_in.routes import PasskeyStart, PasskeyStep
from authsvc.login.steps import Go, Stay, page_of, recovery_page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import State
from authsvc.web import cookies
from authsvc.web.admission import admitted
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


@dataclass(frozen=True)
class RecoveryPages:
    """Shows a recovery's page and answers its steps."""

    shown: FlowPages
    journey: RecoveryJourney

    def answer(self, request: Request, flow: str, work: Callable[[Flow], Go | Stay], **typed: str) -> Response:
        """Run one step of a form."""
        try:
            return self.shown.answer(request, flow, work, self.show, **typed)
        except NotAllowed as problem:
            return self.refused(request, flow, problem)

    def show(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page of the flow's state."""
        typed, error, status = typed or {}, stay.error if stay else None, stay.status if stay else 200
        common: dict[str, Any] = {"flow": flow.id, "client_name": flow.client_name, "error": error}
        common["leads_back"] = False
        common |= self.shown.dress(flow)

        def page(name: str, **context: Any) -> Response:
            return self.shown.pages.render(request, f"login/{name}.html", status=status, **common, **context)

        match flow.state:
            case State.RECOVERY_ADDRESS:
                return page("recovery_address", email=typed.get("email", flow.email or ""))
            case State.RECOVERY_CODE:
                return page("recovery_code", address_hint=hint(flow.email or ""))
            case State.RECOVERY:
                view = self.journey.view(flow, device_cookie=cookies.read(request, cookies.DEVICE))
                name = "recovery_new" if view.standing is Standing.OPEN else "recovery"
                prompt = self.journey.recovery_codes.prompt
                return page(name, view=view, standing=view.standing.value, prompt=prompt)
            case _:
                return RedirectResponse(page_of(flow.id), status_code=303)

    def refused(self, request: Request, flow_id: str, problem: NotAllowed) -> Response:
        """Say on a page of its own why it goes no further: the flow can't be shown."""
        if not problem.code.startswith("recovery."):
            raise problem
        request.scope["state"]["problem"] = problem.code
        common: dict[str, Any] = {"flow": flow_id, "client_name": "", "error": None, "leads_back": False}
        return self.shown.pages.render(request, "login/recovery_refused.html", status=403, why=problem.detail, **common)


def build_router(shown: FlowPages, journey: RecoveryJourney, recoveries: Recoveries, csrf: Csrf) -> APIRouter:
    """Return the routes of /login/recovery."""
    router = APIRouter(prefix="/login/recovery", dependencies=[Depends(csrf.require)], include_in_schema=False)
    own = RecoveryPages(shown, journey)

    @router.get("")
    def page(
        request: Request, flow: str = "", came_from: Annotated[str, Query(alias="from", max_length=64)] = ""
    ) -> Response:
        if not flow:
            begun = journey.begin_flow(came_from, browser=browser_of(request), origin=origin_of(request))
            return RedirectResponse(recovery_page_of(begun.id), status_code=303)
        try:
            return own.show(request, shown.open(request, flow))
        except (Gone, NotAllowed) as problem:
            if isinstance(problem, NotAllowed) and problem.code.startswith("recovery."):
                return own.refused(request, flow, problem)
            return shown.lost(request, problem)

    @router.get("/done")
    def done(request: Request) -> Response:
        return shown.pages.render(request, "login/recovery_done.html", flow="", client_name="", error=None)

    @router.post("/address")
    def address(request: Request, flow: Text, email: Text) -> Response:
        return own.answer(
            request,
            flow,
            lambda opened: journey.begin(opened, email=email, visitor=visitor_of(request, opened)),
            email=email[:320],
        )

    @router.post("/code")
    def code(request: Request, flow: Text, code: Text) -> Response:
        return own.answer(
            request, flow, lambda opened: journey.check_code(opened, typed=code, visitor=visitor_of(request, opened))
        )

    @router.post("/resend")
    def resend(request: Request, flow: Text) -> Response:
        return own.answer(request, flow, lambda opened: journey.resend(opened, visitor=visitor_of(request, opened)))

    @router.post("/back")
    def back(request: Request, flow: Text) -> Response:
        return own.answer(request, flow, lambda opened: Go(recovery_page_of(shown.flows.back(opened).id)))

    @router.post("/recovery-code")
    def recovery_code(request: Request, flow: Text, recovery_code: Text) -> Response:
        return own.answer(
            request,
            flow,
            lambda opened: journey.with_recovery_code(opened, typed=recovery_code, origin=origin_of(request)),
        )

    @router.post("/wait")
    def wait(request: Request, flow: Text) -> Response:
        return own.answer(request, flow, lambda opened: journey.start(opened, visitor=visitor_of(request, opened)))

    @router.post("/password", dependencies=[Depends(admitted(journey.passwords.lane))])
    def password(request: Request, flow: Text, password: Text) -> Response:
        return own.answer(
            request, flow, lambda opened: journey.with_password(opened, password=password, origin=origin_of(request))
        )

    @router.post("/passkey/options")
    def options(request: Request, body: PasskeyStart) -> dict[str, Any]:
        opened = shown.open(request, body.flow)
        return {"publicKey": journey.passkey_options(opened, origin=origin_of(request))}

    @router.post("/passkey/verify")
    def verify(request: Request, body: PasskeyStep) -> Response:
        return shown.answer_json(
            request,
            body.flow,
            lambda opened: journey.with_passkey(opened, credential=body.credential, origin=origin_of(request)),
        )

    @router.post("/stop")
    def stop(request: Request) -> Response:
        recoveries.stop_in_session(cookies.read(request, cookies.SESSION), origin=origin_of(request))
        return RedirectResponse(Place.HOME, status_code=303)

    return router
