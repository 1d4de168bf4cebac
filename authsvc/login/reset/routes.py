"""The pages of a forgotten password."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from authsvc.accounts.addresses import hint
from authsvc.core.errors import Gone, NotAllowed
from authsvc.login.reset.service import Reset
from authsvc.login.routes import FlowPages, Text, visitor_of
from authsvc.login.service import may_reset
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import State
from authsvc.web.admission import admitted
from authsvc.web.csrf import Csrf


@dataclass(frozen=True)
class ResetPages:
    """Shows the page that a reset is at."""

    shown: FlowPages
    reset: Reset

    def answer(self, request: Request, flow: str, work: Callable[[Flow], Go | Stay], **typed: str) -> Response:
        """Run one step of a form."""
        return self.shown.answer(request, flow, work, self.show, **typed)

    def show(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page of the flow's state."""
        typed = typed or {}

        def page(name: str, **context: Any) -> Response:
            return self.shown.pages.render(
                request,
                f"login/{name}.html",
                status=stay.status if stay else 200,
                form_action=(flow.redirect_origin,) if flow.redirect_origin else (),
                flow=flow.id,
                client_name=flow.client_name,
                error=stay.error if stay else None,
                leads_back=flow.kind == "client",
                **self.shown.dress(flow),
                **context,
            )

        match flow.state:
            case State.IDENTIFY if may_reset(flow):
                return page("reset", email=typed.get("email", flow.email or ""))
            case State.MUST_CHANGE:
                return page(
                    "must_change",
                    email=flow.email or "",
                    address_hint=hint(flow.email or ""),
                    disowned=self.reset.is_disowned(flow),
                    min_length=self.reset.min_length(flow),
                )
            case State.RESET_CODE:
                return page("reset_code", address_hint=hint(flow.email or ""))
            case State.NEW_PASSWORD:
                return page("reset_password", email=flow.email or "", min_length=self.reset.min_length(flow))
            case _:
                return RedirectResponse(page_of(flow.id), status_code=303)


def build_router(shown: FlowPages, reset: Reset, csrf: Csrf) -> APIRouter:
    """Return the routes below /login/reset."""
    router = APIRouter(prefix="/login/reset", dependencies=[Depends(csrf.require)], include_in_schema=False)
    pages = ResetPages(shown, reset)

    @router.get("")
    def page(request: Request, flow: str = "") -> Response:
        try:
            return pages.show(request, shown.open(request, flow))
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)

    @router.post("")
    def begin(request: Request, flow: Text, email: Text) -> Response:
        return pages.answer(
            request,
            flow,
            lambda opened: reset.begin(opened, email=email, visitor=visitor_of(request, opened)),
            email=email[:320],
        )

    @router.post("/code")
    def code(request: Request, flow: Text, code: Text) -> Response:
        return pages.answer(
            request, flow, lambda opened: reset.check_code(opened, typed=code, visitor=visitor_of(request, opened))
        )

    @router.post("/resend")
    def resend(request: Request, flow: Text) -> Response:
        return pages.answer(request, flow, lambda opened: reset.resend(opened, visitor=visitor_of(request, opened)))

    @router.post("/password", dependencies=[Depends(admitted(reset.passwords.lane))])
    def password(request: Request, flow: Text, password: Text) -> Response:
        return pages.answer(
            request,
            flow,
            lambda opened: reset.set_password(opened, password=password, visitor=visitor_of(request, opened)),
        )

    return router
