"""POST /v1/face/captures behind the real edge, with frames measured in a real worker process."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.responses import Response
from starlette.testclient import TestClient

from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.lanes import ProcessLane
from authsvc.core.sealing.service import Vault
from authsvc.factors.face import routes
from authsvc.factors.face.captures.service import Order
from authsvc.factors.face.devices.service import IssuedDeviceTicket
from authsvc.factors.face.pipeline.measure import begin_worker
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.routes import build_router
from authsvc.factors.face.service import IssuedTicket
from authsvc.factors.face.ticket import TicketText, device_ticket_text, ticket_text
from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages
from tests.support import pictures as support
from tests.support.clocks import SettableClock
from tests.support.edge import running
from tests.support.faces import ACCOUNT, CHOICE, Device, Faces, build_faces, claim_of
from tests.support.pictures import capture

CAPTURES = "/v1/face/captures"
NO_MATCH = (1, "no_match (does not count as a second factor)\n", "")  # what the example app ends with
FRAMES = "/v1/face/captures/frames"
DEVICES = "/v1/face/devices"
CLAIM = json.dumps({"nonce": "A" * 43, "frames": [{"prompt": "straight", "offset_ms": 0}]})
EXAMPLE = Path(__file__).parents[2] / "examples" / "mobile" / "capture.py"


@pytest.fixture(scope="module")
def lane() -> Iterator[ProcessLane]:
    lane = ProcessLane("face", workers=1, queue=2, initializer=partial(begin_worker, CHOICE))
    yield lane
    lane.close()


@pytest.fixture(scope="module")
def port() -> int:
    """A port for the example app's server: what a device signs names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def faces(
    sqlite_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock, lane: ProcessLane, port: int
) -> Faces:
    server = f"http://127.0.0.1:{port}"
    faces = build_faces(sqlite_only_database, vault, audit, clock, lane=lane, server=server)
    faces.consent()
    return faces


@pytest.fixture
def app(faces: Faces, make_settings: Callable[..., Settings]) -> FastAPI:
    settings = make_settings()
    app = FastAPI()
    csrf = Csrf(bytes(range(32)), settings.issuer)
    install_edge(app, settings, csrf, Pages(settings, csrf), OriginReader(()))
    app.include_router(build_router(faces.captures, faces.face.keys))
    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="https://localhost:8000")


def send(
    client: TestClient, ticket: IssuedTicket, frames: list[bytes], *, device: Device | None = None, **changes: Any
) -> Any:
    """Begin a capture, and send its frames. Args: changes are to the request that sends them."""
    headers = {"Authorization": f"Bearer {ticket.secret}"}
    begun = client.post(CAPTURES, json={"device": device.id} if device else {}, headers=headers)
    if begun.status_code != 201:
        return begun
    answer = begun.json()
    order = Order(answer["nonce"], tuple(Prompt(each) for each in answer["prompts"]), ticket.expires_at)
    claim = claim_of(order, frames, device=device).model_dump_json(exclude_none=True)
    fields: dict[str, Any] = {
        "headers": headers,
        "data": {"capture": claim},
        "files": [("frames", (f"{number}.jpg", frame, "image/jpeg")) for number, frame in enumerate(frames)],
    }
    return client.post(FRAMES, **(fields | changes))


def evidence(faces: Faces) -> list[Any]:
    with faces.face.database.read() as connection:
        return list(connection.execute(select(audit_events).order_by(audit_events.c.id)))


def test_enrol_then_match_then_no_match(client: TestClient, faces: Faces) -> None:
    enrolled = send(client, faces.ticket(), capture("anna"))
    assert enrolled.status_code == 200, enrolled.text
    assert enrolled.json() == {"outcome": "enrolled", "reason": None, "satisfies_step_up": False}
    assert send(client, faces.ticket("verify"), capture("anna", first=3)).json()["outcome"] == "match"
    assert send(client, faces.ticket("verify"), capture("bruno")).json()["outcome"] == "no_match"


def test_a_photograph_never_satisfies_a_step_up(client: TestClient, faces: Faces) -> None:
    faces.enrol("anna")
    answer = send(client, faces.ticket("verify"), [support.frame("anna", 7)] * 3)
    assert answer.json() == {"outcome": "match", "reason": None, "satisfies_step_up": False}


@pytest.mark.parametrize(
    ("bad", "status", "code"),
    [
        (lambda: b"no image", 400, "face.not_an_image"),
        (lambda: b"", 400, "face.not_an_image"),
        (support.truncated, 400, "face.not_an_image"),
        (support.bomb, 413, "face.too_many_pixels"),
        (lambda: support.unreadable_headers()["CMYK"], 400, "face.not_an_image"),
        (lambda: support.unreadable_headers()["16-bit PNG"], 400, "face.not_an_image"),
        (lambda: support.unreadable_headers()["animated GIF"], 400, "face.not_an_image"),
        (lambda: support.frame("anna", 0) + bytes(1_500_000), 413, "face.frame_too_large"),
        (support.no_face, 400, "face.no_face"),
        (support.two_faces, 400, "face.two_faces"),
        (support.small_face, 400, "face.face_too_small"),
        (lambda: support.frame("bruno", 0), 400, "face.frames_differ"),
    ],
)
def test_an_unusable_frame_is_a_problem_and_the_ticket_stays(
    client: TestClient, faces: Faces, bad: Callable[[], bytes], status: int, code: str
) -> None:
    ticket = faces.ticket()
    answer = send(client, ticket, [*capture("anna", count=2), bad()])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert evidence(faces)[-1].facts["reason"] == code
    assert not _template(faces)
    assert send(client, ticket, capture("anna")).json()["outcome"] == "enrolled"


@pytest.mark.parametrize(
    ("count", "code"), [(1, "face.too_few_frames"), (2, "face.too_few_frames"), (9, "face.too_many_frames")]
)
def test_the_number_of_frames_is_bounded(client: TestClient, faces: Faces, count: int, code: str) -> None:
    answer = send(client, faces.ticket(), [support.frame("anna", 0)] * count)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {}},
        {"data": {"capture": "x" * 4097}},
        {"data": {"capture": CLAIM, "vector": "0.1,0.2"}},
        {"data": {"capture": CLAIM.replace("}]", '}], "embedding": [0.1]')}},
        {"data": None, "files": None, "json": {"embedding": [0.1] * 128}},
        {"data": None, "files": None, "content": b"--x--"},
    ],
)
def test_another_body_is_refused_with_evidence(client: TestClient, faces: Faces, changes: dict[str, Any]) -> None:
    answer = send(client, faces.ticket(), capture("anna"), **changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "face.malformed_upload")
    assert evidence(faces)[-1].facts["reason"] == "face.malformed_upload"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}])
def test_without_a_ticket_nobody_is_let_in(client: TestClient, faces: Faces, headers: dict[str, str]) -> None:
    answer = send(client, faces.ticket(), capture("anna"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "face.no_ticket")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_ticket_errors_are_told_apart(client: TestClient, faces: Faces, clock: SettableClock) -> None:
    ticket, other = faces.ticket(), faces.ticket()
    unknown = IssuedTicket("fct_x", "unknown", ticket.expires_at)
    assert _answer(send(client, unknown, capture("anna"))) == (404, "face.ticket_unknown")
    foreign = {"capture": CLAIM.replace("A" * 43, faces.begin(other).nonce)}
    assert _answer(send(client, ticket, capture("anna"), data=foreign)) == (403, "face.foreign_nonce")
    send(client, ticket, capture("anna"))
    assert _answer(send(client, ticket, capture("anna"))) == (410, "face.ticket_spent")
    clock.advance(seconds=120)
    assert _answer(send(client, other, capture("anna"))) == (410, "face.ticket_expired")
    reasons = [event.facts.get("reason") for event in evidence(faces) if event.tag == "face:capture:refused"]
    assert reasons == ["face.ticket_unknown", "face.foreign_nonce", "face.ticket_spent", "face.ticket_expired"]


def test_an_address_without_a_ticket_is_limited(client: TestClient, faces: Faces) -> None:
    unknown = IssuedTicket("fct_x", "unknown", faces.clock.now())
    answers = [send(client, unknown, [b"x"]).status_code for _ in range(121)]
    assert answers == [404] * 120 + [429]


def test_a_full_lane_is_busy_before_the_ticket_is_touched(client: TestClient, faces: Faces, lane: ProcessLane) -> None:
    ticket = faces.ticket()
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(lane.admit())
        answer = send(client, ticket, capture("anna"))
    assert _answer(answer) == (503, "lanes.face_full")
    assert int(answer.headers["retry-after"]) > 0
    assert send(client, ticket, capture("anna")).json()["outcome"] == "enrolled"


def test_a_worker_that_died_is_busy_and_is_replaced(client: TestClient, faces: Faces, lane: ProcessLane) -> None:
    faces.enrol("anna")
    ticket = faces.ticket("verify")
    for process in list(lane._pool._processes):
        os.kill(process, signal.SIGKILL)
    answer = send(client, ticket, capture("anna", first=3))
    assert _answer(answer) == (503, "lanes.face_full")
    assert int(answer.headers["retry-after"]) > 0
    assert evidence(faces)[-1].tag == "face:capture:interrupted"
    assert send(client, ticket, capture("anna", first=3)).json()["outcome"] == "match"


def test_places_in_the_lane_come_back(client: TestClient, faces: Faces) -> None:
    """More refusals of every kind than the lane has places."""
    ticket = faces.ticket()
    for _ in range(3):
        send(client, ticket, [b"x"])
        send(client, ticket, [b"x"] * 9)
        send(client, ticket, [], headers={})
    assert send(client, ticket, capture("anna")).status_code == 200


def test_a_slow_sender_loses_its_place(app: FastAPI, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "UPLOAD_S", 0.2)
    ticket = faces.ticket()
    status, sent = asyncio.run(_send_half(app, ticket.secret))
    assert (status, b"face.upload_too_slow" in sent) == (400, True)
    assert evidence(faces)[-1].facts["reason"] == "face.upload_too_slow"


def test_one_account_cannot_fill_the_lane(app: FastAPI, client: TestClient, faces: Faces) -> None:
    """Even with a ticket each: the second is told to come back, another account is served."""
    faces.add_account("acc_other")
    faces.consent(account_id="acc_other")
    slow, second, other = faces.ticket(), faces.ticket(), faces.ticket(account_id="acc_other")

    async def meanwhile() -> tuple[Any, Any]:
        sending = asyncio.create_task(_send_half(app, slow.secret))
        await asyncio.sleep(0.5)
        answers = [await asyncio.to_thread(send, client, each, capture("anna")) for each in (second, other)]
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return answers[0], answers[1]

    of_the_same, of_another = asyncio.run(meanwhile())
    assert _answer(of_the_same) == (503, "lanes.face_full")
    assert of_another.json()["outcome"] == "enrolled"
    assert send(client, second, capture("anna")).json()["outcome"] == "enrolled", "the place came back"


async def _send_half(app: FastAPI, secret: str) -> tuple[int, bytes]:
    """Begin a body and then say nothing more."""
    pieces = [b'--edge\r\nContent-Disposition: form-data; name="capture"\r\n\r\n{']
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        await asyncio.sleep(30)
        raise AssertionError("nobody waits this long")

    async def keep(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"host", b"localhost:8000"),
        (b"authorization", f"Bearer {secret}".encode()),
        (b"content-type", b"multipart/form-data; boundary=edge"),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": FRAMES,
        "raw_path": FRAMES.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("203.0.113.7", 1),
        "server": ("localhost", 8000),
    }
    started = time.monotonic()
    await app(scope, receive, keep)
    assert time.monotonic() - started < 10
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body


def test_an_app_developer_finds_the_whole_contract(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"][FRAMES]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["capture", "frames"]
    assert (schema["properties"]["frames"]["minItems"], schema["properties"]["frames"]["maxItems"]) == (3, 8)
    assert set(operation["responses"]) >= {"200", "400", "401", "403", "404", "409", "410", "413", "429", "503"}
    assert "face.two_faces" in operation["responses"]["400"]["description"]
    assert operation["security"] == [{"FaceTicket": []}]


def test_the_example_app_enrols_verifies_and_is_refused(app: FastAPI, faces: Faces, tmp_path: Path) -> None:
    def sent(purpose: str, person: str, first: int = 0) -> subprocess.CompletedProcess[str]:
        return _run_example(app, faces, tmp_path, faces.ticket(purpose), capture(person, first=first))

    assert sent("enrol", "anna").returncode == 0
    unsigned = sent("verify", "anna", 3)
    assert (unsigned.returncode, unsigned.stdout) == (0, "match (does not count as a second factor)\n")
    registered = _run_example(app, faces, tmp_path, faces.device_ticket(), [])
    assert (registered.returncode, registered.stdout.split()[0]) == (0, "registered")
    signed = sent("verify", "anna", 6)
    assert (signed.returncode, signed.stdout) == (0, "match (counts as a second factor)\n")
    stranger = sent("verify", "bruno")
    assert (stranger.returncode, stranger.stdout, stranger.stderr) == NO_MATCH
    refused = _run_example(app, faces, tmp_path, faces.ticket("verify"), [support.no_face()] * 3)
    assert (refused.returncode, "face.no_face" in refused.stderr) == (2, True)


def test_the_example_app_with_people(app: FastAPI, faces: Faces, research_data: Path, tmp_path: Path) -> None:
    """One person's live frames enrol and verify; another's are refused."""
    live = research_data / "presentation_attack" / "live"
    people = [sorted((live / number).glob("*.jpg"))[:9] for number in ("0003", "0005")]
    one, other = ([file.read_bytes() for file in files] for files in people)
    assert _run_example(app, faces, tmp_path, faces.ticket(), one[:3]).stdout.startswith("enrolled")
    assert _run_example(app, faces, tmp_path, faces.ticket("verify"), one[3:6]).stdout.startswith("match")
    stranger = _run_example(app, faces, tmp_path, faces.ticket("verify"), other[:3])
    assert (stranger.returncode, stranger.stdout, stranger.stderr) == NO_MATCH


def _run_example(
    app: FastAPI, faces: Faces, folder: Path, ticket: IssuedTicket | IssuedDeviceTicket, frames: list[bytes]
) -> subprocess.CompletedProcess[str]:
    server = faces.face.keys.server
    files = [folder / f"straight{number}.jpg" for number in range(len(frames))]
    for file, frame in zip(files, frames, strict=True):
        file.write_bytes(frame)
    text = TicketText(server, ticket.secret)
    shown = ticket_text(text) if isinstance(ticket, IssuedTicket) else device_ticket_text(text, nonce=ticket.nonce)
    command = [
        sys.executable,
        str(EXAMPLE),
        "--yes",
        "--ticket",
        shown,
        "--key",
        str(folder / "key.json"),
        *map(str, files),
    ]
    with running(_as_localhost(app), port=int(server.rpartition(":")[2])):
        return subprocess.run(command, capture_output=True, text=True, timeout=60)


def _as_localhost(app: FastAPI) -> Any:
    """The port is a free one, not the issuer's: the edge would answer for another host."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = scope | {"headers": [*others, (b"host", b"localhost:8000")]}
        await app(scope, receive, send)

    return asked


def _answer(answer: Response | Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def _template(faces: Faces) -> bool:
    with faces.face.database.read() as connection:
        return faces.face.template_exists(connection, ACCOUNT)
