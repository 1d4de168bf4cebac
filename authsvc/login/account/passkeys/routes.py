"""The pages of passkeys over HTTP. Adding one takes a script; everything else works without."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authsvc.core.errors import Conflict
from authsvc.factors.passkey.service import Refused
from authsvc.login.account.passkeys.service import OwnPasskeys, refusal_of
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, note
from authsvc.login.routes import Text
from authsvc.login.steps import Go
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


class AdditionStart(BaseModel):
    """Asks for the options of a new passkey; there is no flow here, the session stands for it."""

    model_config = ConfigDict(extra="forbid")

    flow: Annotated[str, Field(max_length=64)] = ""


class Addition(AdditionStart):
    """Carries what the authenticator answered, as `PublicKeyCredential.toJSON()` writes it."""

    credential: dict[str, Any]


def build_router(own_pages: AccountPages, own: OwnPasskeys, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/passkeys."""
    router = APIRouter(prefix="/account/passkeys", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        return own_pages.show(request, "passkeys", passkeys=own.show(secret), error=error, status=status)

    @router.get("")
    def page(request: Request) -> Response:
        return own_pages.answer(request, Place.PASSKEYS, lambda secret: show(request, secret))

    @router.post("/rename")
    def rename(request: Request, passkey: Text, name: Text) -> Response:
        def work(secret: str | None) -> Response:
            own.rename(secret, passkey, name, origin=origin_of(request))
            return own_pages.go(Place.PASSKEYS)

        return own_pages.answer(
            request, Place.PASSKEYS, work, retry=lambda secret, error, status: show(request, secret, error, status)
        )

    @router.get("/add")
    def add(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            own.fresh.check(secret)
            return own_pages.show(request, "add_passkey")

        return own_pages.answer(request, Place.ADD_PASSKEY, work)

    @router.post("/add/options")
    def options(request: Request, _: AdditionStart) -> dict[str, Any]:
        return {"publicKey": own.begin(cookies.read(request, cookies.SESSION), origin=origin_of(request))}

    @router.post("/add/verify")
    def verify(request: Request, body: Addition) -> Response:
        outcome = own.finish(cookies.read(request, cookies.SESSION), body.credential, origin=origin_of(request))
        if isinstance(outcome, Refused):
            raise refusal_of(outcome)
        response = JSONResponse({"next": Place.PASSKEYS})
        own_pages.shown.keep(response, Go(Place.PASSKEYS, session_secret=outcome))
        return response

    @router.get("/remove")
    def look(request: Request, passkey: Annotated[str, Query(alias="id", max_length=64)] = "") -> Response:
        return own_pages.answer(
            request,
            Place.REMOVE_PASSKEY,
            lambda secret: own_pages.show(request, "remove_passkey", line=own.open(secret, passkey)),
            row=passkey,
        )

    @router.post("/remove")
    def remove(request: Request, passkey: Text) -> Response:
        def work(secret: str | None) -> Response:
            try:
                own.remove(secret, passkey, origin=origin_of(request))
            except Conflict as problem:
                note(request, problem)
                return show(request, secret, problem.detail, 409)
            return own_pages.go(Place.PASSKEYS)

        return own_pages.answer(request, Place.REMOVE_PASSKEY, work, row=passkey)

    return router
