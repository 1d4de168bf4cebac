"""The first factors over HTTP: a password by form, a passkey by script."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from authsvc.login.routes import FlowPages, Text, visitor_of
from authsvc.login.sign_in.service import SignIn
from authsvc.risk.keystroke.sample import MAX_TEXT
from authsvc.web.admission import admitted
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


class PasskeyStart(BaseModel):
    """Asks for the options of a ceremony."""

    model_config = ConfigDict(extra="forbid")

    flow: Annotated[str, Field(max_length=64)]


class SignInStart(PasskeyStart):
    """Asks for request options; `autofill` where they wait in the address field until somebody picks a passkey."""

    autofill: bool = False


class PasskeyStep(PasskeyStart):
    """Carries what the authenticator answered, as `PublicKeyCredential.toJSON()` writes it."""

    credential: dict[str, Any]


def build_router(shown: FlowPages, sign_in: SignIn, csrf: Csrf) -> APIRouter:
    """Return the routes of the sign-in page."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.post("/password", dependencies=[Depends(admitted(sign_in.passwords.lane))])
    def password(
        request: Request,
        flow: Text,
        email: Text,
        password: Text,
        typing: Annotated[str, Form(max_length=MAX_TEXT)] = "",
        makes_passkeys: Annotated[str, Form(max_length=8)] = "",
    ) -> Response:
        return shown.answer(
            request,
            flow,
            lambda opened: sign_in.with_password(
                opened,
                email=email,
                password=password,
                typing=typing,
                visitor=visitor_of(request, opened),
                makes_passkeys=makes_passkeys == "yes",
            ),
            email=email[:320],
        )

    @router.post("/passkey/options")
    def options(request: Request, body: SignInStart) -> dict[str, Any]:
        opened = shown.open(request, body.flow)
        begin = sign_in.autofill_options if body.autofill else sign_in.passkey_options
        return {"publicKey": begin(opened, origin=origin_of(request))}

    @router.post("/passkey/verify")
    def verify(request: Request, body: PasskeyStep) -> Response:
        return shown.answer_json(
            request,
            body.flow,
            lambda opened: sign_in.with_passkey(
                opened, credential=body.credential, visitor=visitor_of(request, opened)
            ),
        )

    return router
