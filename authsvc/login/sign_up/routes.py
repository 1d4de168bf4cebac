"""Creating an account over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.core.errors import Gone, NotAllowed
from authsvc.login.routes import FlowPages, Text, visitor_of
from authsvc.login.sign_in.routes import PasskeyStart, PasskeyStep
from authsvc.login.sign_up.service import SignUp
from authsvc.login.steps import page_of
from authsvc.login.transitions import State
from authsvc.web.admission import admitted
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(shown: FlowPages, sign_up: SignUp, csrf: Csrf) -> APIRouter:
    """Return the routes of the sign-up pages."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("/create")
    def create_page(request: Request, flow: str = "") -> Response:
        try:
            opened = shown.open(request, flow)
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)
        if opened.state not in (State.IDENTIFY, State.PROVE_ADDRESS):
            return RedirectResponse(page_of(flow), status_code=303)
        return shown.show_create(request, opened)

    @router.post("/create")
    def create(request: Request, flow: Text, name: Text, email: Text) -> Response:
        return shown.answer(
            request,
            flow,
            lambda opened: sign_up.begin(opened, name=name, email=email, origin=origin_of(request)),
            shown.show_create,
            name=name[:100],
            email=email[:320],
        )

    @router.post("/credential/password", dependencies=[Depends(admitted(sign_up.passwords.lane))])
    def password(
        request: Request,
        flow: Text,
        password: Text,
        typing_consent: Annotated[str, Form(max_length=8)] = "",
        typing_consent_version: Annotated[int, Form()] = 0,
    ) -> Response:
        return shown.answer(
            request,
            flow,
            lambda opened: sign_up.with_password(
                opened,
                password=password,
                typing_consent=typing_consent_version if typing_consent == "yes" else None,
                visitor=visitor_of(request, opened),
            ),
        )

    @router.post("/passkey/create/options")
    def options(request: Request, body: PasskeyStart) -> dict[str, Any]:
        opened = shown.open(request, body.flow)
        return {"publicKey": sign_up.passkey_options(opened, origin=origin_of(request))}

    @router.post("/passkey/create/verify")
    def verify(request: Request, body: PasskeyStep) -> Response:
        return shown.answer_json(
            request,
            body.flow,
            lambda opened: sign_up.with_passkey(
                opened, credential=body.credential, visitor=visitor_of(request, opened)
            ),
        )

    return router
