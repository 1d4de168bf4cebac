"""A face factor for tests: drawn captures, an account with consent, a lane in this process, and the bad images."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Event
from typing import Any

import numpy as np
from PIL import Image

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.drawn_face import PERSONS, draw, draw_frame, encode_jpeg
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.lanes import ThreadLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.service import FaceService, IssuedTicket
from authsvc.factors.face.store import delete_face_data
from authsvc.settings import FaceSettings
from tests.support.clocks import SettableClock

ORIGIN = Origin("req_face_test", "203.0.113.7", "an app")
ACCOUNT = "acc_face"
FLOW = "flow_face"


@cache
def frame(person: str, number: int) -> bytes:
    return draw_frame(PERSONS[person], number)


def capture(person: str, *, first: int = 0, count: int = 3) -> list[bytes]:
    return [frame(person, number) for number in range(first, first + count)]


@cache
def two_faces() -> bytes:
    left = draw(PERSONS["anna"], 1, centre_x=0.25)
    right = draw(PERSONS["bruno"], 1, centre_x=0.75)
    return encode_jpeg(np.concatenate([left[:, :320], right[:, 320:]], axis=1))


@cache
def small_face() -> bytes:
    picture = Image.fromarray(draw(PERSONS["anna"], 1)).resize((160, 120), Image.Resampling.LANCZOS)
    wall = Image.new("RGB", (640, 480), (150, 155, 160))
    wall.paste(picture, (240, 180))
    return encode_jpeg(np.array(wall))


@cache
def no_face() -> bytes:
    return encode_jpeg(np.full((480, 640, 3), 150, np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A JPEG of a few hundred bytes whose header says 65,500 x 65,500."""
    small = saved(Image.new("L", (8, 8)), "JPEG")
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", 65_500, 65_500) + small[at + 4 :]


def segment_bomb(marker: int = 0xFE) -> bytes:
    """A JPEG whose header has more segments than any camera writes: comments, unless another marker is given."""
    small = saved(Image.new("L", (8, 8)), "JPEG")
    return small[:2] + struct.pack(">BBH", 0xFF, marker, 2) * 1000 + small[2:]


def hidden_segment_bomb() -> bytes:
    """The same inside a segment that Pillow does not step over, because it knows no such marker's length."""
    small, bomb = saved(Image.new("L", (8, 8)), "JPEG"), segment_bomb()[2:4002]
    return small[:2] + struct.pack(">BBH", 0xFF, 0xF0, len(bomb) + 2) + bomb + small[2:]


def scan_bomb() -> bytes:
    """A progressive JPEG of a few kilobytes whose last scan comes a thousand times."""
    small = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    return small[:-2] + small[small.rindex(b"\xff\xda") : -2] * 1000 + small[-2:]


def _twelve_bit() -> bytes:
    small = saved(Image.new("L", (8, 8)), "JPEG")
    at = small.index(b"\xff\xc0") + 4
    return small[:at] + b"\x0c" + small[at + 1 :]


def unreadable_headers() -> dict[str, bytes]:
    """What is refused before anything is decoded."""
    grey = Image.new("L", (64, 64), 90)
    deep = Image.fromarray(np.full((64, 64), 40_000, np.uint16))
    return {
        "empty": b"",
        "text": b"this is no image, it only says so",
        "only the magic": b"\xff\xd8\xff",
        "magic and noise": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4,
        "header cut off": saved(Image.new("RGB", (64, 64)), "JPEG")[:40],
        "CMYK": saved(Image.new("CMYK", (64, 64)), "JPEG"),
        "12-bit JPEG": _twelve_bit(),
        "a thousand comments": segment_bomb(),
        "a thousand fill bytes": b"\xff\xd8" + b"\xff" * 1000 + saved(grey, "JPEG")[2:],
        "a thousand comments behind a marker of no meaning": hidden_segment_bomb(),
        "a thousand scans": scan_bomb(),
        "16-bit PNG": saved(deep, "PNG"),
        "PNG": saved(grey, "PNG"),
        "animated GIF": saved(grey, "GIF", save_all=True, append_images=[Image.new("L", (64, 64), 200)]),
        "WebP": saved(grey, "WEBP"),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9999999' height='9999999'/>",
    }


def truncated() -> bytes:
    whole = frame("anna", 0)
    return whole[: len(whole) // 2]


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
    return work(*args, **kwargs)


@dataclass
class Faces:
    """The service, and the account and clock around it."""

    face: FaceService
    clock: SettableClock
    lane: Any

    def consent(self, *, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            self.face.consents.give(connection, account_id, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def withdraw(self) -> None:
        with self.face.database.write() as connection:
            self.face.consents.withdraw(connection, ACCOUNT, Purpose.FACE, origin=ORIGIN, now=self.clock.now())

    def ticket(self, purpose: Any = "enrol", *, account_id: str = ACCOUNT, flow_id: str = FLOW) -> IssuedTicket:
        with self.face.database.write() as connection:
            return self.face.issue_ticket(
                connection,
                flow_id=flow_id,
                account_id=account_id,
                purpose=purpose,
                origin=ORIGIN,
                now=self.clock.now(),
            )

    def submit(self, ticket: IssuedTicket, frames: list[bytes], **changes: Any) -> Any:
        sent = {"secret": ticket.secret, "nonce": ticket.nonce, "frames": frames, "origin": ORIGIN} | changes
        return self.face.submit(**sent)

    def enrol(self, person: str = "anna", *, account_id: str = ACCOUNT) -> None:
        verdict = self.submit(self.ticket(account_id=account_id), capture(person))
        assert verdict.outcome == "enrolled", verdict

    def add_account(self, account_id: str = ACCOUNT) -> None:
        with self.face.database.write() as connection:
            insert_account(connection, Account(account_id, account_id.encode(), "Someone", "active", self.clock.now()))


def build_faces(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock, *, lane: Any = None, **settings: Any
) -> Faces:
    """Return a face factor with one account, which has not consented yet."""
    lane = lane or InlineLane()
    rules = {"face_per_account": "30 per 1 hour", "face_per_address": "120 per 10 minutes"}
    face = FaceService(
        database=database,
        vault=vault,
        audit=audit,
        alerts=Alerts(Outbox(vault, Event()), audit, "https://id.shop.example", "authsvc"),
        consents=Consents(audit, {Purpose.FACE: delete_face_data}),
        limits=Limits(rules, redis_url=None, clock=clock),
        lane=lane,
        settings=FaceSettings(**settings),
        clock=clock,
    )
    faces = Faces(face, clock, lane)
    faces.add_account()
    return faces
