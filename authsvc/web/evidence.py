"""Every refused request leaves evidence: `web:request:refused`, with the code of its problem.

Written after the answer is out, for problems from 400 to 499 that carry a code (web/problems.py leaves it in the
scope). A flood must not fill the database: beyond the limit `evidence_per_source`, or where it can't be counted, a
source's refusals are in the log only, which has a line for every request.
"""

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Busy, TooMany
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.web.middleware import route_of

LIMIT = "evidence_per_source"
# Asking for what is not there is no act against anybody: the log line is enough. It is for 500 and 503 too, and a full
# lane turns requests away to save threads, so writing it down must not take one.
UNREMARKABLE = frozenset({"request.not_found", "request.wrong_host"})

log = structlog.get_logger("authsvc.evidence")


class RefusalEvidence:
    """Records refusals; wraps the app inside RequestLog, which knows the origin."""

    def __init__(self, app: ASGIApp, *, database: Database, audit: Audit, limits: Limits, clock: Clock) -> None:
        self.app = app
        self._database, self._audit, self._limits, self._clock = database, audit, limits, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, send_and_note)
        code = scope.get("state", {}).get("problem")
        if code is not None and 400 <= status < 500 and code not in UNREMARKABLE:
            await run_in_threadpool(self._record, scope, str(code), status)

    def _record(self, scope: Scope, code: str, status: int) -> None:
        origin: Origin = scope["state"]["origin"]
        facts = {"code": code, "status": status, "method": scope["method"], "route": _place(scope)}
        try:
            self._limits.spend(LIMIT, origin.source)
            with self._database.write() as connection:
                self._audit.record(connection, "web:request:refused", now=self._clock.now(), origin=origin, facts=facts)
        except (TooMany, Busy):
            return
        except SQLAlchemyError:
            log.exception("evidence.not_recorded", **facts)


def _place(scope: Scope) -> str:
    """Return the route's template; where none matched, the path's first part: the rest may hold a secret."""
    route = route_of(scope)
    return route if scope.get("route") is not None else "/" + route.split("/")[1][:60]
