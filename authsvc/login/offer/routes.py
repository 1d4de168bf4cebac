"""The offer of a passkey over HTTP: a page between the end of a sign-in and the shop.

Only a browser whose script said that it can make passkeys is led here. Whatever is not as it should be leads on to the
shop, where the end of the sign-in decides.
"""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.core.errors import Gone, NotAllowed
from authsvc.login.offer.service import Offers, arrival_of
from authsvc.login.routes import FlowPages, Text
from authsvc.login.sign_in.routes import PasskeyStart, PasskeyStep
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


class OfferStart(PasskeyStart):
    """Asks for creation options; `conditional` where the browser makes the passkey by itself."""

    conditional: bool = False


def build_router(shown: FlowPages, offers: Offers, csrf: Csrf) -> APIRouter:
    """Return the routes of the offer."""
    router = APIRouter(prefix="/login/offer", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("")
    def page(request: Request, flow: str = "") -> Response:
        try:
            opened = shown.open(request, flow)
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)
        if not offers.is_open(opened, _session(request)):
            return RedirectResponse(arrival_of(opened), status_code=303)
        return shown.pages.render(
            request,
            "login/offer.html",
            form_action=(opened.redirect_origin,) if opened.redirect_origin else (),
            flow=opened.id,
            client_name=opened.client_name,
            next=arrival_of(opened),
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
