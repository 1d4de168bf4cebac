"""The face factor's API: begin a capture on a ticket, send its frames, register a device.

Frames are let in thus:
1. A place in the face lane is taken on the event loop, without waiting: a full lane is 503 before anything is done.
2. The ticket is looked at before the body is read: who has none can't make us read megabytes.
3. One account sends one capture at a time: five slow ones would keep everybody else out of the lane.
4. The body is read with every bound held (upload.py), and within UPLOAD_S: a slow sender can't keep the place.
5. Only then a request thread does the work.

All three take a ticket's secret as bearer token, and no cookie: so no other site's page can use them in somebody's
name. A capture that a page sends brings cookies along; they are looked at beside the ticket, never in its place.
"""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from authsvc.core.ids import hash_secret
from authsvc.core.origin import Origin
from authsvc.factors.face.captures.sender import Sender
from authsvc.factors.face.captures.service import Captures
from authsvc.factors.face.captures.verdicts import Verdict
from authsvc.factors.face.claim import Capture, Claim
from authsvc.factors.face.devices.service import DeviceKeys, Registration
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.refusals import FINAL, MIN_FRAMES, UNUSABLE, error_of
from authsvc.factors.face.upload import Upload, UploadRefused, read_capture
from authsvc.web import cookies
from authsvc.web.admission import admitted
from authsvc.web.origin import origin_of
from authsvc.web.problems import STATUSES

UPLOAD_S = 30

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="FaceTicket",
    description="The secret of the ticket, as the page showed it.",
)
Ticket = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class CaptureStart(BaseModel):
    """Who is about to capture."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="The id of the registered device whose key will sign. Without one a match counts for nothing."
    )


class AskedFor(BaseModel):
    """For whom the capture is. Show it, and capture only once the person has said that they asked for it."""

    service: str
    shop: str
    account: str = Field(description="The account's address, masked.")
    browser: str = Field(description="The browser that shows the ticket, such as `Firefox on Linux`.")
    country: str = Field(description="Where that browser seems to be, ISO 3166-1; empty where that is not known.")


class CaptureOrder(BaseModel):
    """What the capture has to show, and what it is signed with."""

    purpose: Literal["enrol", "verify"] = Field(description="Keep a template, or compare with it.")
    asked: AskedFor | None

    nonce: str = Field(description="32 bytes, base64url. New after a capture that could not be used.")
    prompts: tuple[Prompt, ...] = Field(
        description="What the person does, in this order; left and right are their own. Each has one frame or more."
    )
    expires_at: str = Field(description="Until when the ticket lives, ISO 8601.")
    min_frames: int
    max_frames: int
    max_frame_bytes: int


class CaptureResult(BaseModel):
    """What came of a capture that could be used."""

    outcome: Literal["enrolled", "match", "no_match"] = Field(
        description="`enrolled`: the template is kept. `match`, `no_match`: the comparison with the template."
    )
    reason: str | None = Field(description="A code that explains the outcome, where there is one.")
    satisfies_step_up: bool = Field(
        description="Whether the capture counts as a proof: a match, signed by a registered device, asked for in a "
        "browser that the account knows."
    )


class PublicKey(BaseModel):
    """A public key on P-256, as a JWK (RFC 7517)."""

    model_config = ConfigDict(extra="forbid")

    kty: Annotated[str, Field(max_length=8)]
    crv: Annotated[str, Field(max_length=16)]
    x: Annotated[str, Field(max_length=64)]
    y: Annotated[str, Field(max_length=64)]


class NewDevice(BaseModel):
    """A device's key, and what shows that it has it."""

    model_config = ConfigDict(extra="forbid")

    nonce: Annotated[str, Field(max_length=64)] = Field(description="The nonce of the device ticket.")
    name: Annotated[str, Field(max_length=200)] = Field(description="What its owner calls it; 1 to 60 characters.")
    public_key: PublicKey
    signature: Annotated[str, Field(max_length=128)] = Field(
        description="ES256 over the bytes of a registration (docs/guides/mobile.md): r || s, base64url."
    )


class RegisteredDevice(BaseModel):
    """The kept key."""

    device: str = Field(description="Its id: begin and sign captures with it.")
    kind: Literal["app", "browser"]
    name: str


def build_router(captures: Captures, keys: DeviceKeys) -> APIRouter:
    """Return the routes of the face factor."""
    router = APIRouter(tags=["face"])

    @router.post(
        "/v1/face/captures",
        summary="Begin a capture",
        description="Binds the ticket to the device, and says what to capture. Begin again after a refused capture: "
        "nonce and prompts are new then.",
        status_code=201,
        responses=_responses(),
    )
    def begin(request: Request, ticket: Ticket, body: CaptureStart) -> CaptureOrder:
        order = captures.begin(secret=_secret(ticket), device_id=body.device, origin=origin_of(request))
        bounds = captures.bounds
        return CaptureOrder.model_validate(
            {
                "purpose": order.purpose,
                "asked": asdict(order.asked) if order.asked else None,
                "nonce": order.nonce,
                "prompts": order.prompts,
                "expires_at": order.expires_at.isoformat(),
                "min_frames": MIN_FRAMES,
                "max_frames": bounds.max_frames,
                "max_frame_bytes": bounds.max_frame_bytes,
            }
        )

    @router.post(
        "/v1/face/captures/frames",
        summary="Send the frames of one capture",
        description=_DESCRIPTION,
        response_model=CaptureResult,
        responses=_responses(),
        openapi_extra={"requestBody": _request_body(captures)},
        dependencies=[Depends(admitted(captures.lane))],
    )
    async def frames(request: Request, ticket: Ticket) -> CaptureResult:
        secret, origin = _secret(ticket), origin_of(request)
        account_id = await run_in_threadpool(captures.check_ticket, secret=secret, origin=origin)
        with captures.lane.alone(account_id):
            upload = await _read(request, captures, secret, origin)
            capture = Capture(upload.claim, upload.frames)
            verdict = await run_in_threadpool(
                captures.submit, secret=secret, capture=capture, origin=origin, sender=_sender(request)
            )
        return _result(verdict)

    @router.post(
        "/v1/face/devices",
        summary="Register a device's key",
        description="On a ticket of the account page, once. The private key stays in the device's own key store.",
        status_code=201,
        responses=_responses(),
    )
    def register(request: Request, ticket: Ticket, body: NewDevice) -> RegisteredDevice:
        sent = Registration(body.nonce, body.name, body.public_key.model_dump(), body.signature)
        device = keys.register(secret=_secret(ticket), sent=sent, origin=origin_of(request))
        return RegisteredDevice.model_validate({"device": device.id, "kind": device.kind, "name": device.name})

    return router


def _secret(ticket: HTTPAuthorizationCredentials | None) -> str:
    if ticket is None or not ticket.credentials:
        raise error_of("face.no_ticket")
    return ticket.credentials


def _sender(request: Request) -> Sender:
    browser = cookies.read(request, cookies.FLOW)
    return Sender(hash_secret(browser) if browser else None, cookies.read(request, cookies.DEVICE))


async def _read(request: Request, captures: Captures, secret: str, origin: Origin) -> Upload:
    try:
        async with asyncio.timeout(UPLOAD_S):
            return await read_capture(request.stream(), request.headers.get("content-type", ""), captures.bounds)
    except TimeoutError:
        code = "face.upload_too_slow"
    except UploadRefused as refusal:
        code = refusal.code
    await run_in_threadpool(captures.refuse_upload, secret=secret, code=code, origin=origin)
    raise error_of(code)


def _result(verdict: Verdict) -> CaptureResult:
    if verdict.outcome == "refused":
        assert verdict.reason is not None
        raise error_of(verdict.reason, members={"prompt": verdict.prompt} if verdict.prompt else None)
    return CaptureResult(outcome=verdict.outcome, reason=verdict.reason, satisfies_step_up=verdict.satisfies)


def _request_body(captures: Captures) -> dict[str, Any]:
    bounds = captures.bounds
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["capture", "frames"],
                    "properties": {
                        "capture": Claim.model_json_schema(ref_template="#/$defs/{model}"),
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
                "encoding": {"capture": {"contentType": "application/json"}, "frames": {"contentType": "image/jpeg"}},
            }
        },
    }


def _responses() -> dict[int | str, dict[str, Any]]:
    """Return every refusal by its status, for the API's description."""
    lines: dict[int, list[str]] = {
        503: ["- `lanes.face_full`: come back after Retry-After"],
        429: ["- `limits.too_many`", "- `face.too_many_failures`: come back after Retry-After, or use another proof"],
    }
    for code, (kind, detail) in {**UNUSABLE, **FINAL}.items():
        lines.setdefault(STATUSES[kind], []).append(f"- `{code}`: {detail}")
    return {
        status: {"description": "An RFC 9457 problem document; its `code`:\n" + "\n".join(lines[status])}
        for status in sorted(lines)
    }


_DESCRIPTION = """\
One capture is three or more JPEG frames of one face, taken one after another while the person does what was asked for.
The field `capture` is JSON: the order's nonce, the prompt and time of each frame, and the device's signature.

A ticket gives one verdict. A capture that could not be used (400, 413) leaves the ticket open: begin again for a new
nonce and new prompts. A busy server (503, with Retry-After) leaves the order as it is: wait, and send the same again.
The frames are measured and dropped; they are never stored."""
