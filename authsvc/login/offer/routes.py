"""What is asked at the end of a sign-in, over HTTP: a page between it and the shop.

Whatever is not as it should be leads on to the shop, where the end of the sign-in decides.
"""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.core.errors import AuthsvcError, Gone, NotAllowed
from authsvc.login.account.routes import note
from authsvc.login.offer.rule import OfferState
from authsvc.login.offer.service import Offers
from authsvc.login.routes import FlowPages, Text
from authsvc.login.sign_in.routes import PasskeyStart, PasskeyStep
from authsvc.login.step_up.routes import show_face_ticket
from authsvc.login.step_up.service import StepUp
from authsvc.login.steps import resume_of
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


class OfferStart(PasskeyStart):
    """Asks for creation options; `conditional` where the browser makes the passkey by itself."""

    conditional: bool = False


def build_router(shown: FlowPages, offers: Offers, step_up: StepUp, csrf: Csrf) -> APIRouter:
    """Return the routes of the offers."""
    router = APIRouter(prefix="/login/offer", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("")
    def page(request: Request, flow: str = "") -> Response:
        try:
            opened = shown.open(request, flow)
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)
        if not offers.is_open(opened, _session(request)):
            return RedirectResponse(resume_of(opened.id), status_code=303)
        return shown.pages.render(
            request,
            "login/offer_face.html" if opened.offer == OfferState.FACE else "login/offer.html",
            form_action=(opened.redirect_origin,) if opened.redirect_origin else (),
            flow=opened.id,
            client_name=opened.client_name,
            next=resume_of(opened.id),
            waits_s=offers.waits_s(opened),
            **shown.dress(opened),
        )

    @router.post("/options")
    def options(request: Request, body: OfferStart) -> dict[str, Any]:
        opened = shown.open(request, body.flow)
        return {
            "publicKey": offers.begin(
                opened, conditional=body.conditional, secret=_session(request), origin=origin_of(request)
            )
        }

    @router.post("/verify")
    def verify(request: Request, body: PasskeyStep) -> Response:
        return shown.answer_json(
            request,
            body.flow,
            lambda opened: offers.finish(
                opened, credential=body.credential, secret=_session(request), origin=origin_of(request)
            ),
        )

    @router.post("/face")
    def face(request: Request, flow: Text) -> Response:
        try:
            opened = shown.open(request, flow)
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)
        leads_on = resume_of(opened.id)
        taken = offers.take_face(opened, secret=_session(request), origin=origin_of(request))
        if taken is None:
            return RedirectResponse(leads_on, status_code=303)
        try:
            return show_face_ticket(
                shown, step_up, request, taken, purpose="enrol", back=leads_on, again="/login/offer/face"
            )
        except AuthsvcError as problem:  # too many tickets, or consent was taken back at this moment
            note(request, problem)
            return RedirectResponse(leads_on, status_code=303)

    @router.post("/decline")
    def decline(request: Request, flow: Text) -> Response:
        return shown.answer(
            request,
            flow,
            lambda opened: offers.decline(opened, secret=_session(request), origin=origin_of(request)),
        )

    return router


def _session(request: Request) -> str | None:
    return cookies.read(request, cookies.SESSION)
