"""The pages of the authenticator app and of recovery codes over HTTP. They work without script.

Recovery codes are in the answer to the press that made them, and nowhere else.
"""

import base64

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from authsvc.core.errors import Conflict
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, note
from authsvc.login.account.second.service import OwnSecond
from authsvc.login.routes import Text
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(own_pages: AccountPages, own: OwnSecond, csrf: Csrf, *, service_name: str) -> APIRouter:
    """Return the routes of /account/authenticator and /account/recovery-codes."""
    router = APIRouter(prefix="/account", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show_app(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        return own_pages.show(request, "authenticator", app=own.app(secret), error=error, status=status)

    def show_setup(request: Request, secret: str | None, error: str | None = None, status: int = 200) -> Response:
        enrolment = own.app_in_setup(secret)
        if enrolment is None:
            return show_app(request, secret, error, status) if error else own_pages.go(Place.TOTP)
        return own_pages.show(request, "set_up_authenticator", enrolment=enrolment, error=error, status=status)

    @router.get("/authenticator")
    def app(request: Request) -> Response:
        return own_pages.answer(request, Place.TOTP, lambda secret: show_app(request, secret))

    @router.post("/authenticator/begin")
    def begin(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            try:
                own.begin_app(secret, origin=origin_of(request))
            except Conflict as problem:
                note(request, problem)
                return show_app(request, secret, problem.detail, 409)
            return own_pages.go(Place.SET_UP_TOTP)

        return own_pages.answer(request, Place.TOTP, work)

    @router.get("/authenticator/set-up")
    def setup(request: Request) -> Response:
        return own_pages.answer(request, Place.SET_UP_TOTP, lambda secret: show_setup(request, secret))

    @router.post("/authenticator/confirm")
    def confirm(request: Request, code: Text) -> Response:
        def work(secret: str | None) -> Response:
            check, raised = own.confirm_app(secret, code, origin=origin_of(request))
            if not check.right:
                return show_setup(request, secret, check.error, 400)
            return own_pages.go(Place.TOTP, session_secret=raised)

        return own_pages.answer(request, Place.SET_UP_TOTP, work)

    @router.get("/authenticator/remove")
    def look(request: Request) -> Response:
        return own_pages.answer(
            request,
            Place.REMOVE_TOTP,
            lambda secret: own_pages.show(request, "remove_authenticator", app=own.open_app(secret)),
        )

    @router.post("/authenticator/remove")
    def remove(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            own.remove_app(secret, origin=origin_of(request))
            return own_pages.go(Place.TOTP)

        return own_pages.answer(request, Place.REMOVE_TOTP, work)

    @router.get("/recovery-codes")
    def codes(request: Request) -> Response:
        return own_pages.answer(
            request,
            Place.RECOVERY_CODES,
            lambda secret: own_pages.show(request, "recovery_codes", codes=own.recovery_codes(secret)),
        )

    @router.post("/recovery-codes")
    def make(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            made = own.make_codes(secret, origin=origin_of(request))
            text = f"Recovery codes for {service_name}. Each works once.\n\n" + "\n".join(made) + "\n"
            file = "data:text/plain;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()
            return own_pages.show(request, "new_recovery_codes", codes=made, file=file)

        return own_pages.answer(request, Place.RECOVERY_CODES, work)

    return router
