"""What a face capture costs, beside the same frames through plain face_recognition calls. Part of `authsvc bench`.

A capture is one POST of three frames to a running server: upload, ticket, worker process, comparison, evidence. Beside
it stands what a program without authsvc does with the same three files: load, face_locations, face_encodings with the
5-point model. The two take turns, so that whatever else the machine does hits both; medians are reported.
"""

import http.client
import io
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.core.audit.service import Audit
from authsvc.core.clock import SystemClock
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.lanes import ProcessLane
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.cipher import KEY_BYTES, Keyring
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.dlib_embedder import load_models
from authsvc.factors.face.routes import build_router
from authsvc.factors.face.service import FaceService, IssuedTicket, TicketPurpose
from authsvc.settings import FaceSettings
from authsvc.tables import metadata

FRAMES = 3
HERE = Origin("req_bench", "127.0.0.1", "authsvc bench")
BOUNDARY = "authsvc-bench"


def measure_face(repeats: int = 7, frames_dir: Path | None = None) -> dict[str, Any]:
    """Return the median milliseconds of a 3-frame capture and of plain face_recognition calls.

    Args:
        repeats: how often each of the two is measured.
        frames_dir: a folder with JPEG frames of one person, the first three of which are used; else they are drawn.
    """
    frames = _frames(frames_dir)
    with tempfile.TemporaryDirectory() as folder, _running_service(Path(folder)) as bench:
        bench.capture("enrol", frames)  # also loads the worker's models
        recognise = _face_recognition()
        recognise(frames)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(repeats):
            ours.append(bench.capture("verify", frames))
            theirs.append(_milliseconds(lambda: recognise(frames)))
    return {
        "face_capture_ms": round(statistics.median(ours), 1),
        "face_recognition_ms": round(statistics.median(theirs), 1),
        "face_frames": "files" if frames_dir else "drawn",
        "face_captures": repeats,
    }


class _Bench:
    """One account with consent, and a server to send its captures to."""

    def __init__(self, face: FaceService, port: int) -> None:
        self._face, self._port = face, port
        self._account_id = new_id("acc")
        now = face.clock.now()
        with face.database.write() as connection:
            insert_account(connection, Account(self._account_id, new_bytes(64), "Bench", "active", now))
            face.consents.give(connection, self._account_id, Purpose.FACE, origin=HERE, now=now)

    def capture(self, purpose: TicketPurpose, frames: Sequence[bytes]) -> float:
        """Send one capture and return its milliseconds; asking for the ticket is the page's work and not counted."""
        now = self._face.clock.now()
        with self._face.database.write() as connection:
            ticket = self._face.issue_ticket(
                connection, flow_id="flow_bench", account_id=self._account_id, purpose=purpose, origin=HERE, now=now
            )
        return _milliseconds(lambda: self._post(ticket, frames))

    def _post(self, ticket: IssuedTicket, frames: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {
            "Authorization": f"Bearer {ticket.secret}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        connection.request("POST", "/v1/face/captures", body=_multipart(ticket.nonce, frames), headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"the capture was answered with {response.status}: {body[:200]!r}")


@contextmanager
def _running_service(folder: Path) -> Iterator[_Bench]:
    database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
    metadata.create_all(database.engine)
    clock = SystemClock()
    audit = Audit(vault := Vault(Keyring({"bench": new_bytes(KEY_BYTES)}, current="bench")))
    unlimited = {"face_per_account": "1000000 per 1 hour", "face_per_address": "1000000 per 1 hour"}
    lane = ProcessLane("face", workers=1, queue=4, initializer=load_models)
    face = FaceService(
        database=database,
        vault=vault,
        audit=audit,
        alerts=Alerts(Outbox(vault, Event()), audit, "https://id.shop.example", "authsvc"),
        consents=Consents(audit),
        limits=Limits(unlimited, redis_url=None, clock=clock),
        lane=lane,
        settings=FaceSettings(),
        clock=clock,
    )
    app = FastAPI(openapi_url=None)
    app.include_router(build_router(face))
    try:
        with _serving(_WithOrigin(app)) as port:
            yield _Bench(face, port)
    finally:
        lane.close()
        database.dispose()


class _WithOrigin:
    """Stands in for the edge, which is measured elsewhere: says who sent the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["origin"] = HERE
        await self._app(scope, receive, send)


@contextmanager
def _serving(app: ASGIApp) -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _face_recognition() -> Callable[[Sequence[bytes]], None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, which it imports, warns of its own end
        library: Any = import_module("face_recognition")

    def recognise(frames: Sequence[bytes]) -> None:
        for frame in frames:
            image = library.load_image_file(io.BytesIO(frame))
            found = library.face_locations(image)
            library.face_encodings(image, found, model="small")

    return recognise


def _frames(folder: Path | None) -> list[bytes]:
    if folder is None:
        return [draw_frame(PERSONS["anna"], number) for number in range(FRAMES)]
    files = sorted(folder.glob("*.jpg"))[:FRAMES]
    if len(files) < FRAMES:
        raise ValueError(f"{folder} has fewer than {FRAMES} .jpg files")
    return [file.read_bytes() for file in files]


def _multipart(nonce: str, frames: Sequence[bytes]) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"nonce"\r\n\r\n{nonce}\r\n'.encode()]
    for number, frame in enumerate(frames):
        parts.append(f'{head}"frames"; filename="{number}.jpg"\r\n\r\n'.encode() + frame + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _milliseconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
