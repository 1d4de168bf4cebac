"""What ends while a capture is on its way (session, account, person), and what may be kept of it then."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from authsvc.accounts.store import freeze_account
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import NotAllowed, NotFound, TooMany
from authsvc.core.ids import new_bytes
from authsvc.core.sealing.service import ERASED, Vault
from authsvc.core.sealing.tables import personal_keys
from authsvc.factors.face.captures.verdicts import Verdict
from authsvc.factors.face.store import delete_face_data, find_template
from authsvc.login.leaving.store import bury_account
from tests.support.clocks import SettableClock
from tests.support.faces import ACCOUNT, FLOW, ORIGIN, Faces, build_faces
from tests.support.written_faces import ASKED, WrittenLane, frames

OVER = Verdict("refused", "face.ticket_unknown", satisfies=False)


def faces_of(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Faces:
    faces = build_faces(database, vault, audit, clock, lane=WrittenLane(), prompts=lambda: ASKED, attack_limit=0.0)
    faces.consent()
    return faces


@pytest.fixture
def faces(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Faces:
    return faces_of(database, vault, audit, clock)


def enrolled(faces: Faces) -> bool:
    with faces.face.database.read() as connection:
        return find_template(connection, ACCOUNT) is not None


def last_event(faces: Faces) -> Any:
    with faces.face.database.read() as connection:
        return connection.execute(select(audit_events).order_by(audit_events.c.id.desc()).limit(1)).one()


def freeze(faces: Faces) -> None:
    with faces.face.database.write() as connection:
        assert freeze_account(connection, ACCOUNT, client=None)


def erase(faces: Faces) -> None:
    """As login/leaving does it: the row stays, buried, and the person's key is destroyed."""
    with faces.face.database.write() as connection:
        delete_face_data(connection, ACCOUNT)
        bury_account(connection, ACCOUNT, new_bytes(64))
        faces.captures.templates.vault.destroy_key(connection, ACCOUNT, now=faces.clock.now())


def keys_of(faces: Faces) -> int:
    with faces.face.database.read() as connection:
        own = (personal_keys.c.account_id == ACCOUNT) & (personal_keys.c.sealed_key != ERASED)
        return len(connection.execute(select(personal_keys).where(own)).all())


# -- the session that asked for it


def test_an_enrolment_ends_with_the_session_that_asked_for_it(faces: Faces) -> None:
    """Whoever ends a stolen session would otherwise still find the thief's face enrolled two minutes later."""
    session = faces.session()
    ticket = faces.ticket(session_id=session)
    faces.end_sessions()
    assert faces.submit(ticket, frames(100)) == OVER
    assert not enrolled(faces)


def test_it_ends_also_where_the_session_ends_while_it_is_measured(faces: Faces) -> None:
    session = faces.session()
    ticket = faces.ticket(session_id=session)
    faces.lane.before = faces.end_sessions
    assert faces.submit(ticket, frames(100)) == OVER
    assert not enrolled(faces)


def test_with_the_session_alive_it_enrols(faces: Faces) -> None:
    assert faces.submit(faces.ticket(session_id=faces.session()), frames(100)).outcome == "enrolled"


@pytest.mark.parametrize("purpose", ["enrol", "verify"])
def test_nothing_comes_of_a_capture_for_a_locked_account(faces: Faces, purpose: str) -> None:
    if purpose == "verify":
        faces.submit(faces.ticket(), frames(100))
    ticket = faces.ticket(purpose)
    freeze(faces)
    assert faces.submit(ticket, frames()) == OVER
    assert enrolled(faces) is (purpose == "verify")


# -- the person


@pytest.mark.parametrize("what", ["unusable", "a picture", "too late", "not measured"])
def test_an_erased_person_gets_no_new_key_for_a_capture_that_fails(faces: Faces, what: str) -> None:
    """What is sealed under it could never be erased: nobody erases twice."""
    ticket = faces.ticket()
    changes: dict[str, Any] = {"unusable": {"yaw": 0.0}, "a picture": {"attack": math.inf}}.get(what, {})

    def meanwhile() -> None:
        erase(faces)
        if what == "not measured":
            raise MemoryError

    faces.lane.before = meanwhile
    if what == "not measured":
        with pytest.raises(MemoryError):
            faces.submit(ticket, frames(**changes))
    else:
        faces.submit(ticket, frames(**changes))
    assert keys_of(faces) == 0
    assert (last_event(faces).account_id, last_event(faces).sealed) == (None, None)


@pytest.mark.postgresql
def test_a_capture_that_is_claimed_waits_for_whoever_takes_the_consent_back(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    """Both want account and ticket; in another order each would wait for the other, and one would be thrown out."""
    faces = faces_of(postgresql_only_database, vault, audit, clock)
    faces.submit(faces.ticket(), frames(100))
    ticket = faces.ticket("verify")
    order = faces.begin(ticket)
    found: list[str] = []
    capture = threading.Thread(target=lambda: found.append(_code(lambda: faces.submit(ticket, frames(), order=order))))
    with postgresql_only_database.write() as connection:
        assert freeze_account(connection, ACCOUNT, client=None)  # holds the account's row
        capture.start()
        _until_somebody_waits(postgresql_only_database)
        delete_face_data(connection, ACCOUNT)
    capture.join(timeout=20)
    assert found == ["face.ticket_spent"]


def _until_somebody_waits(database: Database) -> None:
    waiting = text("select count(*) from pg_locks where not granted")
    for _ in range(200):
        with database.read() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits")


def _code(work: Callable[[], object]) -> str:
    try:
        return str(work())
    except Exception as problem:
        return getattr(problem, "code", repr(problem))


# -- places in the lane


def test_an_upload_counts_before_its_body_is_read(faces: Faces) -> None:
    """A slow one holds a place of the lane for half a minute, and then need not be a capture at all."""
    ticket = faces.ticket()
    for _ in range(30):
        faces.captures.check_ticket(secret=ticket.secret, origin=ORIGIN)
    with pytest.raises(TooMany):
        faces.captures.check_ticket(secret=ticket.secret, origin=ORIGIN)


def test_an_id_that_no_database_takes_is_a_device_that_nobody_has(faces: Faces) -> None:
    """PostgreSQL refuses a zero byte in a text; SQLite does not."""
    with pytest.raises(NotAllowed) as refused:
        faces.captures.begin(secret=faces.ticket().secret, device_id="fdv_\x00", origin=ORIGIN)
    assert refused.value.code == "face.device_unknown"
    with faces.face.database.read() as connection, pytest.raises(NotFound):
        faces.face.ticket_status(connection, "fct_\x00", FLOW)
