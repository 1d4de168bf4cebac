"""Tickets, templates and verdicts on both databases, with drawn faces and the real embedder."""

import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, select

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.tables import accounts, alerts
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database, metadata
from authsvc.core.errors import AuthsvcError, Busy, Gone, NotAllowed, NotFound, TooMany
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.captures.service import Order
from authsvc.factors.face.captures.verdicts import Verdict
from authsvc.factors.face.matching.score import mean_of
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.pipeline.measure import measure_frames
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.service import IssuedTicket
from authsvc.factors.face.store import (
    Template,
    consume_ticket,
    delete_face_data,
    find_template,
    find_ticket,
    hold_claimed_ticket,
    put_template,
    sweep_tickets,
)
from authsvc.factors.face.tables import face_templates, face_tickets
from tests.support import pictures
from tests.support.clocks import SettableClock
from tests.support.faces import ACCOUNT, FLOW, ORIGIN, Faces, build_faces
from tests.support.pictures import capture


def again() -> list[bytes]:
    """Another capture of the person who is enrolled."""
    return capture("anna", first=3)


@pytest.fixture
def faces(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Faces:
    return build_faces(database, vault, audit, clock)


@pytest.fixture
def enrolled(faces: Faces) -> Faces:
    faces.consent()
    faces.enrol("anna")
    return faces


def events(faces: Faces, tag: str | None = None) -> list[Any]:
    query = select(audit_events).order_by(audit_events.c.id)
    with faces.face.database.read() as connection:
        rows = connection.execute(query.where(audit_events.c.tag == tag) if tag else query)
        return [row for row in rows if row.tag.startswith("face:")]


def template(faces: Faces) -> Template | None:
    with faces.face.database.read() as connection:
        return find_template(connection, ACCOUNT)


def status(faces: Faces, ticket: Any) -> Any:
    with faces.face.database.read() as connection:
        return faces.face.ticket_status(connection, ticket.ticket_id, FLOW)


def refusal(work: Callable[[], object]) -> AuthsvcError:
    with pytest.raises(AuthsvcError) as refused:
        work()
    return refused.value


# -- enrol and verify


def test_a_person_enrols_and_is_recognised(enrolled: Faces) -> None:
    ticket = enrolled.ticket("verify")
    assert enrolled.submit(ticket, again()) == Verdict("match", None, satisfies=False)
    assert status(enrolled, ticket).outcome == "match"


def test_somebody_else_is_not(enrolled: Faces) -> None:
    assert enrolled.submit(enrolled.ticket("verify"), capture("bruno")) == Verdict("no_match", None, satisfies=False)


def test_a_photograph_that_matches_satisfies_nothing(enrolled: Faces) -> None:
    """The same picture again and again is what a printed photograph amounts to; here attack detection is off."""
    photograph = [pictures.frame("anna", 9)] * 3
    assert enrolled.submit(enrolled.ticket("verify"), photograph) == Verdict("match", None, satisfies=False)


def test_each_outcome_leaves_its_evidence(enrolled: Faces) -> None:
    enrolled.submit(enrolled.ticket("verify"), again())
    enrolled.submit(enrolled.ticket("verify"), capture("bruno"))
    enrolled.submit(enrolled.ticket("verify"), [pictures.no_face()] * 3)
    assert [event.tag for event in events(enrolled)] == [
        "face:ticket:issued",
        "face:template:enrolled",
        "face:ticket:issued",
        "face:capture:matched",
        "face:ticket:issued",
        "face:capture:rejected",
        "face:ticket:issued",
        "face:capture:refused",
    ]
    refused = events(enrolled, "face:capture:refused")[0]
    assert (refused.facts["reason"], refused.facts["frame"]) == ("face.no_face", 0)


def test_no_distance_and_no_score_is_kept(enrolled: Faces) -> None:
    """Evidence outlives a consent, and who downloads their own would learn how near a picture came."""
    enrolled.submit(enrolled.ticket("verify"), capture("bruno"))
    event = events(enrolled, "face:capture:rejected")[0]
    assert (event.facts["threshold"], event.facts["kind"]) == (0.40, "plain")
    assert set(event.facts) == {"ticket", "flow", "purpose", "frames", "embedder", "threshold", "kind"}
    with enrolled.face.database.read() as connection:
        personal = enrolled.captures.templates.vault.open_json_for(
            connection, ACCOUNT, event.sealed, context=f"audit_events:{event.event_id}"
        )
    assert set(personal) == {"address", "user_agent"}


def test_the_owner_is_told_that_a_face_was_enrolled(enrolled: Faces) -> None:
    with enrolled.face.database.read() as connection:
        warned = connection.execute(select(alerts.c.account_id, alerts.c.kind)).all()
    assert [tuple(row) for row in warned] == [(ACCOUNT, "factor_added")]


def test_enrolling_again_replaces_the_template(enrolled: Faces) -> None:
    enrolled.enrol("bruno")
    assert enrolled.submit(enrolled.ticket("verify"), capture("bruno", first=3)).outcome == "match"
    assert enrolled.submit(enrolled.ticket("verify"), again()).outcome == "no_match"


def test_two_people_in_one_capture_are_not_averaged(faces: Faces) -> None:
    faces.consent()
    ticket = faces.ticket()
    mixed = [pictures.frame("anna", 0), pictures.frame("bruno", 0), pictures.frame("anna", 1)]
    assert faces.submit(ticket, mixed).reason == "face.frames_differ"
    assert template(faces) is None


def test_a_template_of_another_embedder_is_never_compared(enrolled: Faces) -> None:
    kept = template(enrolled)
    assert kept is not None
    with enrolled.face.database.write() as connection:
        put_template(connection, replace(kept, embedder="another/1"))
    ticket = enrolled.ticket("verify")
    assert enrolled.submit(ticket, again()) == Verdict("refused", "face.template_outdated", satisfies=False)
    assert status(enrolled, ticket).state == "done"


# -- tickets


def test_a_ticket_is_bound_to_flow_account_and_two_minutes(faces: Faces, clock: SettableClock) -> None:
    faces.consent()
    ticket = faces.ticket()
    assert (ticket.expires_at - clock.now()).total_seconds() == 120
    with faces.face.database.read() as connection:
        row = find_ticket(connection, ticket.ticket_id)
        assert row is not None
        assert (row.flow_id, row.account_id, row.purpose) == (FLOW, ACCOUNT, "enrol")
        assert ticket.secret.encode() not in row.secret_hash
        with pytest.raises(NotFound):
            faces.face.ticket_status(connection, ticket.ticket_id, "another flow")


def test_no_ticket_to_enrol_without_consent(faces: Faces) -> None:
    assert refusal(faces.ticket).code == "face.no_consent"


def test_no_ticket_to_verify_without_a_template(faces: Faces) -> None:
    faces.consent()
    assert refusal(lambda: faces.ticket("verify")).code == "face.no_template"


def test_no_ticket_where_faces_are_switched_off(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = build_faces(database, vault, audit, clock, enabled=False)
    faces.consent()
    assert isinstance(refusal(faces.ticket), NotAllowed)


def test_a_replayed_ticket_is_spent(enrolled: Faces) -> None:
    ticket = enrolled.ticket("verify")
    enrolled.submit(ticket, capture("bruno"))
    replay = refusal(lambda: enrolled.submit(ticket, again()))
    assert isinstance(replay, Gone)
    assert replay.code == "face.ticket_spent"
    assert events(enrolled)[-1].facts["reason"] == "face.ticket_spent"
    assert status(enrolled, ticket).outcome == "no_match"


def test_an_expired_ticket_is_gone(enrolled: Faces, clock: SettableClock) -> None:
    ticket = enrolled.ticket("verify")
    clock.advance(seconds=120)
    assert refusal(lambda: enrolled.submit(ticket, again())).code == "face.ticket_expired"
    assert events(enrolled)[-1].facts["reason"] == "face.ticket_expired"
    assert enrolled.lane.runs == 1  # the enrolment's
    assert status(enrolled, ticket).state == "expired"


def test_a_ticket_of_yesterday_is_swept_away(enrolled: Faces, clock: SettableClock) -> None:
    old = enrolled.ticket("verify")
    clock.advance(days=2)
    with enrolled.face.database.write() as connection:
        sweep_tickets(connection, clock.now())
    assert refusal(lambda: enrolled.submit(old, again())).code == "face.ticket_unknown"


def test_an_unknown_ticket_leaves_evidence(faces: Faces) -> None:
    unknown = IssuedTicket("fct_x", "no such secret", faces.clock.now())
    assert refusal(lambda: faces.begin(unknown)).code == "face.ticket_unknown"
    order = Order("A" * 43, (Prompt.STRAIGHT,), faces.clock.now())
    assert refusal(lambda: faces.submit(unknown, order=order, frames=again())).code == "face.ticket_unknown"
    assert events(faces)[-1].account_id is None


def test_a_foreign_nonce_changes_nothing(enrolled: Faces) -> None:
    ticket, other = enrolled.ticket("verify"), enrolled.ticket("verify")
    theirs = enrolled.begin(other).nonce
    problem = refusal(lambda: enrolled.submit(ticket, again(), nonce=theirs))
    assert isinstance(problem, NotAllowed)
    assert events(enrolled)[-1].facts["reason"] == "face.foreign_nonce"
    assert enrolled.submit(ticket, again()).outcome == "match"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (lambda: capture("anna", count=2), "face.too_few_frames"),
        (lambda: capture("anna", count=9), "face.too_many_frames"),
        (lambda: [*capture("anna", count=2), b"text"], "face.not_an_image"),
        (lambda: [*capture("anna", count=2), pictures.bomb()], "face.too_many_pixels"),
        (lambda: [*capture("anna", count=2), pictures.frame("anna", 0) + bytes(1_500_000)], "face.frame_too_large"),
        (lambda: [*capture("anna", count=2), pictures.truncated()], "face.not_an_image"),
        (lambda: [*capture("anna", count=2), pictures.no_face()], "face.no_face"),
        (lambda: [*capture("anna", count=2), pictures.two_faces()], "face.two_faces"),
        (lambda: [*capture("anna", count=2), pictures.small_face()], "face.face_too_small"),
    ],
)
def test_an_unusable_capture_leaves_evidence_and_the_ticket(
    enrolled: Faces, frames: Callable[[], list[bytes]], code: str
) -> None:
    ticket = enrolled.ticket("verify")
    assert enrolled.submit(ticket, frames()) == Verdict("refused", code, satisfies=False)
    assert events(enrolled)[-1].facts["reason"] == code
    assert (status(enrolled, ticket).state, status(enrolled, ticket).reason) == ("open", code)
    assert enrolled.submit(ticket, again()).outcome == "match"


def test_a_ticket_is_used_by_one_capture_at_a_time(enrolled: Faces) -> None:
    ticket = enrolled.ticket("verify")
    seen: list[str] = []

    def meanwhile() -> None:
        enrolled.lane.before = lambda: None
        seen.append(refusal(lambda: enrolled.submit(ticket, again())).code)
        seen.append(status(enrolled, ticket).state)

    enrolled.lane.before = meanwhile
    assert enrolled.submit(ticket, again()).outcome == "match"
    assert seen == ["face.ticket_spent", "measuring"]


@pytest.mark.parametrize("problem", [Busy("lanes.face_full", "", retry_after_s=2), MemoryError(), RuntimeError()])
def test_a_capture_that_was_not_measured_gives_the_ticket_back(enrolled: Faces, problem: Exception) -> None:
    ticket = enrolled.ticket("verify")

    def fail() -> None:
        enrolled.lane.before = lambda: None
        raise problem

    enrolled.lane.before = fail
    with pytest.raises(type(problem)):
        enrolled.submit(ticket, again())
    assert events(enrolled)[-1].tag == "face:capture:interrupted"
    assert enrolled.submit(ticket, again()).outcome == "match"


def test_captures_of_an_account_are_limited(enrolled: Faces) -> None:
    tickets = [enrolled.ticket("verify") for _ in range(30)]
    for ticket in tickets[:29]:
        assert enrolled.submit(ticket, []).reason == "face.too_few_frames"
    runs = enrolled.lane.runs
    assert isinstance(refusal(lambda: enrolled.submit(tickets[29], again())), TooMany)
    assert enrolled.lane.runs == runs


@pytest.mark.postgresql
def test_of_sixteen_captures_on_one_ticket_one_runs(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = build_faces(postgresql_only_database, vault, audit, clock)
    faces.consent()
    faces.enrol()
    ticket, frames, start = faces.ticket("verify"), again(), threading.Barrier(16)
    runs = faces.lane.runs

    def race() -> str:
        start.wait()
        try:
            return str(faces.submit(ticket, frames).outcome)
        except Gone as gone:
            return gone.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = [future.result() for future in [pool.submit(race) for _ in range(16)]]
    assert sorted(outcomes) == ["face.ticket_spent"] * 15 + ["match"]
    assert faces.lane.runs == runs + 1


# -- consent


def test_consent_withdrawn_while_measuring_keeps_nothing(faces: Faces) -> None:
    faces.consent()
    ticket = faces.ticket()
    faces.lane.before = faces.withdraw
    assert faces.submit(ticket, again()) == Verdict("refused", "face.no_consent", satisfies=False)
    assert template(faces) is None
    last = events(faces)[-1]
    assert (last.facts["reason"], last.account_id, last.sealed) == ("face.no_consent", None, None)


def test_consent_is_read_again_where_the_template_is_written(faces: Faces, audit: Audit, clock: SettableClock) -> None:
    """Also when whoever takes it back deletes nothing."""
    faces.consent()

    def withdraw_only() -> None:
        with faces.face.database.write() as connection:
            Consents(audit).withdraw(connection, ACCOUNT, Purpose.FACE, origin=ORIGIN, now=clock.now())

    faces.lane.before = withdraw_only
    assert faces.submit(faces.ticket(), again()) == Verdict("refused", "face.no_consent", satisfies=False)
    assert template(faces) is None


def test_a_consent_that_was_given_again_does_not_revive_a_ticket(faces: Faces) -> None:
    faces.consent()
    ticket = faces.ticket()
    faces.withdraw()
    faces.consent()
    assert refusal(lambda: faces.submit(ticket, again())).code == "face.ticket_unknown"


@pytest.mark.postgresql
def test_a_withdrawal_waits_for_the_template_that_is_being_written(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = build_faces(postgresql_only_database, vault, audit, clock)
    faces.consent()
    ticket = faces.ticket()
    nonce = faces.begin(ticket).nonce
    withdrawal = threading.Thread(target=faces.withdraw)
    with faces.face.database.write() as connection:  # as the service does it, long before: its lock is gone
        assert consume_ticket(connection, ticket.ticket_id, nonce=nonce, now=clock.now())
    with faces.face.database.write() as connection:
        assert hold_claimed_ticket(connection, ticket.ticket_id)
        withdrawal.start()
        time.sleep(0.3)
        assert withdrawal.is_alive()
        put_template(connection, Template(ACCOUNT, b"sealed", b"key", "e", 3, clock.now()))
    withdrawal.join(timeout=60)
    assert template(faces) is None


# -- what is kept, and what is not


def test_a_template_opens_only_in_its_own_row(enrolled: Faces) -> None:
    """Whoever can write to the database still can't lend their face to another account."""
    kept = template(enrolled)
    assert kept is not None
    enrolled.add_account("acc_other")
    enrolled.consent(account_id="acc_other")
    vault = enrolled.captures.templates.vault
    with enrolled.face.database.write() as connection:
        opened = vault.open_for(connection, ACCOUNT, kept.sealed, context=f"face_templates:{ACCOUNT}")
        assert opened is not None
        assert len(opened) == 128 * 8
        with pytest.raises(CannotOpen):  # even with the right person's key
            vault.open_for(connection, ACCOUNT, kept.sealed, context="face_templates:acc_other")
        put_template(connection, replace(kept, account_id="acc_other"))
    ticket = enrolled.ticket("verify", account_id="acc_other")
    assert enrolled.submit(ticket, again()) == Verdict("refused", "face.template_damaged", satisfies=False)
    assert events(enrolled)[-1].facts["reason"] == "face.template_damaged"


def test_no_frame_and_no_vector_is_in_any_table(enrolled: Faces) -> None:
    enrolled.submit(enrolled.ticket("verify"), again())
    enrolled.submit(enrolled.ticket("verify"), [*capture("anna", count=2), pictures.no_face()])
    stored = b"\x00".join(_every_value(enrolled.face.database))
    assert b"face:template:enrolled" in stored  # the search sees what is there
    for first in (0, 3):
        frames = capture("anna", first=first)
        measured = measure_frames(frames)
        assert isinstance(measured, Measured)
        for frame in frames:
            assert not any(frame[at : at + 24] in stored for at in range(0, len(frame) - 24, 997))
        vectors = [each.embedding for each in measured.frames]
        for vector in [*vectors, mean_of(vectors)]:
            for needle in _spellings(vector):
                assert needle not in stored


def _every_value(database: Database) -> Iterator[bytes]:
    with database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()


def _spellings(vector: np.ndarray) -> Iterator[bytes]:
    for one, two in pairwise(vector):
        yield struct.pack("<d", one)
        yield struct.pack(">d", one)
        yield struct.pack("<ff", one, two)
        yield f"{one:.6f}".encode()


def test_forgetting_leaves_nothing_but_evidence(enrolled: Faces) -> None:
    enrolled.ticket("verify")
    with enrolled.face.database.write() as connection:
        assert enrolled.face.forget(connection, ACCOUNT, origin=ORIGIN, now=enrolled.clock.now())
    with enrolled.face.database.write() as connection:
        assert not enrolled.face.forget(connection, ACCOUNT, origin=ORIGIN, now=enrolled.clock.now())
        assert not enrolled.face.template_exists(connection, ACCOUNT)
        assert connection.execute(select(face_tickets)).all() == []
        assert connection.execute(select(face_templates)).all() == []
    assert events(enrolled)[-1].tag == "face:template:deleted"


@pytest.mark.parametrize("way", ["withdrawal", "erasure", "the account's row"])
def test_a_template_goes_with_its_consent_and_its_account(enrolled: Faces, way: str) -> None:
    enrolled.ticket("verify")
    if way == "withdrawal":
        enrolled.withdraw()
    else:
        with enrolled.face.database.write() as connection:
            if way == "erasure":
                delete_face_data(connection, ACCOUNT)
            else:
                connection.execute(delete(accounts).where(accounts.c.id == ACCOUNT))
    with enrolled.face.database.read() as connection:
        assert connection.execute(select(face_tickets)).all() == []
        assert connection.execute(select(face_templates)).all() == []


def test_an_erased_person_cannot_be_compared(enrolled: Faces) -> None:
    """The key is gone though the row, by some mistake, is not."""
    ticket = enrolled.ticket("verify")
    with enrolled.face.database.write() as connection:
        enrolled.captures.templates.vault.destroy_key(connection, ACCOUNT, now=enrolled.clock.now())
    assert enrolled.submit(ticket, again()).reason == "face.no_template"


def test_a_ticket_needs_an_account(faces: Faces) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), faces.face.database.write() as connection:
        connection.execute(
            insert(face_tickets).values(
                id="x",
                secret_hash=b"x",
                nonce="x",
                prompts="straight",
                browser_known=False,
                satisfies=False,
                purpose="enrol",
                flow_id="x",
                account_id="nobody",
                created_at=faces.clock.now(),
                expires_at=faces.clock.now(),
            )
        )
