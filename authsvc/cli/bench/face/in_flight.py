"""Fifty captures at once against a running server: is each answered, with its own account's verdict, and who suffers.

Every account has a phone with a registered key, and a template of one drawn person; half of the captures show that
person, half another, so an answer that goes to the wrong account is seen. Right is a capture that was answered with its
own account's verdict, and whose ticket in the database says the same. Meanwhile another process asks for quick
things, one after another, as it did before anything was sent.

Limits: drawings are no living faces, so the server's attack limit is lifted (`face_in_flight_attack_limit`); everything
else is as shipped. The clients share the server's cores.
"""

import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from authsvc.accounts.consents.service import Purpose
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.bench.face.frames import posed_frame
from authsvc.cli.bench.face.others import Others
from authsvc.cli.bench.face.phone import FRAMES_EACH, Phone, Sent, registered
from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.cli.bench.server import BenchServer, running
from authsvc.cli.drawn_face import PERSONS
from authsvc.core.ids import hash_secret, new_bytes, new_id, new_secret
from authsvc.core.origin import Origin
from authsvc.factors.face.embedder.choice import choice_of
from authsvc.factors.face.matching.score import mean_of
from authsvc.factors.face.measured import FloatArray, Measured
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.service import TicketBrowser
from authsvc.settings import load_settings

CAPTURES = 50
IDLE_S = 10.0
WARM_WITHIN_S = 60.0  # the first capture, while the worker loads its models
PATIENCE_S = 120.0  # then a capture that was never let in counts as lost
ATTACK_LIMIT = math.inf
HERE = Origin("req_bench", "127.0.0.1", "authsvc bench")


@dataclass(frozen=True)
class _Customer:
    """An account with a template and a phone, whom the phone's camera sees, and what must come of it."""

    account_id: str
    phone: Phone
    shown: str
    expected: str


@dataclass(frozen=True)
class _Asked:
    """A capture that was begun on a ticket."""

    customer: _Customer
    ticket_id: str
    secret: str
    body: bytes


def measure_in_flight(captures: int = CAPTURES) -> dict[str, Any]:
    """Return how the captures were answered, and the others' p99 before and meanwhile. Args: captures at once."""
    with running(FACE__ATTACK_LIMIT=str(ATTACK_LIMIT)) as server:
        customers = _customers(server, captures + 1)
        _warm(server, customers.pop())
        others = Others(server.port)
        time.sleep(IDLE_S)
        idle = others.end()
        asked = [_begun(server, each) for each in customers]
        others = Others(server.port)
        together = Barrier(captures)
        with ThreadPoolExecutor(captures) as pool:
            answers = list(pool.map(lambda each: _send(each, together), asked))
        meanwhile = others.end()
        kept = [_kept(server, each) for each in asked]
    answered = [answer.status == 200 for answer in answers]
    own = [
        (answer.outcome, answer.satisfies) == (each.customer.expected, each.customer.expected == "match")
        and row == (answer.outcome, answer.satisfies)
        for each, answer, row in zip(asked, answers, kept, strict=True)
    ]
    return {
        "face_in_flight": captures,
        "face_in_flight_attack_limit": str(ATTACK_LIMIT),
        "face_in_flight_right": sum(own),
        "face_in_flight_mixed_up": sum(was and not right for was, right in zip(answered, own, strict=True)),
        "face_in_flight_lost": answered.count(False),
        "face_in_flight_busy_answers": sum(answer.busy for answer in answers),
        "face_in_flight_s": round(max(answer.seconds for answer in answers), 1),
        "face_in_flight_outcomes": dict(Counter(answer.outcome for answer in answers)),
        "face_others_requests": len(meanwhile.spent_ms),
        "face_others_failed": idle.failed + meanwhile.failed,
        "face_others_p99_idle_ms": round(idle.p99_ms, 1),
        "face_others_p99_meanwhile_ms": round(meanwhile.p99_ms, 1),
        "face_others_p99_ratio": round(meanwhile.p99_ms / idle.p99_ms, 2),
    }


def _customers(server: BenchServer, count: int) -> list[_Customer]:
    begin_worker(choice_of(load_settings()))
    names = sorted(PERSONS)
    for name in names:
        for prompt in Prompt:
            for number in range(FRAMES_EACH):
                posed_frame(name, number, prompt)
    templates = {name: _template(name) for name in names}
    made = []
    for number in range(count):
        owner, shown = names[number % len(names)], names[(number + number % 2) % len(names)]
        account_id, phone = _account(server, number, *templates[owner])
        made.append(_Customer(account_id, phone, shown, "match" if owner == shown else "no_match"))
    return made


def _template(name: str) -> tuple[FloatArray, str]:
    """Return a template, and what measured it."""
    found = measure_frames([posed_frame(name, number, Prompt.STRAIGHT) for number in range(100, 103)])
    if not isinstance(found, Measured):
        raise NotMeasured(f"a drawn face can't be measured: {found.code}")
    return mean_of(found.embeddings), found.embedder


def _account(server: BenchServer, number: int, template: FloatArray, embedder: str) -> tuple[str, Phone]:
    services, account_id = server.services, new_id("acc")
    now = services.clock.now()
    with services.database.write() as connection:
        insert_account(connection, Account(account_id, new_bytes(64), "Bench", "active", now))
        services.consents.give(connection, account_id, Purpose.FACE, origin=HERE, now=now)
        services.face.captures.templates.keep(connection, account_id, template, embedder=embedder, frames=3, now=now)
        session, _ = services.sessions.open(
            connection,
            account_id=account_id,
            device_id=None,
            kind="customer",
            proofs={ProofKind.PASSWORD: now},
            origin=HERE,
            now=now,
        )
        ticket = services.face.keys.issue_ticket(
            connection, account_id, session_id=session.id, kind="app", browser_device_id=None, now=now
        )
    return account_id, registered(server.port, number, ticket)


def _begun(server: BenchServer, customer: _Customer) -> _Asked:
    services = server.services
    with services.database.write() as connection:
        ticket = services.face.issue_ticket(
            connection,
            flow_id=f"flow_{customer.account_id}",
            account_id=customer.account_id,
            purpose="verify",
            browser=TicketBrowser(hash_secret(new_secret()), known=True),
            origin=HERE,
            now=services.clock.now(),
        )
    return _Asked(customer, ticket.ticket_id, ticket.secret, customer.phone.capture(ticket.secret, customer.shown))


def _warm(server: BenchServer, customer: _Customer) -> None:
    """Let the worker load its models; one that can't is said, and not waited for."""
    asked = _begun(server, customer)
    sent = customer.phone.send(asked.secret, asked.body, patience_s=WARM_WITHIN_S)
    if sent.status != 200:
        raise NotMeasured(f"the first capture was answered {sent.status} {sent.outcome}, {sent.busy} times busy before")


def _send(asked: _Asked, together: Barrier) -> Sent:
    together.wait(timeout=PATIENCE_S)
    return asked.customer.phone.send(asked.secret, asked.body, patience_s=PATIENCE_S)


def _kept(server: BenchServer, asked: _Asked) -> tuple[str | None, bool]:
    """Return what the ticket's row says."""
    with server.services.database.read() as connection:
        flow_id = f"flow_{asked.customer.account_id}"
        status = server.services.face.ticket_status(connection, asked.ticket_id, flow_id)
    return status.outcome, status.satisfies
