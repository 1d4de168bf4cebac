"""Changing one's address over HTTP, and the link that puts the old one back: looking changes nothing, a button acts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.accounts.addresses import hint
from authsvc.core.errors import BadInput, Conflict, TooMany
from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages, note
from authsvc.login.address.service import AddressChanges
from authsvc.login.routes import Text
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of


def build_router(own_pages: AccountPages, changes: AddressChanges, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/address and /not-me/address."""
    router = APIRouter(dependencies=[Depends(csrf.require)], include_in_schema=False)
    blank: dict[str, Any] = {"flow": "", "client_name": "", "error": None}

    def show(
        request: Request, secret: str | None, *, error: str | None = None, status: int = 200, typed: str = ""
    ) -> Response:
        here = changes.page(secret)
        return own_pages.show(request, "address", status=status, error=error, here=here, typed=typed[:320])

    def answer(request: Request, work: Any, typed: str = "") -> Response:
        """Run a step and lead to the page, or show it again with a sentence."""

        def step(secret: str | None) -> Response:
            try:
                error = work(secret)
            except (BadInput, Conflict, TooMany) as problem:
                note(request, problem)
                status = {BadInput: 400, Conflict: 409, TooMany: 429}[type(problem)]
                response = show(request, secret, error=problem.detail, status=status, typed=typed)
                if isinstance(problem, TooMany):
                    response.headers["retry-after"] = str(problem.retry_after_s)
                return response
            if error is not None:
                return show(request, secret, error=error, status=400)
            return RedirectResponse(Place.ADDRESS, status_code=303)

        return own_pages.answer(request, Place.ADDRESS, step)

    @router.get("/account/address")
    def page(request: Request) -> Response:
        return own_pages.answer(request, Place.ADDRESS, lambda secret: show(request, secret))

    @router.post("/account/address")
    def ask(request: Request, email: Text) -> Response:
        return answer(request, lambda secret: changes.ask(secret, email, origin=origin_of(request)), email)

    @router.post("/account/address/resend")
    def resend(request: Request) -> Response:
        return answer(request, lambda secret: changes.resend(secret, origin=origin_of(request)))

    @router.post("/account/address/drop")
    def drop(request: Request) -> Response:
        return answer(request, changes.drop)

    @router.post("/account/address/code")
    def code(request: Request, code: Text) -> Response:
        return answer(request, lambda secret: changes.prove(secret, typed=code, origin=origin_of(request)))

    @router.get("/not-me/address")
    def look(request: Request, token: Annotated[str, Query(max_length=128)] = "") -> Response:
        changed = changes.look(token, origin=origin_of(request))
        return own_pages.pages.render(
            request,
            "login/address_revert.html",
            when=changed.changed_at,
            until=changed.revert_until,
            old_hint=hint(changed.old_email),
            token=token,
            **blank,
        )

    @router.post("/not-me/address")
    def act(request: Request, token: Text) -> Response:
        changes.revert(token, origin=origin_of(request))
        return own_pages.pages.render(request, "login/address_reverted.html", **blank)

    return router
