"""Each check of a capture, by its number in factors/face/captures/service.py: the good capture with one thing changed.

What a frame shows is written in the frame here, and a lane reads it: so poses, looks, attack scores and vectors are
those of the case. Files and faces are measured for real in test_face_service.py and tests/http/test_face_api.py.
"""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.devices.service import NO_DEVICE, Devices
from authsvc.accounts.levels import Level
from authsvc.accounts.tables import alerts
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database, metadata
from authsvc.core.errors import AuthsvcError, TooMany
from authsvc.core.ids import hash_secret
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.captures.sender import Sender
from authsvc.factors.face.captures.verdicts import Verdict
from authsvc.factors.face.devices.tables import face_device_tickets, face_devices
from authsvc.factors.face.service import TicketBrowser
from authsvc.factors.face.store import find_failures, find_template, find_ticket, replace_template
from authsvc.factors.face.tables import face_failures, face_looks, face_templates, face_tickets
from tests.support.clocks import SettableClock
from tests.support.faces import ACCOUNT, FLOW, ORIGIN, SERVER, Device, Faces, build_faces, claim_of, said_of
from tests.support.written_faces import ASKED, WrittenLane, frames, shot


def faces_of(database: Database, vault: Vault, audit: Audit, clock: SettableClock, **changes: Any) -> Faces:
    given: dict[str, Any] = {"lane": WrittenLane(), "prompts": lambda: ASKED, "attack_limit": 0.0} | changes
    faces = build_faces(database, vault, audit, clock, **given)
    faces.consent()
    return faces


@pytest.fixture
def faces(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Faces:
    faces = faces_of(database, vault, audit, clock)
    verdict = faces.submit(faces.ticket(), frames(100))
    assert verdict.outcome == "enrolled", verdict
    return faces


@pytest.fixture
def phone(faces: Faces) -> Device:
    return faces.device()


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(AuthsvcError) as refused:
        work()
    return refused.value.code


def last_event(faces: Faces) -> Any:
    with faces.face.database.read() as connection:
        query = select(audit_events).order_by(audit_events.c.id.desc()).limit(1)
        return connection.execute(query).one()


def failures(faces: Faces) -> tuple[int, int]:
    with faces.face.database.read() as connection:
        found = find_failures(connection, ACCOUNT)
    return (found.live, found.unproven) if found else (0, 0)


def counts(faces: Faces) -> bool:
    with faces.face.database.read() as connection:
        return any(way.counts for way in faces.face.ways(connection, ACCOUNT))


def redeem(faces: Faces, flow: str = FLOW) -> bool:
    with faces.face.database.write() as connection:
        return faces.face.redeem(connection, flow_id=flow, account_id=ACCOUNT, now=faces.clock.now())


# -- the good capture


def test_a_signed_match_from_a_known_browser_counts_and_is_redeemed_once(faces: Faces, phone: Device) -> None:
    assert faces.submit(faces.ticket("verify"), frames(), device=phone) == Verdict("match", None, satisfies=True)
    assert last_event(faces).facts["device"] == phone.id
    assert [redeem(faces, "flow_other"), redeem(faces), redeem(faces)] == [False, True, False]


def test_a_match_is_redeemed_within_five_minutes(faces: Faces, phone: Device, clock: SettableClock) -> None:
    faces.submit(faces.ticket("verify"), frames(), device=phone)
    clock.advance(minutes=5)
    assert not redeem(faces)


def test_without_a_key_a_match_counts_for_nothing(faces: Faces) -> None:
    assert faces.submit(faces.ticket("verify"), frames()) == Verdict("match", None, satisfies=False)
    assert not redeem(faces)


@pytest.mark.parametrize("browser", [None, TicketBrowser(b"b" * 32, known=False)])
def test_asked_for_in_a_browser_that_is_not_known_it_counts_for_nothing(
    faces: Faces, phone: Device, browser: TicketBrowser | None
) -> None:
    """Whoever has the password could otherwise let the owner's phone answer for them."""
    ticket = faces.ticket("verify", browser=browser)
    assert faces.submit(ticket, frames(), device=phone) == Verdict("match", None, satisfies=False)


def test_where_settings_say_never_it_counts_for_nothing(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = faces_of(database, vault, audit, clock, satisfies="never")
    faces.submit(faces.ticket(), frames(100))
    phone = faces.device()
    assert faces.submit(faces.ticket("verify"), frames(), device=phone) == Verdict("match", None, satisfies=False)
    assert not counts(faces)


# -- the checks


def test_1_a_nonce_is_answered_once(faces: Faces, phone: Device) -> None:
    """After a capture that could not be used there is a new one; the old one, signed again, is foreign."""
    ticket = faces.ticket("verify")
    first = faces.begin(ticket, phone)
    assert faces.submit(ticket, frames(yaw=0.0), device=phone, order=first).reason == "face.prompt_not_followed"
    assert refusal(lambda: faces.submit(ticket, frames(10), device=phone, order=first)) == "face.foreign_nonce"
    assert faces.begin(ticket, phone).nonce != first.nonce
    assert faces.submit(ticket, frames(20), device=phone).satisfies


def test_2_only_the_device_that_began_it_goes_on(faces: Faces, phone: Device) -> None:
    other, ticket = faces.device(seed=8), faces.ticket("verify")
    order = faces.begin(ticket, phone)
    assert refusal(lambda: faces.begin(ticket, other)) == "face.foreign_device"
    assert refusal(lambda: faces.begin(ticket)) == "face.foreign_device"
    assert refusal(lambda: faces.submit(ticket, frames(), device=other, order=order)) == "face.foreign_device"
    assert refusal(lambda: faces.submit(ticket, frames(), order=order)) == "face.foreign_device"
    assert faces.submit(ticket, frames(), device=phone, order=order).satisfies


def test_2_a_capture_that_nobody_began_is_refused(faces: Faces) -> None:
    ticket = faces.ticket("verify")
    with faces.face.database.read() as connection:
        row = find_ticket(connection, ticket.ticket_id)
    assert row is not None
    order = replace(faces.begin(faces.ticket("verify")), nonce=row.nonce)
    assert refusal(lambda: faces.submit(ticket, frames(), order=order)) == "face.foreign_device"


def test_3_a_device_of_another_account_is_unknown(faces: Faces) -> None:
    faces.add_account("acc_other")
    theirs = faces.device(account_id="acc_other", seed=9)
    assert refusal(lambda: faces.begin(faces.ticket("verify"), theirs)) == "face.device_unknown"


def test_3_a_device_that_was_removed_meanwhile_is_unknown(faces: Faces, phone: Device) -> None:
    ticket = faces.ticket("verify")
    order = faces.begin(ticket, phone)
    with faces.face.database.write() as connection:
        assert faces.face.keys.remove(connection, ACCOUNT, phone.id, origin=ORIGIN, now=faces.clock.now())
    assert refusal(lambda: faces.submit(ticket, frames(), device=phone, order=order)) == "face.device_unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"server": "https://id.evil.example"},
        {"said": [{"prompt": name.value, "offset_ms": 201 * n} for n, name in enumerate(ASKED)]},
        {"signature": "A" * 86},
        {"signature": ""},
    ],
)
def test_3_a_signature_is_over_server_frames_prompts_and_times(
    faces: Faces, phone: Device, change: dict[str, Any]
) -> None:
    ticket = faces.ticket("verify")
    order = faces.begin(ticket, phone)
    if "said" in change:  # signed for other times than it says
        change = {"signature": claim_of(order, frames(), device=phone, **change).signature}
    submitted = partial(faces.submit, ticket, frames(), device=phone, order=order, **change)
    assert refusal(submitted) == "face.signature_invalid"
    assert last_event(faces).facts["reason"] == "face.signature_invalid"
    assert faces.submit(ticket, frames(), device=phone, order=order).satisfies


def test_3_a_frame_that_was_not_signed_is_refused(faces: Faces, phone: Device) -> None:
    ticket = faces.ticket("verify")
    order = faces.begin(ticket, phone)
    signature = claim_of(order, frames(), device=phone).signature
    submitted = partial(faces.submit, ticket, frames(50), device=phone, order=order, signature=signature)
    assert refusal(submitted) == "face.signature_invalid"
    assert faces.lane.runs == 1  # the enrolment's: nothing was measured


def test_4_a_browsers_key_works_in_its_browser_only(faces: Faces) -> None:
    known, now = faces_devices(faces), faces.clock.now()
    with faces.face.database.write() as connection:
        device_id, cookie = known.remember(connection, NO_DEVICE, account_id=ACCOUNT, label="Firefox", now=now)
        _, another = known.remember(connection, NO_DEVICE, account_id=ACCOUNT, label="Chrome", now=now)
    browser = faces.device(browser=device_id)
    own, flow = hash_secret("flow secret"), TicketBrowser(hash_secret("flow secret"), known=True)
    for sender in (Sender(), Sender(own, None), Sender(own, another), Sender(hash_secret("other"), cookie)):
        ticket = faces.ticket("verify", browser=flow)
        submitted = partial(faces.submit, ticket, frames(), device=browser, sender=sender)
        assert refusal(submitted) == "face.foreign_browser"
    ticket = faces.ticket("verify", browser=flow)
    assert faces.submit(ticket, frames(), device=browser, sender=Sender(own, cookie)).satisfies


def faces_devices(faces: Faces) -> Any:

    return Devices(faces.captures.templates.vault.keyring)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([("straight", 0), ("closer", 200), ("left", 400)], "face.prompts_out_of_order"),
        ([("straight", 0), ("straight", 200), ("straight", 400)], "face.prompts_out_of_order"),
        ([("straight", 0), ("left", 200), ("right", 400)], "face.prompts_out_of_order"),
        ([("straight", 0), ("left", 100), ("closer", 400)], "face.offsets_implausible"),
        ([("straight", 400), ("left", 200), ("closer", 0)], "face.offsets_implausible"),
        ([("straight", 0), ("left", 200), ("closer", 60_000)], "face.offsets_implausible"),
    ],
)
def test_5_and_6_prompts_in_order_at_plausible_times(
    faces: Faces, phone: Device, said: list[tuple[str, int]], code: str
) -> None:
    ticket = faces.ticket("verify")
    told = [{"prompt": prompt, "offset_ms": offset} for prompt, offset in said]
    assert faces.submit(ticket, frames(), device=phone, said=told) == Verdict("refused", code, satisfies=False)
    assert faces.lane.runs == 1
    assert failures(faces) == (0, 0)


def test_5_a_frame_for_which_nothing_is_said_is_refused(faces: Faces) -> None:
    ticket = faces.ticket("verify")
    said = said_of(faces.begin(ticket), 3)
    assert faces.submit(ticket, [*frames(), shot("closer", 9)], said=said).reason == "face.malformed_upload"


@pytest.mark.parametrize(
    ("sent", "code", "frame"),
    [
        ([shot("straight", 0), shot("left", 1), shot("closer", 2, person="bruno")], "face.frames_differ", None),  # 9
        ([shot("straight", 0), shot("right", 1), shot("closer", 2)], "face.prompt_not_followed", 1),  # 10
        ([shot("straight", 0), shot("left", 1), shot("straight", 2)], "face.prompt_not_followed", 2),
    ],
)
def test_9_and_10_a_person_may_try_again(
    faces: Faces, phone: Device, sent: list[bytes], code: str, frame: int | None
) -> None:
    ticket = faces.ticket("verify")
    assert faces.submit(ticket, sent, device=phone) == Verdict("refused", code, satisfies=False)
    assert last_event(faces).facts.get("frame") == frame
    assert failures(faces) == (0, 0)
    assert faces.submit(ticket, frames(30), device=phone).satisfies


def test_11_a_moved_picture_is_over(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> None:
    flat: list[bool] = [False]
    faces = faces_of(database, vault, audit, clock, moved=lambda _: flat[0])
    faces.submit(faces.ticket(), frames(100))
    phone, ticket = faces.device(), faces.ticket("verify")
    flat[0] = True
    assert faces.submit(ticket, frames(), device=phone) == Verdict("refused", "face.moved_picture", satisfies=False)
    assert failures(faces) == (0, 1)
    assert refusal(lambda: faces.begin(ticket, phone)) == "face.ticket_spent"


@pytest.mark.parametrize("score", [0.0, 0.1, 20.0, float("nan")])
def test_12_an_attack_is_over_and_counts(faces: Faces, phone: Device, score: float) -> None:
    ticket = faces.ticket("verify")
    verdict = faces.submit(ticket, frames(attack=score), device=phone)
    assert verdict == Verdict("refused", "face.attack_suspected", satisfies=False)
    assert failures(faces) == (0, 1)
    assert refusal(lambda: faces.begin(ticket, phone)) == "face.ticket_spent"


def test_12_nobody_enrols_with_an_attack(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> None:
    faces = faces_of(database, vault, audit, clock)
    assert faces.submit(faces.ticket(), frames(attack=1.0)).reason == "face.attack_suspected"
    with faces.face.database.read() as connection:
        assert find_template(connection, ACCOUNT) is None


def test_13_a_frame_comes_once(faces: Faces, phone: Device) -> None:
    """Also saved again: a few bits of its look flipped, in two bands."""
    assert faces.submit(faces.ticket("verify"), frames(), device=phone).satisfies
    look = json.loads(frames()[0][frames()[0].index(b'{"person"') : frames()[0].index(b"}") + 1])["look"]
    again = [shot("straight", 60, look=look ^ 0x0300000000000001), *frames(70)[1:]]
    verdict = faces.submit(faces.ticket("verify"), again, device=phone)
    assert verdict == Verdict("refused", "face.frame_seen", satisfies=False)
    assert last_event(faces).facts["frame"] == 0
    assert failures(faces) == (0, 1)


def test_13_the_enrolments_frames_prove_nothing_later(faces: Faces, phone: Device) -> None:
    assert faces.submit(faces.ticket("verify"), frames(100), device=phone).reason == "face.frame_seen"


# -- failures in a row


def fail(faces: Faces, phone: Device, first: int, **changes: Any) -> Verdict:
    ticket = faces.ticket("verify")
    verdict: Verdict = faces.submit(ticket, frames(first, **({"person": "bruno"} | changes)), device=phone)
    return verdict


def test_ten_living_strangers_in_a_row_then_thirty_seconds(faces: Faces, phone: Device, clock: SettableClock) -> None:
    for number in range(10):
        assert fail(faces, phone, 200 + 5 * number).outcome == "no_match"
    assert failures(faces) == (10, 0)
    with pytest.raises(TooMany) as told:
        fail(faces, phone, 300)
    assert (told.value.code, told.value.retry_after_s) == ("face.too_many_failures", 31)
    assert failures(faces) == (10, 0)
    clock.advance(seconds=30)
    assert faces.submit(faces.ticket("verify"), frames(), device=phone).satisfies
    assert failures(faces) == (0, 0)


def test_five_attacks_in_a_row_then_thirty_seconds(faces: Faces, phone: Device) -> None:
    for number in range(5):
        assert fail(faces, phone, 200 + 5 * number, attack=3.0).reason == "face.attack_suspected"
    assert refusal(lambda: fail(faces, phone, 300)) == "face.too_many_failures"


@pytest.mark.parametrize(("live", "unproven"), [(100, 0), (0, 50)])
def test_after_the_last_one_it_is_off_until_another_factor_succeeded(
    faces: Faces, phone: Device, clock: SettableClock, live: int, unproven: int
) -> None:
    assert counts(faces)
    with faces.face.database.write() as connection:
        row = {"account_id": ACCOUNT, "live": live, "unproven": unproven, "last_at": clock.now()}
        connection.execute(face_failures.insert().values(row))
    clock.advance(hours=1)
    assert refusal(lambda: faces.submit(faces.ticket("verify"), frames(), device=phone)) == "face.switched_off"
    assert not counts(faces)
    with faces.face.database.write() as connection:
        faces.face.open_again(connection, ACCOUNT, Level.PWD, ORIGIN, clock.now())  # the password alone opens nothing
    assert not counts(faces)
    with faces.face.database.write() as connection:
        faces.face.open_again(connection, ACCOUNT, Level.MFA, ORIGIN, clock.now())
    assert last_event(faces).tag == "face:factor:opened"
    assert faces.submit(faces.ticket("verify"), frames(40), device=phone).satisfies


def test_enrolling_is_no_attempt(faces: Faces) -> None:
    assert faces.submit(faces.ticket(), frames(500, attack=2.0)).reason == "face.attack_suspected"
    assert failures(faces) == (0, 0)


@pytest.mark.postgresql
def test_sixteen_wrong_captures_at_once_count_as_sixteen(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    """Only as many as are free are compared; the rest is told to wait."""
    faces = faces_of(postgresql_only_database, vault, audit, clock)
    faces.submit(faces.ticket(), frames(100))
    phone = faces.device()
    tickets, start = [faces.ticket("verify") for _ in range(16)], threading.Barrier(16)
    orders = [faces.begin(ticket, phone) for ticket in tickets]

    def race(number: int) -> str:
        start.wait()
        sent = frames(1000 + 10 * number, person="bruno")
        try:
            return str(faces.submit(tickets[number], sent, device=phone, order=orders[number]).outcome)
        except TooMany as told:
            return told.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(race, range(16)))
    compared = outcomes.count("no_match")
    assert set(outcomes) <= {"no_match", "face.too_many_failures"}
    assert compared <= 10  # five of them, where all sixteen were counted before the first was done
    assert failures(faces) == (compared, 0)


# -- devices


def test_a_device_is_listed_used_and_removed_and_its_owner_is_told(faces: Faces, phone: Device) -> None:
    faces.submit(faces.ticket("verify"), frames(), device=phone)
    with faces.face.database.write() as connection:
        (kept,) = faces.face.keys.list(connection, ACCOUNT)
        assert (kept.kind, kept.name, kept.last_used_at) == ("app", "Ada's phone", faces.clock.now())
        now = faces.clock.now()
        assert faces.face.remove_device(connection, ACCOUNT, phone.id, origin=ORIGIN, now=now)
        assert not faces.face.remove_device(connection, ACCOUNT, phone.id, origin=ORIGIN, now=now)
        told = connection.execute(select(alerts.c.kind)).scalars().all()
    assert sorted(told) == [AlertKind.FACTOR_ADDED, AlertKind.FACTOR_ADDED, AlertKind.FACTOR_REMOVED]
    assert not redeem(faces), "what it captured before counts for nothing any more"
    assert not counts(faces)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nonce": "A" * 43}, "face.foreign_nonce"),
        ({"name": " "}, "face.name_invalid"),
        ({"public_key": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}, "face.not_a_key"),
        ({"signature": "A" * 86}, "face.signature_invalid"),
        ({"name": "Another name"}, "face.signature_invalid"),
    ],
)
def test_a_registration_is_proven(faces: Faces, change: dict[str, Any], code: str) -> None:
    ticket, device = faces.device_ticket(), new_device()
    sent = replace(device.registration(ticket.nonce), **change)
    assert refusal(lambda: faces.face.keys.register(secret=ticket.secret, sent=sent, origin=ORIGIN)) == code
    assert last_event(faces).facts["reason"] == code
    right = device.registration(ticket.nonce)
    assert faces.face.keys.register(secret=ticket.secret, sent=right, origin=ORIGIN).name == "Ada's phone"
    again = refusal(lambda: faces.face.keys.register(secret=ticket.secret, sent=right, origin=ORIGIN))
    assert again == "face.ticket_spent"


def new_device(seed: int = 11) -> Device:

    return Device(ec.derive_private_key(seed, ec.SECP256R1()), server=SERVER)


def test_a_registration_for_another_server_is_refused(faces: Faces) -> None:
    ticket, device = faces.device_ticket(), new_device()
    device.server = "https://id.evil.example"
    sent = device.registration(ticket.nonce)
    code = refusal(lambda: faces.face.keys.register(secret=ticket.secret, sent=sent, origin=ORIGIN))
    assert code == "face.signature_invalid"


def test_a_ticket_ends_with_time_and_with_its_session(faces: Faces, clock: SettableClock) -> None:
    late, ended = faces.device_ticket(), faces.device_ticket()
    with faces.face.database.write() as connection:
        faces.face.keys.sessions.end_all(connection, ACCOUNT, reason="not_me", origin=ORIGIN, now=clock.now())
    sent = new_device().registration(ended.nonce)
    code = refusal(lambda: faces.face.keys.register(secret=ended.secret, sent=sent, origin=ORIGIN))
    assert code == "face.ticket_unknown"
    clock.advance(minutes=5)
    sent = new_device().registration(late.nonce)
    code = refusal(lambda: faces.face.keys.register(secret=late.secret, sent=sent, origin=ORIGIN))
    assert code == "face.ticket_expired"


def test_a_key_is_one_device_and_an_account_has_ten(faces: Faces) -> None:
    faces.device(seed=20)
    ticket = faces.device_ticket()
    sent = new_device(20).registration(ticket.nonce)
    code = refusal(lambda: faces.face.keys.register(secret=ticket.secret, sent=sent, origin=ORIGIN))
    assert code == "face.key_taken"
    for seed in range(21, 30):
        faces.device(seed=seed)
    assert refusal(faces.device_ticket) == "face.too_many_devices"


@pytest.mark.postgresql
def test_of_sixteen_registrations_on_one_ticket_one_is_kept(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = faces_of(postgresql_only_database, vault, audit, clock)
    ticket, start = faces.device_ticket(), threading.Barrier(16)

    def race(number: int) -> str:
        sent = new_device(40 + number).registration(ticket.nonce)
        start.wait()
        try:
            return faces.face.keys.register(secret=ticket.secret, sent=sent, origin=ORIGIN).kind
        except AuthsvcError as refused:
            return refused.code

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(race, range(16)))
    assert sorted(outcomes) == ["app"] + ["face.ticket_spent"] * 15
    with faces.face.database.read() as connection:
        assert len(faces.face.keys.list(connection, ACCOUNT)) == 1


@pytest.mark.postgresql
def test_of_sixteen_that_redeem_one_match_one_does(
    postgresql_only_database: Database, vault: Vault, audit: Audit, clock: SettableClock
) -> None:
    faces = faces_of(postgresql_only_database, vault, audit, clock)
    faces.submit(faces.ticket(), frames(100))
    assert faces.submit(faces.ticket("verify"), frames(), device=faces.device()).satisfies
    start = threading.Barrier(16)

    def race(_: int) -> bool:
        start.wait()
        return redeem(faces)

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(race, range(16))) == [False] * 15 + [True]


# -- how it goes


def test_this_was_not_me_ends_devices_and_tickets(faces: Faces, phone: Device) -> None:
    ticket, registration = faces.ticket("verify"), faces.device_ticket()
    faces.submit(ticket, frames(), device=phone)
    with faces.face.database.write() as connection:
        faces.face.stop_disowned(connection, ACCOUNT, ORIGIN, faces.clock.now())
    assert not redeem(faces)
    assert refusal(lambda: faces.begin(ticket, phone)) == "face.ticket_unknown"
    sent = new_device().registration(registration.nonce)
    code = refusal(lambda: faces.face.keys.register(secret=registration.secret, sent=sent, origin=ORIGIN))
    assert code == "face.ticket_unknown"
    with faces.face.database.read() as connection:
        assert connection.execute(select(face_devices)).all() == []


def test_withdrawal_leaves_no_trace_of_the_face_anywhere(faces: Faces, phone: Device) -> None:
    """Every value of every table: no vector in any spelling, no row of the face's own tables, no key of a device."""
    faces.submit(faces.ticket("verify"), frames(), device=phone)
    fail(faces, phone, 200)
    faces.device_ticket()
    own = {"face_cohort_members", *(table.name for table in (face_templates, face_tickets, face_looks, face_failures))}
    own |= {face_devices.name, face_device_tickets.name}
    before = {name for name in own if rows_of(faces, name)}
    assert before == own, "the scan sees what is there"
    with faces.face.database.read() as connection:
        kept = find_template(connection, ACCOUNT)
        opened = faces.captures.templates.open(connection, ACCOUNT, embedder="dlib-resnet-v1/5-point")
    assert kept is not None
    assert not isinstance(opened, str)
    faces.withdraw()
    assert {name for name in own if rows_of(faces, name)} == set()
    stored = b"\x00".join(every_value(faces))
    assert b"accounts:consent:withdrawn" in stored
    traces = [kept.sealed, kept.projection, opened.astype("<f8").tobytes()[:16], opened.astype("<f4").tobytes()[:8]]
    traces += [str(float(opened[0])).encode(), phone.key.public_key().public_numbers().x.to_bytes(32)]
    assert not [trace for trace in traces if trace in stored]
    named = {
        table.name for table in metadata.sorted_tables if ACCOUNT.encode() in b"\x00".join(values_of(faces, table))
    }
    assert not named & own
    assert named <= {"accounts", "consents", "audit_events", "sessions", "alerts", "personal_keys"}


def rows_of(faces: Faces, name: str) -> list[Any]:
    table = metadata.tables[name]
    with faces.face.database.read() as connection:
        return list(connection.execute(select(table).where(table.c.account_id == ACCOUNT)))


def values_of(faces: Faces, table: Any) -> list[bytes]:
    with faces.face.database.read() as connection:
        rows = connection.execute(select(table)).all()
    return [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]


def every_value(faces: Faces) -> list[bytes]:
    return [value for table in metadata.sorted_tables for value in values_of(faces, table)]


# -- templates


def test_a_renewed_template_matches_as_before_and_the_old_key_opens_nothing(faces: Faces, phone: Device) -> None:
    templates, now = faces.captures.templates, faces.clock.now()
    with faces.face.database.write() as connection:
        old = find_template(connection, ACCOUNT)
        plain = templates.open(connection, ACCOUNT, embedder="dlib-resnet-v1/5-point")
        assert templates.renew(connection, ACCOUNT, now=now)
        new = find_template(connection, ACCOUNT)
        after = templates.open(connection, ACCOUNT, embedder="dlib-resnet-v1/5-point")
    assert old is not None
    assert new is not None
    assert not isinstance(plain, str)
    assert not isinstance(after, str)
    assert np.abs(plain - after).max() < 1e-9
    assert old.sealed != new.sealed
    assert (new.renewed_at, last_event(faces).tag) == (now, "face:template:renewed")
    with faces.face.database.write() as connection:
        assert replace_template(connection, new, replace(new, projection=old.projection))
        mixed = templates.open(connection, ACCOUNT, embedder="dlib-resnet-v1/5-point")
        assert not isinstance(mixed, str)
        assert np.linalg.norm(mixed - plain) > 0.5 * np.linalg.norm(plain)
        assert replace_template(connection, replace(new, projection=old.projection), new)
    assert faces.submit(faces.ticket("verify"), frames(), device=phone).satisfies


def test_a_template_of_another_network_is_never_compared_and_counts_for_nothing(faces: Faces, phone: Device) -> None:
    other = replace(faces.face, embedder="onnx/another")
    with faces.face.database.read() as connection:
        assert [way.counts for way in other.ways(connection, ACCOUNT)] == [False]
        assert [way.counts for way in faces.face.ways(connection, ACCOUNT)] == [True]
    with faces.face.database.write() as connection:
        connection.execute(face_templates.update().values(embedder="onnx/another"))
    verdict = faces.submit(faces.ticket("verify"), frames(), device=phone)
    assert verdict == Verdict("refused", "face.template_outdated", satisfies=False)
    assert failures(faces) == (0, 0)
    assert faces.submit(faces.ticket(), frames(80)).outcome == "enrolled"
    assert faces.submit(faces.ticket("verify"), frames(90), device=phone).satisfies
