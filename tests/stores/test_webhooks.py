"""Webhooks, from the transaction that writes an event to a real server that takes it, on both databases."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select, update
from structlog.testing import capture_logs

from authsvc.accounts.events import http_client_sender
from authsvc.accounts.events.destination import Destination, parse_destination
from authsvc.accounts.events.http_client_sender import LOOK_UPS, ForbiddenAddress, HttpClientSender, LookUpTooSlow
from authsvc.accounts.events.service import TOPIC, AccountEvents, Delivery, Webhooks
from authsvc.accounts.events.tables import webhooks as webhooks_table
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.mail import Message
from authsvc.core.outbox.service import Outbox, OutboxWorker
from authsvc.core.outbox.tables import outbox as outbox_table
from authsvc.core.sealing.service import Vault
from tests.support.clocks import START, SettableClock
from tests.support.receiver import Receiver, receiving

ACCOUNT, SHOP = "acc_ada", "cli_shop"


class Rig:
    """A shop with a webhook, and the worker that delivers."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> None:
        self.database, self.clock = database, clock
        self.outbox = Outbox(vault, threading.Event())
        self.events = AccountEvents(self.outbox)
        self.webhooks = Webhooks(database, vault, audit, clock, True)
        delivery = Delivery(database, vault, audit, clock, HttpClientSender(True), True)
        handlers = {TOPIC: delivery.deliver}
        self.worker = OutboxWorker(database, vault, clock, threading.Event(), handlers, only=handlers)

    def create(self, account_id: str = ACCOUNT) -> None:
        with self.database.write() as connection:
            self.events.created(connection, account_id, self.clock.now())

    def deliver(self) -> int:
        with capture_logs():
            return self.worker.run_once()

    def waiting(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(outbox_table)))

    def recorded(self) -> list[tuple[str, Any]]:
        with self.database.read() as connection:
            query = select(audit_events.c.tag, audit_events.c.facts).order_by(audit_events.c.id)
            return [(row.tag, row.facts) for row in connection.execute(query)]


@pytest.fixture
def rig(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Rig:
    return Rig(database, vault, audit, clock)


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_an_event_is_delivered_signed_and_says_nothing_about_a_person(rig: Rig, shop: Receiver) -> None:
    secret = rig.webhooks.set_url(SHOP, shop.url)
    assert secret is not None
    rig.create()
    assert rig.deliver() == 1
    (request,) = shop.received
    assert request.event == {"type": "account.created", "timestamp": START.isoformat(), "data": {"sub": ACCOUNT}}
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert request.headers["webhook-id"].startswith("msg_")
    assert request.is_signed_by(secret)
    assert not request.is_signed_by("whsec_" + "A" * 43 + "=")
    assert rig.waiting() == []


def test_each_kind_of_event(rig: Rig, shop: Receiver) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    with rig.database.write() as connection:
        for tell in (rig.events.created, rig.events.changed, rig.events.erased):
            tell(connection, ACCOUNT, rig.clock.now())
    assert rig.deliver() == 3
    assert {each.event["type"] for each in shop.received} == {"account.created", "account.changed", "account.erased"}
    assert len({each.headers["webhook-id"] for each in shop.received}) == 3


def test_what_is_rolled_back_is_told_to_nobody(rig: Rig, shop: Receiver) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    with pytest.raises(ZeroDivisionError), rig.database.write() as connection:
        rig.events.created(connection, ACCOUNT, rig.clock.now())
        _ = 1 / 0
    assert rig.deliver() == 0
    assert shop.received == []


def test_after_a_failure_the_same_event_comes_again(rig: Rig, shop: Receiver) -> None:
    secret = rig.webhooks.set_url(SHOP, shop.url)
    assert secret is not None
    shop.answers = [500, 503]
    rig.create()
    assert rig.deliver() == 0
    assert rig.deliver() == 0  # not due yet
    rig.clock.advance(minutes=1)
    assert rig.deliver() == 0
    rig.clock.advance(minutes=2)
    assert rig.deliver() == 1
    first, second, third = shop.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.body == third.body
    assert first.headers["webhook-timestamp"] != third.headers["webhook-timestamp"]
    assert third.is_signed_by(secret)


def test_a_server_that_fails_is_left_alone_for_a_minute(rig: Rig, shop: Receiver) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    shop.answers = [500] * 10
    for number in range(5):
        rig.create(f"acc_{number}")
    assert rig.deliver() == 0
    assert len(shop.received) == 1
    shop.answers = []
    rig.clock.advance(minutes=1)
    assert rig.deliver() == 5


def test_one_that_is_down_does_not_hold_up_the_other(rig: Rig, shop: Receiver) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        rig.webhooks.set_url("cli_down", f"http://localhost:{probe.getsockname()[1]}/hook")
    rig.webhooks.set_url(SHOP, shop.url)
    rig.create()
    assert rig.deliver() == 1
    assert len(shop.received) == 1
    assert len(rig.waiting()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(rig: Rig, shop: Receiver, status: int) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    with receiving() as elsewhere:
        shop.answers, shop.headers = [status], {"Location": elsewhere.url}
        rig.create()
        assert rig.deliver() == 0
        assert elsewhere.received == []
    assert len(rig.waiting()) == 1


def test_410_switches_it_off(rig: Rig, shop: Receiver) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    shop.answers = [410]
    rig.create()
    assert rig.deliver() == 1
    found = rig.webhooks.find(SHOP)
    assert found is not None
    assert (found.disabled_at, found.disable_reason) == (START, "gone")
    assert rig.recorded()[-1] == ("accounts:webhook:disabled", {"client": SHOP, "reason": "gone"})
    rig.create()
    assert rig.waiting() == []


def test_what_waits_for_a_webhook_that_was_switched_off_is_dropped(rig: Rig, shop: Receiver) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    rig.create()
    rig.webhooks.switch_off(SHOP)
    assert rig.deliver() == 1
    assert (shop.received, rig.waiting()) == ([], [])


def test_another_address_keeps_the_secret_and_takes_what_waits(rig: Rig, shop: Receiver) -> None:
    secret = rig.webhooks.set_url(SHOP, "https://old.shop.example/hook")
    assert secret is not None
    rig.create()
    rig.webhooks.switch_off(SHOP)
    assert rig.webhooks.set_url(SHOP, shop.url) is None
    assert rig.deliver() == 1
    assert shop.received[0].is_signed_by(secret)


def test_both_secrets_sign_for_a_day_after_a_rotation(rig: Rig, shop: Receiver) -> None:
    old = rig.webhooks.set_url(SHOP, shop.url)
    new = rig.webhooks.rotate(SHOP)
    assert old is not None
    rig.create()
    rig.deliver()
    rig.clock.advance(hours=23, minutes=59)
    rig.create()
    rig.deliver()
    rig.clock.advance(minutes=1)
    rig.create()
    rig.deliver()
    assert [each.is_signed_by(new) for each in shop.received] == [True, True, True]
    assert [each.is_signed_by(old) for each in shop.received] == [True, True, False]


def test_a_slow_server_has_a_fifth_of_the_time_and_holds_up_no_other_shop(rig: Rig, vault: Vault, audit: Audit) -> None:
    took: list[str] = []

    class Slow:
        def post(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> int:
            rig.clock.advance(seconds=19 if destination.host == "slow.example" else 0)
            took.append(destination.host)
            return 204

    rig.webhooks.set_url(SHOP, "https://slow.example/hook")
    rig.webhooks.set_url("cli_other", "https://quick.example/hook")
    delivery = Delivery(rig.database, vault, audit, rig.clock, Slow(), False)
    rig.worker = OutboxWorker(rig.database, vault, rig.clock, threading.Event(), {TOPIC: delivery.deliver})
    for _ in range(4):
        rig.create()
    rig.deliver()
    assert sorted(took) == ["quick.example"] * 4 + ["slow.example"]
    rig.clock.advance(seconds=75)
    rig.deliver()
    assert took.count("slow.example") == 1
    rig.clock.advance(hours=1)
    rig.deliver()
    assert took.count("slow.example") == 2


def test_secrets_are_sealed_each_for_its_own_row(rig: Rig, shop: Receiver) -> None:
    first, second = rig.webhooks.set_url(SHOP, shop.url), rig.webhooks.set_url("cli_other", shop.url)
    assert first is not None
    assert first != second
    with rig.database.write() as connection:
        rows = {row.client_id: row for row in connection.execute(select(webhooks_table))}
        assert first.encode() not in rows[SHOP].secret_sealed
        stolen = update(webhooks_table).where(webhooks_table.c.client_id == SHOP)
        connection.execute(stolen.values(secret_sealed=rows["cli_other"].secret_sealed))
    rig.create()
    assert rig.deliver() == 1  # the other's; the one with a foreign secret does not open
    assert len(rig.waiting()) == 1


def test_what_can_not_be_set(rig: Rig) -> None:
    with pytest.raises(BadInput):
        rig.webhooks.set_url(SHOP, "http://shop.example/hook")
    for use in (rig.webhooks.rotate, rig.webhooks.switch_off):
        with pytest.raises(NotFound):
            use(SHOP)


def test_the_other_worker_leaves_webhooks_alone_and_mail_is_not_the_webhooks(
    rig: Rig, vault: Vault, shop: Receiver
) -> None:
    rig.webhooks.set_url(SHOP, shop.url)
    rig.create()
    with rig.database.write() as connection:
        rig.outbox.mail(connection, Message("ada@example.org", "Hello", "Hello"), now=rig.clock.now())
    mails: list[Any] = []
    mailer = OutboxWorker(rig.database, vault, rig.clock, threading.Event(), {"mail": mails.append}, without=(TOPIC,))
    assert (mailer.run_once(), len(mails), len(shop.received)) == (1, 1, 0)
    assert (rig.deliver(), len(mails), len(shop.received)) == (1, 1, 1)


def test_an_erasure_takes_the_mails_that_wait_for_a_person_and_no_others(rig: Rig) -> None:
    now = rig.clock.now()
    with rig.database.write() as connection:
        for to in ("ada@example.org", "ada@example.org", "ada@old.example", "bob@example.org"):
            rig.outbox.mail(connection, Message(to, "Your code", "12345678"), now=now)
        rig.outbox.put(connection, "note", {}, now=now)
        assert rig.outbox.forget(connection, ("ada@example.org", "ada@old.example")) == 3
    assert sorted(row.topic for row in rig.waiting()) == ["mail", "note"]


# -- what the sender refuses to do


def test_private_addresses_are_refused_after_resolving(shop: Receiver) -> None:
    for address in ("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"):
        sender = HttpClientSender(False, resolve=lambda _host, _port, found=address: [found])
        destination = parse_destination(f"https://shop.example:{shop.port}/hook", allow_private=False)
        with pytest.raises(ForbiddenAddress):
            sender.post(destination, {}, b"{}")
    assert shop.received == []


def test_one_private_address_among_public_ones_is_enough() -> None:
    sender = HttpClientSender(False, resolve=lambda _host, _port: ["93.184.215.14", "127.0.0.1"])
    with pytest.raises(ForbiddenAddress):
        sender.post(parse_destination("https://shop.example/hook", allow_private=False), {}, b"{}")


def test_an_address_written_as_a_number_is_resolved_and_refused() -> None:
    for host in ("2130706433", "0x7f.1", "localhost"):
        with pytest.raises(OSError):
            HttpClientSender(False).post(parse_destination(f"https://{host}/", allow_private=False), {}, b"{}")


def test_the_name_is_asked_once_and_the_connection_goes_where_it_said(shop: Receiver) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    destination = parse_destination(shop.url, allow_private=True)
    assert HttpClientSender(True, resolve=resolve).post(destination, {"webhook-id": "msg_1"}, b"{}") == 204
    assert asked == ["localhost"]
    assert shop.received[0].headers["host"] == f"localhost:{shop.port}"


def test_a_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "shop.example")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiving(server_side) as shop:

        def post(host: str, tls: ssl.SSLContext) -> int:
            sender = HttpClientSender(True, resolve=lambda _host, _port: ["127.0.0.1"], tls=tls)
            return sender.post(parse_destination(f"https://{host}:{shop.port}/hook", allow_private=False), {}, b"{}")

        assert post("shop.example", trusting) == 204
        with pytest.raises(ssl.SSLCertVerificationError):
            post("other.example", trusting)
        with pytest.raises(ssl.SSLCertVerificationError):
            post("shop.example", ssl.create_default_context())
        assert len(shop.received) == 1


def test_a_server_that_sends_a_byte_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client_sender, "WHOLE_S", 0.6)
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000:
                if done.wait(0.05):
                    return
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    destination = parse_destination(f"http://127.0.0.1:{listener.getsockname()[1]}/", allow_private=True)
    try:
        with pytest.raises((OSError, HTTPException)):  # by where it was cut
            HttpClientSender(True).post(destination, {}, b"{}")
    finally:
        done.set()
        thread.join(timeout=5)
        listener.close()
    assert not thread.is_alive()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def test_a_resolver_that_hangs_holds_nobody_for_long() -> None:
    answers, asked = threading.Event(), threading.Semaphore(0)

    def resolve(_host: str, _port: int) -> list[str]:
        asked.release()
        assert answers.wait(60)
        return ["127.0.0.1"]

    with receiving() as shop:
        sender = HttpClientSender(True, resolve=resolve, resolve_s=0.05)
        destination = parse_destination(shop.url, allow_private=True)
        for _ in range(LOOK_UPS):
            with pytest.raises(LookUpTooSlow, match="no answer within"):
                sender.post(destination, {}, b"{}")
            assert asked.acquire(timeout=60)
        with pytest.raises(LookUpTooSlow, match="too many look-ups hang"):
            sender.post(destination, {}, b"{}")
        assert not asked.acquire(blocking=False)  # it was not even asked
        answers.set()
        patient = replace(sender, resolve_s=60)
        for each in threading.enumerate():
            if each.name == "webhook-look-up":
                each.join(60)
        assert patient.post(destination, {}, b"{}") == 204  # the room came back


def test_a_machine_without_threads_loses_no_room_for_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = HttpClientSender(False, resolve=lambda _host, _port: ["127.0.0.1"])
    destination = parse_destination("https://shop.example/hook", allow_private=False)

    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        for _ in range(LOOK_UPS + 1):
            with pytest.raises(LookUpTooSlow, match="no thread"):
                sender.post(destination, {}, b"")
    with pytest.raises(ForbiddenAddress):  # it was looked up
        sender.post(destination, {}, b"")


def test_a_resolver_that_fails_says_so() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror("no such host")

    sender = HttpClientSender(True, resolve=resolve)
    with pytest.raises(socket.gaierror, match="no such host"):
        sender.post(parse_destination("https://nobody.example/", allow_private=False), {}, b"{}")
