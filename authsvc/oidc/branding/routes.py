"""`GET /brand/CLIENT/HASH.css` and `.png`: the files that a client's pages load.

They are ours: a style sheet that we wrote and a picture that we encoded. They are served so that they could do nothing
even if they were not: their own type and no other, and a policy that allows them nothing.
"""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from starlette.responses import Response

from authsvc.core.errors import NotFound
from authsvc.oidc.branding.service import Branding
from authsvc.web.static import FOREVER

HEADERS = {"Cache-Control": FOREVER, "Content-Security-Policy": "default-src 'none'; sandbox"}
SUFFIXES = {"css": "text/css", "png": "image/png"}

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def build_router(branding: Branding) -> APIRouter:
    """Return the route of the clients' files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/brand/{client_id}/{asset_hash}.{suffix}")
    def asset(
        client_id: Annotated[str, Path(max_length=64)],
        asset_hash: Annotated[str, Path(max_length=64)],
        suffix: Literal["css", "png"],
    ) -> Response:
        known = _ID.fullmatch(client_id) and _HASH.fullmatch(asset_hash)
        found = branding.asset(client_id, asset_hash) if known else None
        if found is None or found.media_type != SUFFIXES[suffix]:
            raise NotFound("brand.file_unknown", "There is no such file.")
        return Response(found.body, media_type=found.media_type, headers=HEADERS)

    return router
