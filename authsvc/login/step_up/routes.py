"""Step-up over HTTP: a code by mail or of another factor, a face capture by the app."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authsvc.core.errors import Conflict, Gone, NotAllowed, NotFound
from authsvc.core.segno_qr import qr_picture
from authsvc.factors.face.service import TicketPurpose
from authsvc.login.routes import FlowPages, Text, visitor_of
from authsvc.login.step_up.service import StepUp, may_capture
from authsvc.login.steps import page_of
from authsvc.login.store import Flow
from authsvc.web.csrf import Csrf
from authsvc.web.middleware import PERMISSIONS_WITH_CAMERA
from authsvc.web.origin import origin_of


def build_router(shown: FlowPages, step_up: StepUp, csrf: Csrf) -> APIRouter:
    """Return the routes of the step-up pages."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.post("/step-up/email")
    def email(request: Request, flow: Text) -> Response:
        return shown.answer(request, flow, lambda opened: step_up.send_code(opened, origin=origin_of(request)))

    @router.post("/step-up/typed")
    def typed(request: Request, flow: Text, kind: Text) -> Response:
        return shown.answer(request, flow, lambda opened: step_up.choose(opened, kind=kind))

    @router.post("/step-up/face")
    def face(request: Request, flow: Text) -> Response:
        try:
            opened = shown.open(request, flow)
            return show_face_ticket(
                shown, step_up, request, opened, purpose="verify", back=page_of(flow), again="/login/step-up/face"
            )
        except (Gone, NotAllowed, NotFound, Conflict) as problem:
            return shown.lost(request, problem)

    @router.get("/face/status")
    def face_status(request: Request, flow: str = "", ticket: str = "") -> JSONResponse:
        progress = step_up.face_status(shown.open(request, flow), ticket)
        return JSONResponse({"status": progress.status, "reason": progress.reason, "counts": progress.counts})

    @router.post("/step-up/face/finish")
    def finish_face(request: Request, flow: Text) -> Response:
        return shown.answer(
            request, flow, lambda opened: step_up.finish_face(opened, visitor=visitor_of(request, opened))
        )

    return router


def show_face_ticket(
    shown: FlowPages, step_up: StepUp, request: Request, flow: Flow, *, purpose: TicketPurpose, back: str, again: str
) -> Response:
    """Issue a ticket and show it: to this response only, what is stored is a hash.

    Args:
        back: where another way is. again: the form that asks for a new ticket.
    """
    if not may_capture(flow, purpose):
        raise NotAllowed("login.first_factor_missing", "A face capture needs a sign-in that has begun.")
    ticket = step_up.face_ticket(flow, purpose=purpose, visitor=visitor_of(request, flow))
    return shown.pages.render(
        request,
        "login/face.html",
        form_action=(flow.redirect_origin,) if flow.redirect_origin else (),
        flow=flow.id,
        client_name=flow.client_name,
        leads_on=flow.kind != "face",
        headers={"permissions-policy": PERMISSIONS_WITH_CAMERA},
        error=None,
        ticket=ticket,
        qr=qr_picture(ticket.text),
        server=step_up.issuer,
        purpose=purpose,
        back=back,
        again=again,
        **shown.dress(flow),
    )
