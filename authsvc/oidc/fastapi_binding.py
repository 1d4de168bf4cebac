"""Between FastAPI and the provider: raw requests in, answers out. No rule of OAuth lives here.

Bodies are taken raw, because a framework's form parser has already decided what a repeated field means.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from authsvc.core.errors import BadInput
from authsvc.oidc.authlib_server import Answer

FORM = "application/x-www-form-urlencoded"


async def raw_form(request: Request) -> str:
    """FastAPI dependency: the body of a form, unparsed.

    Raises:
        BadInput: `oidc.malformed_parameters`: it is no urlencoded form, or not ASCII.
    """
    form = await raw_form_or_none(request)
    if form is None:
        raise BadInput("oidc.malformed_parameters", f"The body must be {FORM}.")
    return form


async def raw_form_or_none(request: Request) -> str | None:
    """FastAPI dependency: the same, for whoever refuses in a language of its own."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    body = await request.body()
    return body.decode("ascii") if body.isascii() and (media_type == FORM or not body) else None


def raw_query(request: Request) -> str:
    """Return the query as it was sent."""
    query: bytes = request.scope.get("query_string", b"")
    return query.decode("latin-1")


def authorization_of(request: Request) -> str | None:
    """Return the Authorization header; two of them are as good as none."""
    headers = request.headers.getlist("authorization")
    return headers[0] if len(headers) == 1 else None


def respond(answer: Answer) -> Response:
    """Return an answer as HTTP."""
    if isinstance(answer.body, dict):
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
        return JSONResponse(answer.body, status_code=answer.status, headers=headers)
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
