"""The outbox on both databases: at least once, one worker at a time, never lost, never for ever."""

import smtplib
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from authsvc.core.mail import MailboxNotifier, Message
from authsvc.core.outbox.service import BATCH, LEASE_S, Outbox, OutboxWorker, mail_handler
from authsvc.core.outbox.tables import outbox as outbox_table

CODE_MAIL = Message("anna@example.com", "Your code", "12345678")


@pytest.fixture
def wake() -> threading.Event:
    return threading.Event()


@pytest.fixture
def outbox(vault, wake) -> Outbox:
    return Outbox(vault, wake)


@pytest.fixture
def make_worker(database, vault, clock, wake):
    def make_worker(**handlers) -> OutboxWorker:
        return OutboxWorker(database, vault, clock, wake, handlers)

    return make_worker


@pytest.fixture
def put(database, outbox, clock):
    def put(topic: str = "note", **payload) -> None:
        with database.write() as connection:
            outbox.put(connection, topic, payload, now=clock.now())

    return put


def rows(database):
    with database.read() as connection:
        return connection.execute(select(outbox_table)).all()


def test_a_mail_is_delivered_and_its_row_goes(database, outbox, make_worker, clock):
    mailbox = MailboxNotifier(clock)
    with database.write() as connection:
        outbox.mail(connection, CODE_MAIL, now=clock.now())
    assert make_worker(mail=mail_handler(mailbox)).run_once() == 1
    assert [each.message for each in mailbox.messages("anna@example.com")] == [CODE_MAIL]
    assert rows(database) == []


def test_the_code_in_a_mail_is_sealed(database, outbox, clock):
    with database.write() as connection:
        outbox.mail(connection, CODE_MAIL, now=clock.now())
    (row,) = rows(database)
    assert b"12345678" not in row.sealed
    assert b"anna" not in row.sealed


def test_what_was_rolled_back_is_not_sent(database, outbox, make_worker, clock):
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        outbox.put(connection, "note", {}, now=clock.now())
        _ = 1 / 0
    assert make_worker(note=lambda _payload: None).run_once() == 0


def test_a_leased_row_is_left_alone_until_the_lease_ends(database, make_worker, put, clock):
    """A worker that died in the middle: the row comes again, a minute later."""

    class Died(BaseException):
        pass

    def die(_payload) -> None:
        raise Died

    seen: list[dict] = []
    put(number=1)
    with pytest.raises(Died):
        make_worker(note=die).run_once()
    other = make_worker(note=seen.append)
    clock.advance(seconds=LEASE_S - 1)
    assert other.run_once() == 0
    clock.advance(seconds=1)
    assert other.run_once() == 1
    assert seen == [{"number": 1}]


@pytest.mark.parametrize(
    "failure",
    [
        OSError("no route"),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPRecipientsRefused({}),
        ValueError("a header with a line break"),
        RuntimeError("nobody thought of it"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_is_tried_again_later_and_later_and_given_up_after_a_day(database, make_worker, put, clock, failure):
    def fail(_payload) -> None:
        raise failure

    put()
    worker = make_worker(note=fail)
    waits = []
    with capture_logs() as entries:
        while rows(database):
            assert worker.run_once() == 0
            for row in rows(database):
                waits.append((row.due_at - clock.now()).total_seconds())
                clock.set(row.due_at)
    assert waits[:7] == [5, 25, 125, 625, 3125, 3600, 3600]
    assert timedelta(days=1) < timedelta(seconds=sum(waits)) < timedelta(days=1, hours=1)
    assert [entry["given_up"] for entry in entries] == [False] * len(waits) + [True]
    assert str(failure) not in str(entries) or not str(failure)


def test_a_topic_that_nobody_handles_does_not_hold_up_the_others(database, make_worker, put):
    seen: list[dict] = []
    put("unknown")
    put("note", number=1)
    with capture_logs():
        assert make_worker(note=seen.append).run_once() == 1
    assert seen == [{"number": 1}]


def test_a_payload_moved_to_another_row_does_not_open(database, make_worker, put, clock):
    put(number=1)
    (row,) = rows(database)
    with database.write() as connection:
        moved = {"id": "out_other", "topic": "note", "sealed": row.sealed}
        connection.execute(insert(outbox_table).values(**moved, created_at=clock.now(), due_at=clock.now()))
    seen: list[dict] = []
    with capture_logs() as entries:
        assert make_worker(note=seen.append).run_once() == 1
    assert seen == [{"number": 1}]
    assert [(entry["row"], entry["problem"]) for entry in entries] == [("out_other", "CannotOpen")]


def test_sixteen_workers_deliver_each_row_once(database, make_worker, put):
    for number in range(20):
        put(number=number)
    seen: list[int] = []
    lock = threading.Lock()

    def handle(payload) -> None:
        with lock:
            seen.append(payload["number"])

    ready = threading.Barrier(16)

    def work() -> None:
        worker = make_worker(note=handle)
        ready.wait()
        worker.run_once()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(20))
    assert rows(database) == []


def test_the_thread_delivers_soon_and_stops(database, make_worker, put):
    seen: list[dict] = []
    worker = make_worker(note=seen.append)
    worker.start()
    try:
        put(number=1)
        deadline = time.monotonic() + 3
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        worker.stop()
    assert seen == [{"number": 1}]


def test_what_fails_holds_up_nothing_behind_it(make_worker, put, wake, monkeypatch):
    """A shop's server that is down for a day leaves thousands of rows that fail at each attempt."""
    monkeypatch.setattr("authsvc.core.outbox.service.POLL_S", 60)
    delivered = threading.Event()
    for _ in range(3 * BATCH):
        put("broken")
    put("note")

    def fail(_payload) -> None:
        raise OSError

    worker = make_worker(broken=fail, note=lambda _payload: delivered.set())
    worker.start()
    try:
        wake.set()
        assert delivered.wait(20)
    finally:
        worker.stop()
