"""The account page over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.accounts.consents.service import Purpose
from authsvc.core.errors import NotAllowed, NotSignedIn
from authsvc.login.account.service import OwnAccount
from authsvc.login.routes import FlowPages
from authsvc.login.step_up.routes import show_face_ticket
from authsvc.login.step_up.service import StepUp
from authsvc.login.steps import page_of
from authsvc.login.transitions import State
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of

FACE_READY = "Thank you. You can enrol your face now."


def build_router(shown: FlowPages, own: OwnAccount, step_up: StepUp, csrf: Csrf) -> APIRouter:
    """Return the routes of /account."""
    router = APIRouter(prefix="/account", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show(request: Request, *, error: str | None = None, notice: str | None = None, status: int = 200) -> Response:
        overview = own.overview(cookies.read(request, cookies.SESSION))
        return shown.pages.render(
            request,
            "account/home.html",
            status=status,
            error=error,
            notice=notice,
            display_name=overview.account.display_name,
            email=overview.email,
            level=overview.level,
            factors=overview.factors,
            consents=overview.consents,
            face_enrolled=overview.face_enrolled,
            face_enabled=step_up.face.enabled,
        )

    @router.get("")
    def page(request: Request, face: Annotated[str, Query(max_length=16)] = "") -> Response:
        try:
            return show(request, notice=FACE_READY if face == "ready" else None)
        except NotSignedIn:
            flow = own.begin_sign_in(browser=browser_of(request), origin=origin_of(request))
            return RedirectResponse(page_of(flow.id), status_code=303)

    @router.post("/consents")
    def consents(
        request: Request, purpose: Annotated[Purpose, Form()], action: Annotated[Literal["give", "withdraw"], Form()]
    ) -> Response:
        own.change_consent(
            cookies.read(request, cookies.SESSION), purpose, give=action == "give", origin=origin_of(request)
        )
        return RedirectResponse("/account", status_code=303)

    @router.post("/face")
    def face(request: Request) -> Response:
        flow = own.begin_face_enrolment(
            cookies.read(request, cookies.SESSION), browser=browser_of(request), origin=origin_of(request)
        )
        if flow.state is not State.READY:
            return RedirectResponse(page_of(flow.id), status_code=303)
        try:
            return show_face_ticket(shown, step_up, request, flow, purpose="enrol", back="/account")
        except NotAllowed as problem:
            if problem.code != "face.no_consent":
                raise
            request.scope["state"]["problem"] = problem.code
            return show(request, error="Please allow \u201cRecognise my face\u201d first.", status=403)

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        own.sign_out(cookies.read(request, cookies.SESSION), origin=origin_of(request))
        response = shown.pages.render(request, "oidc/signed_out.html", client_name="")
        cookies.drop(response, cookies.SESSION)
        return response

    return router
