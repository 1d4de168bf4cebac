"""Fifty captures at once against a running server: is each answered, with its own account's verdict, and who suffers.

Every account has a template of one drawn person; half of the captures show that person, half another, so an answer
that goes to the wrong account is seen. A full lane answers 503 with Retry-After: wait, and send the same again, as
an app does. Meanwhile another process asks for quick things, one after another, as it did before anything was sent.

Limits: drawings are no living faces, so the server's attack limit is lifted; everything else is as shipped. The clients
share the server's cores.
"""

import http.client
import json
import multiprocessing
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from authsvc.accounts.consents.service import Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.bench.server import BenchServer, running
from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.face.embedder.choice import choice_of
from authsvc.factors.face.matching.score import mean_of
from authsvc.factors.face.measured import FloatArray, Measured
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames
from authsvc.factors.face.prompts import Prompt
from authsvc.settings import load_settings

CAPTURES = 50
ATTEMPTS = 200
HERE = Origin("req_bench", "127.0.0.1", "authsvc bench")
BOUNDARY = "authsvc-bench"
QUICK = ("/health/live", "/health/ready", "/oauth2/jwks", "/.well-known/openid-configuration")
IDLE_S = 10.0
PAUSE_S = 0.01
TOGETHER_S = 120.0  # until all clients have begun; longer, and one of them failed
FRAMES_EACH = 2
TURN_DEG = 15.0
CLOSER = 0.68  # a face's height as a fraction of the picture's, instead of 0.52


@dataclass(frozen=True)
class _Asked:
    """One capture that will be sent, and what must be answered."""

    number: int
    secret: str
    shown: str
    expected: str


@dataclass(frozen=True)
class _Answered:
    status: int
    outcome: str
    busy: int
    seconds: float


def measure_in_flight(captures: int = CAPTURES) -> dict[str, Any]:
    """Return how the captures were answered, and the others' p99 before and meanwhile. Args: captures at once."""
    with running(FACE__ATTACK_LIMIT="inf") as server:
        asked = _prepare(server, captures)
        _send(server.port, asked[-1])  # the worker loads its models
        asked = asked[:-1]
        idle = _p99(_Prober(server.port).for_seconds(IDLE_S))
        prober = _Prober(server.port).begin()
        with ThreadPoolExecutor(captures) as pool:
            together = threading.Barrier(captures)
            answers = list(pool.map(lambda each: _send(server.port, each, together), asked))
        meanwhile = _p99(prober.end())
    right = sum(answer.outcome == each.expected for each, answer in zip(asked, answers, strict=True))
    return {
        "face_in_flight": captures,
        "face_in_flight_right": right,
        "face_in_flight_mixed_up": sum(
            answer.status == 200 and answer.outcome != each.expected
            for each, answer in zip(asked, answers, strict=True)
        ),
        "face_in_flight_lost": sum(answer.status != 200 for answer in answers),
        "face_in_flight_busy_answers": sum(answer.busy for answer in answers),
        "face_in_flight_s": round(max(answer.seconds for answer in answers), 1),
        "face_in_flight_outcomes": dict(Counter(answer.outcome for answer in answers)),
        "face_others_p99_idle_ms": round(idle, 1),
        "face_others_p99_meanwhile_ms": round(meanwhile, 1),
        "face_others_p99_ratio": round(meanwhile / idle, 2),
    }


def _prepare(server: BenchServer, captures: int) -> list[_Asked]:
    """Make accounts with consent, template and ticket; one more to warm up with."""
    begin_worker(choice_of(load_settings()))
    templates, embedder = {}, ""
    for name in PERSONS:
        found = measure_frames([_frame(name, number, Prompt.STRAIGHT) for number in range(100, 103)])
        if not isinstance(found, Measured):
            raise RuntimeError(f"a drawn face can't be measured: {found}")
        templates[name], embedder = mean_of([frame.embedding for frame in found.frames]), found.embedder
    names = sorted(PERSONS)
    for name in names:  # drawing them takes longer than sending them
        for prompt in Prompt:
            for number in range(FRAMES_EACH):
                _frame(name, number, prompt)
    asked = []
    for number in range(captures + 1):
        owner, shown = names[number % len(names)], names[(number + number % 2) % len(names)]
        secret = _account(server, templates[owner], embedder)
        asked.append(_Asked(number, secret, shown, "match" if owner == shown else "no_match"))
    return asked


def _account(server: BenchServer, template: FloatArray, embedder: str) -> str:
    """Return the secret of a ticket to verify a new account's face."""
    face, account_id = server.services.face, new_id("acc")
    now = server.services.clock.now()
    with face.database.write() as connection:
        insert_account(connection, Account(account_id, new_bytes(64), "Bench", "active", now))
        server.services.consents.give(connection, account_id, Purpose.FACE, origin=HERE, now=now)
        face.captures.templates.keep(connection, account_id, template, embedder=embedder, frames=3, now=now)
        ticket = face.issue_ticket(
            connection, flow_id=f"flow_{account_id}", account_id=account_id, purpose="verify", origin=HERE, now=now
        )
    return ticket.secret


# -- clients


def _send(port: int, asked: _Asked, together: threading.Barrier | None = None) -> _Answered:
    headers = {
        "Authorization": f"Bearer {asked.secret}",
        "X-Forwarded-For": f"198.51.{asked.number % 250}.7",  # a network of their own, as customers have
    }
    status, answer, _ = _post(port, "/v1/face/captures", b"{}", headers | {"Content-Type": "application/json"})
    if status != 201:
        raise RuntimeError(f"a capture could not be begun: {status} {answer}")
    body = _capture(asked.shown, [Prompt(name) for name in answer["prompts"]], answer["nonce"])
    headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
    time.sleep(2.0)  # the frames say that they were taken one after another
    if together is not None:
        together.wait(timeout=TOGETHER_S)
    started = time.perf_counter()
    busy = 0
    while True:
        status, answer, retry_after_s = _post(port, "/v1/face/captures/frames", body, headers)
        if status != 503 or busy == ATTEMPTS:
            break
        if not retry_after_s:
            raise RuntimeError(f"a 503 without Retry-After: {answer}")
        busy += 1
        time.sleep(retry_after_s)
    return _Answered(status, str(answer.get("outcome", answer.get("code"))), busy, time.perf_counter() - started)


def _post(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], float]:
    connection = http.client.HTTPConnection("localhost", port, timeout=120)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read()), float(response.headers.get("Retry-After", 0))
    finally:
        connection.close()


def _capture(shown: str, prompts: Sequence[Prompt], nonce: str) -> bytes:
    frames: list[bytes] = []
    said: list[dict[str, str | int]] = []
    for prompt in prompts:
        for number in range(FRAMES_EACH):
            frames.append(_frame(shown, number, prompt))
            said.append({"prompt": prompt.value, "offset_ms": 300 * len(said)})
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"capture"\r\n\r\n{json.dumps({"nonce": nonce, "frames": said})}\r\n'.encode()]
    for number, frame in enumerate(frames):
        parts.append(f'{head}"frames"; filename="{number}.jpg"\r\n\r\n'.encode() + frame + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@cache
def _frame(name: str, number: int, prompt: Prompt) -> bytes:
    turn_deg = {Prompt.LEFT: TURN_DEG, Prompt.RIGHT: -TURN_DEG}.get(prompt, 0.0)
    size = CLOSER if prompt is Prompt.CLOSER else 0.52
    return draw_frame(PERSONS[name], number, size=size, turn_deg=turn_deg)


# -- the others


class _Prober:
    """Asks for quick things from a process of its own, one request after another."""

    def __init__(self, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop, (self._here, there) = context.Event(), context.Pipe(duplex=False)
        self._ready = context.Event()
        self._process = context.Process(target=_probe, args=(port, self._ready, self._stop, there), daemon=True)

    def begin(self) -> "_Prober":
        self._process.start()
        self._ready.wait()
        return self

    def end(self) -> list[float]:
        self._stop.set()
        found: list[float] = self._here.recv()
        self._process.join()
        return found

    def for_seconds(self, seconds: float) -> list[float]:
        self.begin()
        time.sleep(seconds)
        return self.end()


def _probe(port: int, ready: Any, stop: Any, there: Any) -> None:
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    spent: list[float] = []
    ready.set()
    while not stop.is_set():
        for path in QUICK:
            started = time.perf_counter()
            connection.request("GET", path, headers={"X-Forwarded-For": "198.51.100.250"})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"{path} was answered with {response.status}")
            spent.append((time.perf_counter() - started) * 1000)
            time.sleep(PAUSE_S)
    there.send(spent)


def _p99(milliseconds: Sequence[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[98]
