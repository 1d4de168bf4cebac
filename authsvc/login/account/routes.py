"""The account's pages over HTTP: how each of them is answered, the first one, consents, and signing out.

Nobody signed in: a page leads to a sign-in and back, a post is refused. A proof that is too old: both lead to the flow
that asks for it, and from there to the page, where the button is pressed again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.accounts.consents.service import Purpose
from authsvc.core.errors import AuthsvcError, BadInput, NotAllowed, NotSignedIn
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.account.places import Place
from authsvc.login.account.service import OwnAccount
from authsvc.login.routes import FlowPages
from authsvc.login.steps import Go, page_of
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages


@dataclass(frozen=True)
class AccountPages:
    """Answers the account's pages and posts."""

    shown: FlowPages
    fresh: FreshProof

    @property
    def pages(self) -> Pages:
        return self.shown.pages

    def show(
        self, request: Request, name: str, *, status: int = 200, error: str | None = None, **context: Any
    ) -> Response:
        """Return the page `account/NAME.html`."""
        return self.pages.render(request, f"account/{name}.html", status=status, error=error, **context)

    def go(self, place: Place, *, session_secret: str | None = None) -> Response:
        """Lead to a page; where the step raised the session, the browser is given its new secret."""
        response = RedirectResponse(place, status_code=303)
        self.shown.keep(response, Go(place, session_secret=session_secret))
        return response

    def answer(
        self,
        request: Request,
        place: Place,
        work: Callable[[str | None], Response],
        *,
        row: str = "",
        retry: Callable[[str | None, str, int], Response] | None = None,
    ) -> Response:
        """Run `work` with the session's secret and return its response.

        Args:
            place, row: where a sign-in or a fresh proof leads back to.
            retry: shows the page again with a sentence and a status, when what was typed can't be taken.
        """
        secret = cookies.read(request, cookies.SESSION)
        try:
            return work(secret)
        except NotSignedIn:
            if request.method != "GET":
                raise
            flow = self.fresh.begin_sign_in(place, row=row, browser=browser_of(request), origin=origin_of(request))
            return RedirectResponse(page_of(flow.id), status_code=303)
        except NotAllowed as problem:
            if problem.code == "account.proof_needed":
                browser, origin = browser_of(request), origin_of(request)
                flow = self.fresh.begin(secret, place, row=row, browser=browser, origin=origin)
                return RedirectResponse(page_of(flow.id), status_code=303)
            if problem.code != "account.closed_after_reset":
                raise
            note(request, problem)
            return self.show(request, "closed", status=403)
        except BadInput as problem:
            if retry is None:
                raise
            note(request, problem)
            return retry(secret, problem.detail, 400)


def note(request: Request, problem: AuthsvcError) -> None:
    """Leave the refusal's code for the request's log line and its evidence, where a page answers in its place."""
    request.scope["state"]["problem"] = problem.code


def build_router(own_pages: AccountPages, own: OwnAccount, csrf: Csrf) -> APIRouter:
    """Return the routes of the first page, of consents, and of signing out."""
    router = APIRouter(prefix="/account", dependencies=[Depends(csrf.require)], include_in_schema=False)

    @router.get("")
    def page(request: Request) -> Response:
        return own_pages.answer(
            request, Place.HOME, lambda secret: own_pages.show(request, "home", overview=own.overview(secret))
        )

    @router.get("/consents")
    def consents(request: Request) -> Response:
        return own_pages.answer(request, Place.CONSENTS, lambda secret: show_consents(request, secret))

    @router.post("/consents")
    def change_consent(
        request: Request,
        purpose: Annotated[Purpose, Form()],
        action: Annotated[Literal["give", "withdraw"], Form()],
        version: Annotated[int, Form()] = 0,
    ) -> Response:
        own.change_consent(
            cookies.read(request, cookies.SESSION),
            purpose,
            give=action == "give",
            read=version,
            origin=origin_of(request),
        )
        return RedirectResponse(Place.CONSENTS, status_code=303)

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        own.sign_out(cookies.read(request, cookies.SESSION), origin=origin_of(request))
        return signed_out(own_pages, request)

    def show_consents(request: Request, secret: str | None) -> Response:
        return own_pages.show(request, "consents", allowed=own.allowed(secret))

    return router


def signed_out(own_pages: AccountPages, request: Request) -> Response:
    """Return the page that says so, and make the browser forget its session."""
    response = own_pages.pages.render(request, "oidc/signed_out.html", client_name="")
    cookies.drop(response, cookies.SESSION)
    return response
