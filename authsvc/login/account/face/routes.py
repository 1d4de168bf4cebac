"""The page of one's face over HTTP: enrol it, add and remove devices. Only this browser's own camera takes a script."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authsvc.core.errors import AuthsvcError, Conflict, NotAllowed
from authsvc.factors.face.devices.service import Kind
from authsvc.login.account.face.service import OwnFace
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, note
from authsvc.login.routes import Text
from authsvc.login.step_up.routes import show_face_ticket
from authsvc.login.step_up.service import StepUp
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of

ALLOW_FIRST = "Please allow \u201cRecognise my face\u201d first."


def build_router(own_pages: AccountPages, own: OwnFace, step_up: StepUp, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/face."""
    router = APIRouter(prefix="/account/face", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        return own_pages.show(request, "face", face=own.show(secret), error=error, status=status)

    def or_explain(request: Request, secret: str | None, work: Callable[[], Response]) -> Response:
        """Show the page again where consent is missing, or a device can't be added."""
        try:
            return work()
        except (NotAllowed, Conflict) as problem:
            if not problem.code.startswith("face."):
                raise
            note(request, problem)
            return show(request, secret, _sentence(problem), 409 if isinstance(problem, Conflict) else 403)

    @router.get("")
    def page(request: Request) -> Response:
        return own_pages.answer(request, Place.FACE, lambda secret: show(request, secret))

    @router.post("")
    def enrol(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            flow = own.begin_enrolment(secret, browser=browser_of(request), origin=origin_of(request))
            return or_explain(
                request,
                secret,
                lambda: show_face_ticket(
                    own_pages.shown, step_up, request, flow, purpose="enrol", back=Place.FACE, again=Place.FACE
                ),
            )

        return own_pages.answer(request, Place.FACE, work)

    @router.post("/devices")
    def add(request: Request, kind: Annotated[Kind, Form()] = "app") -> Response:
        def work(secret: str | None) -> Response:
            def shown() -> Response:
                cookie = cookies.read(request, cookies.DEVICE)
                ticket = own.begin_device(secret, kind=kind, device_cookie=cookie, origin=origin_of(request))
                return own_pages.show(request, "add_device", ticket=ticket, server=own.server)

            return or_explain(request, secret, shown)

        return own_pages.answer(request, Place.FACE, work)

    @router.get("/devices/status")
    def status(request: Request) -> JSONResponse:
        return JSONResponse({"status": own.device_status(cookies.read(request, cookies.SESSION))})

    @router.get("/devices/remove")
    def look(request: Request, device: Annotated[str, Query(alias="id", max_length=64)] = "") -> Response:
        return own_pages.answer(
            request,
            Place.REMOVE_DEVICE,
            lambda secret: own_pages.show(request, "remove_device", device=own.open_device(secret, device)),
            row=device,
        )

    @router.post("/devices/remove")
    def remove(request: Request, device: Text) -> Response:
        def work(secret: str | None) -> Response:
            own.remove_device(secret, device, origin=origin_of(request))
            return own_pages.go(Place.FACE)

        return own_pages.answer(request, Place.REMOVE_DEVICE, work, row=device)

    return router


def _sentence(problem: AuthsvcError) -> str:
    return ALLOW_FIRST if problem.code == "face.no_consent" else problem.detail
