"""What a page's script tells the browser's passkey manager, over HTTP."""

from base64 import urlsafe_b64encode
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from authsvc.login.signals.service import Signals
from authsvc.web import cookies


def build_router(signals: Signals) -> APIRouter:
    """Return the route that web/static/signals.js asks. Nobody signed in is an answer, and no refusal."""
    router = APIRouter(prefix="/login/passkey", include_in_schema=False)

    @router.get("/accepted")
    def accepted(request: Request) -> dict[str, Any]:
        found = signals.accepted(cookies.read(request, cookies.SESSION))
        if found is None:
            return {"account": None}
        account = {
            "rpId": found.rp_id,
            "userId": _encoded(found.user_handle),
            "name": found.name,
            "displayName": found.display_name,
            "credentialIds": [_encoded(credential_id) for credential_id in found.credential_ids],
        }
        return {"account": account}

    return router


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
