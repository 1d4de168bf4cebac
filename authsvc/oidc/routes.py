"""The provider over HTTP.

GET, POST /oauth2/authorize         GET /oauth2/authorize/resume?flow=…
POST      /oauth2/token             GET, POST /oauth2/userinfo
GET, POST /oauth2/logout            GET /oauth2/jwks
GET       /.well-known/openid-configuration, /.well-known/oauth-authorization-server
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from authsvc.oidc.fastapi_binding import authorization_of, raw_form, raw_form_or_none, raw_query, respond
from authsvc.oidc.keys.service import JWKS_MAX_AGE_S
from authsvc.oidc.logout.service import Ask, SignedOut
from authsvc.oidc.metadata import metadata
from authsvc.oidc.provider import Provider
from authsvc.oidc.service import Visitor
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import FIELD, Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

# Public, the same for everybody, and read by single-page apps.
READABLE_ANYWHERE = {"Access-Control-Allow-Origin": "*"}
CACHED = READABLE_ANYWHERE | {"Cache-Control": f"public, max-age={JWKS_MAX_AGE_S}"}

RawForm = Annotated[str, Depends(raw_form)]


def build_router(provider: Provider, pages: Pages, csrf: Csrf) -> APIRouter:
    """Return the provider's routes."""
    router = APIRouter(include_in_schema=False)
    _add_authorize(router, provider)
    _add_machines(router, provider)
    _add_logout(router, provider, pages, csrf)
    _add_public(router, provider)
    return router


def _add_authorize(router: APIRouter, provider: Provider) -> None:
    @router.get("/oauth2/authorize")
    def authorize(request: Request) -> Response:
        return _go(provider.authorization.begin(raw_query(request), _visitor(request)))

    @router.post("/oauth2/authorize")
    def store(request: Request, form: RawForm) -> Response:
        return _go(provider.authorization.store(form, origin_of(request)))

    @router.get("/oauth2/authorize/resume")
    def resume(request: Request, flow: Annotated[str, Query(min_length=1, max_length=64)]) -> Response:
        return _go(provider.authorization.resume(flow, _visitor(request)))


def _add_machines(router: APIRouter, provider: Provider) -> None:
    @router.post("/oauth2/token")
    def token(request: Request, form: Annotated[str | None, Depends(raw_form_or_none)]) -> Response:
        return respond(provider.tokens.exchange(form, authorization_of(request), origin_of(request)))

    @router.api_route("/oauth2/userinfo", methods=["GET", "POST"])
    def userinfo(request: Request) -> Response:
        return respond(provider.userinfo.tell(authorization_of(request), origin_of(request)))


def _add_logout(router: APIRouter, provider: Provider, pages: Pages, csrf: Csrf) -> None:
    async def form_if_ours(request: Request, form: RawForm) -> str:
        # Our own page's form carries a token, a client's post can't. What carries one must be ours.
        if _is_ours(form):
            await csrf.require(request)
        return form

    @router.get("/oauth2/logout")
    def logout(request: Request) -> Response:
        return show(request, provider.logout.begin(raw_query(request), _visitor(request)))

    @router.post("/oauth2/logout")
    def confirm(request: Request, form: Annotated[str, Depends(form_if_ours)]) -> Response:
        if not _is_ours(form):
            return _go(provider.logout.store(form, origin_of(request)))
        return show(request, provider.logout.confirm(form, _visitor(request)))

    def show(request: Request, outcome: SignedOut | Ask) -> Response:
        if isinstance(outcome, Ask):
            return pages.render(
                request,
                "oidc/logout.html",
                form_action=(outcome.redirect_origin,) if outcome.redirect_origin else (),
                client_name=outcome.client_name,
                params=outcome.params,
            )
        response = _go(outcome.redirect) if outcome.redirect else pages.render(request, "oidc/signed_out.html")
        cookies.drop(response, cookies.SESSION)
        return response


def _add_public(router: APIRouter, provider: Provider) -> None:
    document = metadata(provider.issuer)

    @router.get("/.well-known/openid-configuration")
    @router.get("/.well-known/oauth-authorization-server")
    def discovery() -> Response:
        return JSONResponse(document, headers=CACHED)

    @router.get("/oauth2/jwks")
    def jwks() -> Response:
        return JSONResponse(provider.keys.jwks(), headers=CACHED)


def _visitor(request: Request) -> Visitor:
    return Visitor(browser_of(request), cookies.read(request, cookies.SESSION), origin_of(request))


def _go(location: str) -> Response:
    # Not RedirectResponse, which would quote a registered address once more.
    return Response(status_code=303, headers={"Location": location})


def _is_ours(form: str) -> bool:
    return f"&{FIELD}=" in f"&{form}"
