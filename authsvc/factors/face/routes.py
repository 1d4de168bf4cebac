"""`POST /v1/face/captures`: where a mobile app sends the frames of one capture.

1. A place in the face lane is taken on the event loop, without waiting: a full lane is 503 before anything is done.
2. The ticket is looked at before the body is read: who has none can't make us read megabytes.
3. One account sends one capture at a time: five slow ones would keep everybody else out of the lane.
4. The body is read with every bound held (upload.py), and within UPLOAD_S: a slow sender can't keep the place.
5. Only then a request thread does the work.
"""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from authsvc.core.origin import Origin
from authsvc.factors.face.refusals import FINAL, MIN_FRAMES, UNUSABLE, error_of
from authsvc.factors.face.service import FaceService, Verdict
from authsvc.factors.face.upload import Upload, UploadRefused, read_capture
from authsvc.web.admission import admitted
from authsvc.web.origin import origin_of
from authsvc.web.problems import STATUSES

UPLOAD_S = 30

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="CaptureTicket",
    description="The secret of the capture ticket, as the page showed it.",
)


class CaptureResult(BaseModel):
    """What came of a capture that could be used."""

    outcome: Literal["enrolled", "match", "no_match"] = Field(
        description="`enrolled`: the template is kept. `match`, `no_match`: the comparison with the template."
    )
    reason: str | None = Field(description="A code that explains the outcome, where there is one.")
    satisfies_step_up: bool = Field(
        description="Whether the capture counts as a proof. A bare photograph never does, so this is false until "
        "captures are bound to a registered device key and pass attack detection."
    )


def build_router(face: FaceService) -> APIRouter:
    """Return the routes of the face factor."""
    router = APIRouter(tags=["face"])

    @router.post(
        "/v1/face/captures",
        summary="Send the frames of one capture",
        description=_DESCRIPTION,
        response_model=CaptureResult,
        responses=_responses(),
        openapi_extra={"requestBody": _request_body(face)},
        dependencies=[Depends(admitted(face.lane))],
    )
    async def capture(
        request: Request, ticket: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> CaptureResult:
        if ticket is None or not ticket.credentials:
            raise error_of("face.no_ticket")
        origin = origin_of(request)
        account_id = await run_in_threadpool(face.check_ticket, secret=ticket.credentials, origin=origin)
        with face.lane.alone(account_id):
            upload = await _read(request, face, ticket.credentials, origin)
            verdict = await run_in_threadpool(
                face.submit, secret=ticket.credentials, nonce=upload.nonce, frames=upload.frames, origin=origin
            )
        return _result(verdict)

    return router


async def _read(request: Request, face: FaceService, secret: str, origin: Origin) -> Upload:
    try:
        async with asyncio.timeout(UPLOAD_S):
            return await read_capture(request.stream(), request.headers.get("content-type", ""), face.bounds)
    except TimeoutError:
        code = "face.upload_too_slow"
    except UploadRefused as refusal:
        code = refusal.code
    await run_in_threadpool(face.refuse_upload, secret=secret, code=code, origin=origin)
    raise error_of(code)


def _result(verdict: Verdict) -> CaptureResult:
    if verdict.outcome == "refused":
        assert verdict.reason is not None
        raise error_of(verdict.reason)
    return CaptureResult(outcome=verdict.outcome, reason=verdict.reason, satisfies_step_up=verdict.satisfies)


def _request_body(face: FaceService) -> dict[str, Any]:
    bounds = face.bounds
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["nonce", "frames"],
                    "properties": {
                        "nonce": {"type": "string", "description": "The nonce of the ticket."},
                        "frames": {
                            "type": "array",
                            "minItems": MIN_FRAMES,
                            "maxItems": bounds.max_frames,
                            "items": {"type": "string", "format": "binary"},
                            "description": f"JPEG frames in the order in which they were taken, each at most "
                            f"{bounds.max_frame_bytes} bytes and {bounds.max_pixels} pixels; 640 x 480 is enough.",
                        },
                    },
                },
                "encoding": {"frames": {"contentType": "image/jpeg"}},
            }
        },
    }


def _responses() -> dict[int | str, dict[str, Any]]:
    """Return every refusal by its status, for the API's description."""
    lines: dict[int, list[str]] = {
        503: ["- `lanes.face_full`: come back after Retry-After"],
        429: ["- `limits.too_many`"],
    }
    for code, (kind, detail) in {**UNUSABLE, **FINAL}.items():
        lines.setdefault(STATUSES[kind], []).append(f"- `{code}`: {detail}")
    return {
        status: {"description": "An RFC 9457 problem document; its `code`:\n" + "\n".join(lines[status])}
        for status in sorted(lines)
    }


_DESCRIPTION = """\
One capture is three or more JPEG frames of one face, taken one after another. The ticket comes from the page that asks
for the capture and lives two minutes.

A ticket gives one verdict. A capture that could not be used (400, 413) and a busy server (503, with Retry-After)
leave it open: improve the picture or wait, and send again with the same ticket.
The frames are measured and dropped; they are never stored."""
