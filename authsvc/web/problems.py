"""Every way of saying no, as HTTP: an RFC 9457 problem document for machines, a plain page for people.

    BadInput 400   NotSignedIn 401   NotAllowed 403   NotFound 404   Conflict 409   Gone 410   TooLarge 413
    TooMany 429    Busy 503          (core/errors.py; the last two with Retry-After)

and, from the framework: a path or method that does not exist, a body that is no JSON or lacks a field, a database that
refuses a value or does not answer. Whatever else is raised is a fixed 500 `request.failed`.

A document has type (`urn:authsvc:error:CODE`), title, status, detail, code, request_id, and `fields` where some are
wrong: their names and what is wrong, never what was sent. A refusal may have members of its own.
docs/reference/errors.md lists the codes.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from authsvc.core import errors
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages
from authsvc.web.paths import MACHINE_PATHS, PEOPLE_PATHS, covers

log = structlog.get_logger(__name__)

URN = "urn:authsvc:error:"
MAX_FIELDS = 20
CLOSED_BY_CLIENT = 499  # nginx's number for it; only ever seen in our log

STATUSES: Final[Mapping[type[errors.AuthsvcError], int]] = {
    errors.BadInput: 400,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Busy: 503,
}


@dataclass(frozen=True)
class Problem:
    """One refusal, ready to be written in either form."""

    status: int
    code: str
    title: str
    detail: str
    retry_after_s: int | None = None
    fields: tuple[tuple[str, str], ...] = ()  # (name, what is wrong with it)
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)


FAILED = Problem(
    500, "request.failed", "Something went wrong", "The error is on our side. Please try again in a moment."
)
INVALID = Problem(400, "request.invalid", "That did not work", "Something in this request is missing or malformed.")
MALFORMED_JSON = Problem(400, "request.malformed_json", "That did not work", "The body of this request is not JSON.")
UNAVAILABLE = Problem(
    503, "request.unavailable", "Busy", "We can't answer just now. Please try again in a moment.", retry_after_s=5
)
TOO_LARGE = Problem(413, "request.too_large", "Too large", "What was sent is larger than we accept here.")
WRONG_HOST = Problem(421, "request.wrong_host", "Wrong address", "This server does not answer for that host name.")
REFUSED = Problem(400, "request.refused", "Refused", "This request can't be handled.")

_BY_STATUS = {
    400: INVALID,
    404: Problem(404, "request.not_found", "Not found", "There is nothing at this address."),
    405: Problem(405, "request.method_not_allowed", "Not allowed", "This address does not take that method."),
    413: TOO_LARGE,
    415: Problem(
        415, "request.unsupported_media_type", "That did not work", "This content type is not understood here."
    ),
    421: WRONG_HOST,
    500: FAILED,
    503: UNAVAILABLE,
}

# What a validator may say of a field: names as we wrote them, never a key that the sender made up.
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_PARTS = frozenset({"body", "query", "path", "header", "cookie"})


def install(app: FastAPI, pages: Pages) -> "Problems":
    """Answer every exception of the app's endpoints, and return the answerer for the middleware around them."""
    problems = Problems(pages)
    app.add_exception_handler(errors.AuthsvcError, problems.handle)
    app.add_exception_handler(HTTPException, problems.handle)
    app.add_exception_handler(RequestValidationError, problems.handle)
    app.add_exception_handler(DataError, problems.handle)
    app.add_exception_handler(OperationalError, problems.handle)
    app.add_exception_handler(PoolTimeout, problems.handle)
    app.add_exception_handler(ClientDisconnect, problems.handle)
    return problems


class Problems:
    """Writes problems in the form that the request's sender reads."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def handle(self, request: Request, error: Exception) -> Response:
        """The one exception handler. Async, so that saying no never waits for a thread."""
        if isinstance(error, HTTPException) and error.status_code < 400:
            return Response(status_code=error.status_code, headers=error.headers)  # a redirect, raised
        if isinstance(error, ClientDisconnect):
            return Response(status_code=CLOSED_BY_CLIENT)
        if isinstance(error, DataError | OperationalError | PoolTimeout):
            log.error("database.refused", exc_info=error)
        return self.respond(request, problem_of(error, sent=request.headers.get("content-type", "")))

    def respond(self, request: Request, problem: Problem) -> Response:
        """Return the problem as a document or a page, and leave its code for the request's log line."""
        request.scope.setdefault("state", {})["problem"] = problem.code
        request_id = origin_of(request).request_id
        response = _document(problem, request_id) if reads_json(request) else self._page(request, problem, request_id)
        for name, value in problem.headers.items():
            response.headers[name] = value
        if problem.retry_after_s is not None:
            response.headers["retry-after"] = str(problem.retry_after_s)
        if problem.status == 401 and covers(("/v1",), request.url.path):
            response.headers.setdefault("www-authenticate", "Bearer")  # RFC 9110, 11.6.1 wants one
        return response

    def failed(self, request: Request) -> Response:
        """Return the fixed answer to an exception that nobody expected."""
        return self.respond(request, FAILED)

    def _page(self, request: Request, problem: Problem, request_id: str) -> Response:
        try:
            return self._pages.render(
                request,
                "problem.html",
                status=problem.status,
                title=problem.title,
                detail=problem.detail,
                code=problem.code,
                problem_status=problem.status,
                retry_after_s=problem.retry_after_s,
            )
        except Exception:  # the page that reports a broken page may be broken too
            log.exception("problem_page.failed")
            return HTMLResponse(_bare_page(problem, request_id), status_code=problem.status)


def problem_of(error: Exception, *, sent: str = "") -> Problem:
    """Return what an exception means to whoever sent the request, whose body has the content type `sent`."""
    if isinstance(error, errors.AuthsvcError):
        return _from_core(error)
    if isinstance(error, RequestValidationError):
        return _from_validation(error.errors())
    if isinstance(error, HTTPException):
        return _from_http(error, sent)
    if isinstance(error, DataError):
        return INVALID  # a value that the database can't hold, such as one with a NUL in it
    if isinstance(error, OperationalError | PoolTimeout):
        return UNAVAILABLE
    return FAILED


def reads_json(request: Request) -> bool:
    """Return whether the sender is a program: by the path, the body it sent, or what it says it accepts."""
    path = request.url.path
    if covers(MACHINE_PATHS, path) and not covers(PEOPLE_PATHS, path):
        return True
    if _is_json(request.headers.get("content-type", "")):
        return True
    accepted = request.headers.get("accept", "").lower()
    return "text/html" not in accepted and any(_is_json(each) for each in accepted.split(","))


def _from_core(error: errors.AuthsvcError) -> Problem:
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 400)
    wait_s = getattr(error, "retry_after_s", None)
    challenge = getattr(error, "challenge", None)  # what a bearer token lacks (RFC 6750, 3)
    headers = {"www-authenticate": challenge} if challenge else {}
    return Problem(status, error.code, error.title, error.detail, wait_s, headers=headers, members=error.members)


def _from_http(error: HTTPException, sent: str) -> Problem:
    # FastAPI turns whatever reading the body raised into a 400, with the reason as its cause.
    cause = error.__cause__
    if isinstance(cause, errors.AuthsvcError):
        return _from_core(cause)
    if error.status_code == 400 and isinstance(cause, ValueError | RecursionError) and _is_json(sent):
        return MALFORMED_JSON
    known = _BY_STATUS.get(error.status_code, REFUSED)
    return Problem(error.status_code, known.code, known.title, known.detail, headers=dict(error.headers or {}))


def _from_validation(found: Sequence[Any]) -> Problem:
    if any(each.get("type") == "json_invalid" for each in found):
        return MALFORMED_JSON
    named = tuple(dict.fromkeys((_field_name(each["loc"]), str(each["type"])) for each in found[:MAX_FIELDS]))
    return Problem(INVALID.status, INVALID.code, INVALID.title, INVALID.detail, fields=named)


def _field_name(location: Sequence[int | str]) -> str:
    parts = [str(part) for part in location if isinstance(part, int) or _FIELD_NAME.fullmatch(part)]
    inner = parts[1:] if parts and parts[0] in _PARTS else parts
    return ".".join(inner or parts)[:100]


def _is_json(media_type: str) -> bool:
    kind = media_type.split(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _document(problem: Problem, request_id: str) -> Response:
    document: dict[str, object] = {
        **problem.members,
        "type": URN + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.fields:
        document["fields"] = [{"name": name, "problem": what} for name, what in problem.fields]
    return JSONResponse(document, status_code=problem.status, media_type="application/problem+json")


def _bare_page(problem: Problem, request_id: str) -> str:
    title, detail = html.escape(problem.title), html.escape(problem.detail)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{detail}</p><p>Request {html.escape(request_id)}</p></html>"
    )
