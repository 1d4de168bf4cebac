"""`/.well-known/webauthn`: the other origins at which our passkeys may be used (WebAuthn Level 3, 5.11).

A browser at one of them asks here, at the relying party id's own host, before it lets a page there use our passkeys.
"""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import JSONResponse

MAX_AGE_S = 3600


def build_router(related_origins: Sequence[str]) -> APIRouter:
    """Return the one route; none where no origin is related, so that the answer is a 404."""
    router = APIRouter(include_in_schema=False)
    if related_origins:

        @router.get("/.well-known/webauthn")
        def webauthn() -> JSONResponse:
            return JSONResponse(
                {"origins": list(related_origins)}, headers={"Cache-Control": f"public, max-age={MAX_AGE_S}"}
            )

    return router
