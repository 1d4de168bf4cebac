"""A face factor for tests: drawn captures, an account with consent, and a lane in this process."""

import base64
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import Account, insert_account
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.lanes import ThreadLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.captures.sender import NOBODY, Sender
from authsvc.factors.face.captures.service import Captures, Order
from authsvc.factors.face.claim import Capture, Claim
from authsvc.factors.face.devices.key import SignedFrame, capture_bytes, point_of, registration_bytes
from authsvc.factors.face.devices.service import DeviceKeys, IssuedDeviceTicket, Registration
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.examination import Moved
from authsvc.factors.face.liveness.motion import moved_picture
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.pipeline.measure import begin_worker
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.service import FaceService, IssuedTicket, TicketBrowser
from authsvc.factors.face.store import delete_face_data
from authsvc.factors.face.templates.service import Templates
from authsvc.settings import FaceSettings, SessionSettings
from tests.support.clocks import SettableClock
from tests.support.pictures import capture

ORIGIN = Origin("req_face_test", "203.0.113.7", "an app")
ACCOUNT = "acc_face"
FLOW = "flow_face"
SERVER = "https://id.shop.example"
# One folder for all tests of this machine: the network is built once.
CHOICE = EmbedderChoice(folder=Path(tempfile.gettempdir()) / "authsvc-test-models")
KNOWN_BROWSER = TicketBrowser(b"b" * 32, known=True)


class InlineLane(ThreadLane):
    """Measures in this process, the same frames only once; `before` runs first: what happens meanwhile."""

    def __init__(self) -> None:
        super().__init__("face", workers=1, queue=4)
        self.before: Callable[[], None] = lambda: None
        self.runs = 0

    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        self.before()
        return _once(work, *args, **kwargs)


@cache
def _once(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    _begin()
    return work(*args, **kwargs)


@cache
def _begin() -> None:
    begin_worker(CHOICE)


@dataclass
class Device:
    """A phone or a browser: a key, and the id that it was registered with."""

    key: ec.EllipticCurvePrivateKey
    id: str = ""
    server: str = SERVER

    @property
    def jwk(self) -> dict[str, str]:
        raw = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"kty": "EC", "crv": "P-256", "x": b64(raw[1:33]), "y": b64(raw[33:])}

    def sign(self, message: bytes) -> str:
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(SHA256())))
        return b64(r.to_bytes(32) + s.to_bytes(32))

    def registration(self, nonce: str, name: str = "Ada's phone") -> Registration:
        """Return what it sends to be registered."""
        message = registration_bytes(nonce=nonce, server=self.server, point=point_of(self.jwk), name=name)
        return Registration(nonce, name, self.jwk, self.sign(message))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def said_of(order: Order, count: int) -> list[dict[str, Any]]:
    """Return a prompt and a time for each frame: the first prompt is answered by what is left over."""
    spare = max(count - len(order.prompts), 0)
    prompts = [order.prompts[0]] * spare + list(order.prompts)
    return [{"prompt": prompt.value, "offset_ms": 200 * number} for number, prompt in enumerate(prompts[:count])]


def claim_of(order: Order, frames: list[bytes], *, device: Device | None = None, **changes: Any) -> Claim:
    """Return what an app says of these frames, signed by its device. Args: server is what it signs for."""
    server = changes.pop("server", device.server if device else SERVER)
    said = changes.pop("said", None) or said_of(order, len(frames))
    fields: dict[str, Any] = {"nonce": order.nonce, "frames": said} | changes
    if device is not None:
        shots = [
            SignedFrame(Prompt(each["prompt"]), each["offset_ms"], frame)
            for each, frame in zip(said, frames, strict=False)
        ]
        message = capture_bytes(nonce=fields["nonce"], server=server, device_id=device.id, frames=shots)
        fields = {"device": device.id, "signature": device.sign(message)} | fields
    return Claim.model_validate_json(json.dumps(fields))


@dataclass
class Faces:
    """The service, and the account and clock around it."""

    face: FaceService
    clock: SettableClock
    lane: Any

    @property
    def captures(self) -> Captures:
        return self.face.captures

    def consent(self, *, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            self.captures.consents.give(connection, account_id, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def withdraw(self) -> None:
        with self.face.database.write() as connection:
            self.captures.consents.withdraw(connection, ACCOUNT, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def ticket(
        self,
        purpose: Any = "enrol",
        *,
        account_id: str = ACCOUNT,
        flow_id: str = FLOW,
        browser: TicketBrowser | None = KNOWN_BROWSER,
        session_id: str | None = None,
    ) -> IssuedTicket:
        with self.face.database.write() as connection:
            return self.face.issue_ticket(
                connection,
                flow_id=flow_id,
                account_id=account_id,
                purpose=purpose,
                browser=browser,
                session_id=session_id,
                origin=ORIGIN,
                now=self.clock.now(),
            )

    def begin(self, ticket: IssuedTicket, device: Device | None = None) -> Order:
        device_id = device.id if device else None
        return self.captures.begin(secret=ticket.secret, device_id=device_id, origin=ORIGIN)

    def submit(
        self,
        ticket: IssuedTicket,
        frames: list[bytes],
        *,
        device: Device | None = None,
        order: Order | None = None,
        sender: Sender = NOBODY,
        **changes: Any,
    ) -> Any:
        """Begin and send a capture. Args: changes are to the claim."""
        order = order or self.begin(ticket, device)
        self.captures.check_ticket(secret=ticket.secret, origin=ORIGIN)  # as the route does, before it reads the body
        claim = claim_of(order, frames, device=device, **changes)
        capture = Capture(claim, tuple(frames))
        return self.captures.submit(secret=ticket.secret, capture=capture, origin=ORIGIN, sender=sender)

    def session(self, *, account_id: str = ACCOUNT) -> str:
        """Return the id of a signed-in session."""
        now = self.clock.now()
        with self.face.database.write() as connection:
            session, _ = self.face.keys.sessions.open(
                connection,
                account_id=account_id,
                device_id=None,
                kind="customer",
                proofs={ProofKind.PASSWORD: now},
                origin=ORIGIN,
                now=now,
            )
        return session.id

    def end_sessions(self, *, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            self.face.keys.sessions.end_all(
                connection, account_id, reason="signed_out", origin=ORIGIN, now=self.clock.now()
            )

    def device_ticket(self, *, account_id: str = ACCOUNT, browser: str | None = None) -> IssuedDeviceTicket:
        """Return what the account page of a signed-in session gives to a device, or to a browser with this row."""
        session_id = self.session(account_id=account_id)
        with self.face.database.write() as connection:
            return self.face.keys.issue_ticket(
                connection,
                account_id,
                session_id=session_id,
                kind="browser" if browser else "app",
                browser_device_id=browser,
                now=self.clock.now(),
            )

    def device(self, *, account_id: str = ACCOUNT, seed: int = 7, browser: str | None = None) -> Device:
        """Register a key, as an app does, or as a browser with this device row does."""
        ticket = self.device_ticket(account_id=account_id, browser=browser)
        device = Device(ec.derive_private_key(seed, ec.SECP256R1()), server=self.face.keys.server)
        sent = device.registration(ticket.nonce)
        device.id = self.face.keys.register(secret=ticket.secret, sent=sent, origin=ORIGIN).id
        return device

    def enrol(self, person: str = "anna", *, account_id: str = ACCOUNT) -> None:
        verdict = self.submit(self.ticket(account_id=account_id), capture(person))
        assert verdict.outcome == "enrolled", verdict

    def add_account(self, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            insert_account(connection, Account(account_id, account_id.encode(), "Someone", "active", self.clock.now()))


def build_faces(
    database: Database,
    vault: Vault,
    audit: Audit,
    clock: SettableClock,
    *,
    lane: Any = None,
    prompts: Callable[[], tuple[Prompt, ...]] = lambda: (Prompt.STRAIGHT,),
    moved: Moved = moved_picture,
    server: str = SERVER,
    **settings: Any,
) -> Faces:
    """Return a face factor with one account, which has not consented yet. Drawn faces look straight, and don't live."""
    lane = lane or InlineLane()
    rules = {"face_per_account": "30 per 1 hour", "face_per_address": "120 per 10 minutes"}
    limits = Limits(rules, redis_url=None, clock=clock)
    alerts = Alerts(Outbox(vault, Event()), audit, SERVER, "authsvc")
    given = FaceSettings(**({"attack_limit": math.inf} | settings))
    captures = Captures(
        database=database,
        audit=audit,
        alerts=alerts,
        consents=Consents(audit, {Purpose.FACE: delete_face_data}),
        limits=limits,
        lane=lane,
        settings=given,
        clock=clock,
        keys=DeviceKeys(database, audit, alerts, limits, Sessions(SessionSettings(), audit), clock, server),
        templates=Templates(vault, audit),
        matching=Matching(vault, audit, given),
        prompts=prompts,
        moved=moved,
    )
    faces = Faces(FaceService(captures), clock, lane)
    faces.add_account()
    return faces
