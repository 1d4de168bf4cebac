"""The string that the page shows, the app's reading of it, and what a ticket's row says."""

import base64
import importlib.util
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from authsvc.factors.face.store import Ticket
from authsvc.factors.face.ticket import NotATicket, TicketText, device_ticket_text, parse, ticket_text
from authsvc.factors.face.ticket_state import fault_of, status_of
from tests.support.clocks import START

TICKET = TicketText("https://id.shop.example", "s3cret_-")
EXAMPLE = Path(__file__).parents[2] / "examples" / "mobile" / "capture.py"


def example_app() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_capture", EXAMPLE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(content: object) -> str:
    return "authsvc-face:" + base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def test_page_and_app_read_the_same() -> None:
    text = ticket_text(TICKET)
    assert parse(f" {text}\n") == TICKET
    content = {"server": TICKET.server, "ticket": TICKET.secret}
    assert example_app().read_ticket(text) == content
    device = device_ticket_text(TICKET, nonce="n0nce_-")
    assert device.startswith("authsvc-device:")
    assert example_app().read_ticket(device) == content | {"nonce": "n0nce_-"}


def test_the_example_knows_nothing_of_authsvc() -> None:
    assert "import authsvc" not in EXAMPLE.read_text()
    assert "from authsvc" not in EXAMPLE.read_text()


@pytest.mark.parametrize("server", ["http://localhost:8000", "http://127.0.0.1:8000", "https://id.shop.example:8443"])
def test_a_face_may_be_sent_over_https_or_on_this_machine(server: str) -> None:
    assert parse(written({"server": server, "ticket": "t"})).server == server
    assert example_app().safe_server(server) == server


@pytest.mark.parametrize(
    "server",
    ["http://id.shop.example", "ftp://localhost", "localhost:8000", "https://", "https://a@b", "//x", "http://["],
)
def test_a_face_goes_nowhere_else(server: str) -> None:
    with pytest.raises(NotATicket):
        parse(written({"server": server, "ticket": "t"}))
    app = example_app()
    with pytest.raises(app.Refused):
        app.safe_server(server)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "authsvc-face:",
        "authsvc-face:%%%",
        "authsvc-face:e30",
        written([1]),
        written({"server": "https://a.example"}),
        device_ticket_text(TICKET, nonce="n"),
        written({"server": "https://a.example", "ticket": 5}),
        written({"server": "https://a.example", "ticket": ""}),
        "authsvc-face:" + "A" * 2000,
        "authsvc-face:" + base64.urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
def test_other_strings_are_no_tickets(text: str) -> None:
    with pytest.raises(NotATicket):
        parse(text)


def row(**changes: object) -> Ticket:
    values = {
        "id": "fct_1",
        "secret_hash": b"h",
        "nonce": "n",
        "prompts": "straight",
        "browser_hash": None,
        "browser_known": True,
        "purpose": "verify",
        "flow_id": "flow_1",
        "account_id": "acc_1",
        "created_at": START,
        "expires_at": START + timedelta(seconds=120),
    }
    return Ticket(**(values | changes))


@pytest.mark.parametrize(
    ("ticket", "nonce", "fault"),
    [
        (None, "n", "face.ticket_unknown"),
        (row(), "n", None),
        (row(), None, None),
        (row(), "other", "face.foreign_nonce"),
        (row(consumed_at=START), "n", "face.ticket_spent"),
        (row(expires_at=START), "n", "face.ticket_expired"),
    ],
)
def test_what_is_wrong_with_a_ticket(ticket: Ticket | None, nonce: str | None, fault: str | None) -> None:
    assert fault_of(ticket, nonce, START) == fault


@pytest.mark.parametrize(
    ("ticket", "state"),
    [
        (row(), "open"),
        (row(reason="face.no_face"), "open"),
        (row(consumed_at=START), "measuring"),
        (row(expires_at=START), "expired"),
        (row(expires_at=START, consumed_at=START), "expired"),
        (row(expires_at=START, consumed_at=START, verdict="match"), "done"),
    ],
)
def test_how_far_a_ticket_is(ticket: Ticket, state: str) -> None:
    assert status_of(ticket, START).state == state
