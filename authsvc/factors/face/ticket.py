"""The strings that carry a ticket from the web page to the mobile app, typed, pasted or as a QR code.

    authsvc-face:BASE64URL({"server": ORIGIN, "ticket": SECRET})                      one capture
    authsvc-device:BASE64URL({"server": ORIGIN, "ticket": SECRET, "nonce": NONCE})    one device key

No padding, keys in this order. `server` is an https origin (http only on this machine): an app must not send a face in
the clear because a string told it to. It is also part of what the app signs, so that what is signed for one server is
worth nothing at another. Pure. examples/mobile/capture.py reads the same strings without importing authsvc.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

SCHEME = "authsvc-face:"
DEVICE_SCHEME = "authsvc-device:"
MAX_LENGTH = 1024


class NotATicket(ValueError):
    """The text is no ticket, or names a server that a face must not be sent to."""


@dataclass(frozen=True)
class TicketText:
    """What the app needs: where to send the capture, and what to send with it."""

    server: str
    secret: str


@dataclass(frozen=True)
class Asked:
    """For whom a capture is: what an app shows before it captures, so that nobody captures for somebody else's page.

    `account` is masked. `browser` and `country` are those that the ticket was shown in; empty where not known.
    """

    service: str
    shop: str
    account: str
    browser: str
    country: str


def ticket_text(ticket: TicketText) -> str:
    """Return the string that the page of a capture shows."""
    return _written(SCHEME, {"server": ticket.server, "ticket": ticket.secret})


def device_ticket_text(ticket: TicketText, *, nonce: str) -> str:
    """Return the string that the page of a new device shows."""
    return _written(DEVICE_SCHEME, {"server": ticket.server, "ticket": ticket.secret, "nonce": nonce})


def parse(text: str) -> TicketText:
    """Return what the string carries.

    Raises:
        NotATicket: see the class.
    """
    text = text.strip()
    if not text.startswith(SCHEME) or len(text) > MAX_LENGTH:
        raise NotATicket("not a capture ticket")
    body = text.removeprefix(SCHEME)
    try:
        content = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError) as problem:
        raise NotATicket("not a capture ticket") from problem
    if not isinstance(content, dict):
        raise NotATicket("not a capture ticket")
    ticket = TicketText(_text(content, "server"), _text(content, "ticket"))
    if not _may_see_faces(ticket.server):
        raise NotATicket("the ticket names a server without https")
    return ticket


def _written(scheme: str, content: dict[str, str]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return scheme + base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _text(content: dict[str, object], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise NotATicket(f"the ticket has no {name}")
    return value


def _may_see_faces(server: str) -> bool:
    try:
        parts = urlsplit(server)
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or local) and not parts.username
