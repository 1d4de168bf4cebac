"""The pages of the password over HTTP. They work without script."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from authsvc.core.errors import Conflict
from authsvc.login.account.password.service import OwnPassword
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, note
from authsvc.login.routes import Text
from authsvc.web.admission import admitted
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(own_pages: AccountPages, own: OwnPassword, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/password."""
    router = APIRouter(prefix="/account/password", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        return own_pages.show(request, "password", password=own.show(secret), error=error, status=status)

    def form(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        return own_pages.show(request, "change_password", password=own.open(secret), error=error, status=status)

    @router.get("")
    def page(request: Request) -> Response:
        return own_pages.answer(request, Place.PASSWORD, lambda secret: show(request, secret))

    @router.get("/change")
    def change_form(request: Request) -> Response:
        return own_pages.answer(request, Place.CHANGE_PASSWORD, lambda secret: form(request, secret))

    @router.post("/change", dependencies=[Depends(admitted(own.passwords.lane))])
    def change(request: Request, password: Text, end_others: Annotated[str, Form(max_length=8)] = "") -> Response:
        def work(secret: str | None) -> Response:
            own.set(secret, password, end_others=end_others == "yes", origin=origin_of(request))
            return own_pages.go(Place.PASSWORD)

        return own_pages.answer(
            request,
            Place.CHANGE_PASSWORD,
            work,
            retry=lambda secret, error, status: form(request, secret, error, status),
        )

    @router.get("/remove")
    def look(request: Request) -> Response:
        return own_pages.answer(
            request,
            Place.REMOVE_PASSWORD,
            lambda secret: own_pages.show(request, "remove_password", password=own.open(secret)),
        )

    @router.post("/remove")
    def remove(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            try:
                own.remove(secret, origin=origin_of(request))
            except Conflict as problem:
                note(request, problem)
                return show(request, secret, problem.detail, 409)
            return own_pages.go(Place.PASSWORD)

        return own_pages.answer(request, Place.REMOVE_PASSWORD, work)

    return router
