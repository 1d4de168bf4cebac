"""The pages of a mailed link. The button posts the token to where the flow's own page posts the code."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from authsvc.core.errors import Gone
from authsvc.factors.email_code.service import MAX_TYPED, CodePurpose
from authsvc.login.link.service import EmailedLinks
from authsvc.login.routes import FlowPages
from authsvc.web.browser import browser_of
from authsvc.web.origin import origin_of

CODE_PATHS = {
    CodePurpose.SIGN_UP: "/login/code",
    CodePurpose.STEP_UP: "/login/code",
    CodePurpose.UNLOCK: "/login/code",
    CodePurpose.RESET: "/login/reset/code",
    CodePurpose.RECOVERY: "/login/recovery/code",
}


def build_router(shown: FlowPages, links: EmailedLinks) -> APIRouter:
    """Return the route of /login/link. It only looks, so nothing of it needs a token."""
    router = APIRouter(prefix="/login/link", include_in_schema=False)

    @router.get("")
    def look(request: Request, token: Annotated[str, Query(max_length=MAX_TYPED)] = "") -> Response:
        try:
            opened = links.look(token, browser=browser_of(request), origin=origin_of(request))
        except Gone as problem:
            request.scope["state"]["problem"] = problem.code
            return shown.pages.render(
                request, "login/link_spent.html", status=410, flow="", client_name="", why=problem.detail
            )
        flow, here = opened.flow, opened.code is None
        return shown.pages.render(
            request,
            "login/link.html" if here else "login/link_elsewhere.html",
            form_action=(flow.redirect_origin,) if here and flow.redirect_origin else (),
            flow=flow.id if here else "",
            client_name=flow.client_name,
            error=None,
            purpose=opened.purpose.value,
            action=CODE_PATHS[opened.purpose],
            token=token if here else "",
            code=opened.code,
            **shown.dress(flow),
        )

    return router
