"""Two answers for whoever watches over the service. Asked under any host name, logged at debug only.

/health/live    the process answers
/health/ready   it can also reach its database; else 503, and the load balancer sends people elsewhere
"""

import structlog
from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from authsvc.core.database import Database

log = structlog.get_logger(__name__)


def build_router(database: Database) -> APIRouter:
    """Return the health routes."""
    router = APIRouter(prefix="/health", include_in_schema=False)

    @router.get("/live")
    async def live() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.get("/ready")
    def ready() -> JSONResponse:
        try:
            with database.read() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            log.exception("health.database_unreachable")
            return JSONResponse({"status": "unavailable", "database": "unreachable"}, status_code=503)
        return JSONResponse({"status": "ok", "database": "ok"})

    return router
