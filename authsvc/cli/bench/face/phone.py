"""The phone of one simulated customer: it registers a key, follows the prompts, signs the frames and sends them.

A full lane answers 503 with Retry-After: it waits as long, and sends the same again, as an app does (docs/guides/
mobile.md), until its patience ends.
"""

import base64
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authsvc.cli.bench.face.frames import posed_frame
from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.factors.face.devices.key import SignedFrame, capture_bytes, point_of, registration_bytes
from authsvc.factors.face.devices.service import IssuedDeviceTicket
from authsvc.factors.face.prompts import Prompt

BOUNDARY = "authsvc-bench"
FRAMES_EACH = 2  # for each prompt
APART_MS = 300
TIMEOUT_S = 60.0
NAME = "Bench phone"


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    status: int
    body: dict[str, Any]
    retry_after_s: float


@dataclass(frozen=True)
class Sent:
    """What came of a capture. `busy`: how many times the lane was full."""

    status: int
    outcome: str
    satisfies: bool
    busy: int
    seconds: float


@dataclass(frozen=True)
class Phone:
    """A registered phone. Args: number tells its network from the others'."""

    port: int
    number: int
    key: ec.EllipticCurvePrivateKey
    device_id: str

    @property
    def server(self) -> str:
        return f"http://localhost:{self.port}"

    def capture(self, secret: str, person: str) -> bytes:
        """Begin on a ticket; return the body to send, with this drawn person doing what was asked for."""
        answer = _post(self, "/v1/face/captures", {"device": self.device_id}, secret)
        if answer.status != 201:
            raise NotMeasured(f"a capture could not be begun: {answer.status} {answer.body}")
        nonce, prompts = answer.body["nonce"], [Prompt(name) for name in answer.body["prompts"]]
        shown = [(prompt, number) for prompt in prompts for number in range(FRAMES_EACH)]
        frames = [
            SignedFrame(prompt, APART_MS * place, posed_frame(person, number, prompt))
            for place, (prompt, number) in enumerate(shown)
        ]
        message = capture_bytes(nonce=nonce, server=self.server, device_id=self.device_id, frames=frames)
        claim = {
            "nonce": nonce,
            "device": self.device_id,
            "signature": _signed(self.key, message),
            "frames": [{"prompt": each.prompt.value, "offset_ms": each.offset_ms} for each in frames],
        }
        return _multipart(json.dumps(claim).encode(), [each.frame for each in frames])

    def send(self, secret: str, body: bytes, *, patience_s: float) -> Sent:
        """Send a capture until it is answered with something else than busy, or patience ends."""
        started, busy = time.monotonic(), 0
        while True:
            answer = _post(self, "/v1/face/captures/frames", body, secret)
            spent_s = time.monotonic() - started
            if answer.status != 503 or not answer.retry_after_s or spent_s + answer.retry_after_s > patience_s:
                break
            busy += 1
            time.sleep(answer.retry_after_s)
        outcome = str(answer.body.get("outcome", answer.body.get("code")))
        return Sent(answer.status, outcome, answer.body.get("satisfies_step_up", False), busy, spent_s)


def registered(port: int, number: int, ticket: IssuedDeviceTicket) -> Phone:
    """Return a phone with a new key that the server has taken on this ticket."""
    phone = Phone(port, number, ec.generate_private_key(ec.SECP256R1()), "")
    point = phone.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    jwk = {"kty": "EC", "crv": "P-256", "x": _base64url(point[1:33]), "y": _base64url(point[33:])}
    message = registration_bytes(nonce=ticket.nonce, server=phone.server, point=point_of(jwk), name=NAME)
    sent = {"nonce": ticket.nonce, "name": NAME, "public_key": jwk, "signature": _signed(phone.key, message)}
    answer = _post(phone, "/v1/face/devices", sent, ticket.secret)
    if answer.status != 201:
        raise NotMeasured(f"a phone could not be registered: {answer.status} {answer.body}")
    return Phone(port, number, phone.key, answer.body["device"])


def _post(phone: Phone, path: str, body: dict[str, Any] | bytes, secret: str) -> Answer:
    form = isinstance(body, bytes)
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}" if form else "application/json",
        "X-Forwarded-For": f"198.51.{phone.number % 250}.7",  # a network of their own, as customers have
    }
    connection = http.client.HTTPConnection("localhost", phone.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), headers)
        response = connection.getresponse()
        retry_after_s = float(response.headers.get("Retry-After", 0))
        return Answer(response.status, json.loads(response.read()), retry_after_s)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Answer(0, {"code": type(problem).__name__}, 0.0)  # lost: nothing that an app could read
    finally:
        connection.close()


def _multipart(claim: bytes, frames: Sequence[bytes]) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"capture"\r\n\r\n'.encode() + claim + b"\r\n"]
    for number, frame in enumerate(frames):
        parts.append(f'{head}"frames"; filename="{number}.jpg"\r\n\r\n'.encode() + frame + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _signed(key: ec.EllipticCurvePrivateKey, message: bytes) -> str:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return _base64url(r.to_bytes(32) + s.to_bytes(32))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
