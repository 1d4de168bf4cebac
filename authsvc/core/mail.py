"""Mail: one small message, and who delivers it.

`Notifier` is a Protocol with two makers: SMTP in production; a mailbox in memory for the demo and for tests, shown at
/demo/mailbox. Messages travel through the outbox, so that a slow mail server never holds a sign-in.
"""

import smtplib
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from threading import Lock
from typing import Protocol

from authsvc.core.clock import Clock
from authsvc.core.letters.letter import Letter
from authsvc.core.letters.shipped import shipped_letter

KEPT_IN_DEMO = 200
SMTP_TIMEOUT_S = 15


@dataclass(frozen=True)
class Message:
    """A plain-text mail to one address."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True)
class Letterhead:
    """In whose name a mail is written, in whose words, and what stands under them."""

    name: str
    footer: str = ""
    support: str = ""  # a link or a mail address
    letters: Mapping[str, Letter] = field(default_factory=dict)  # the sender's own; ours where it has none
    client_id: str | None = None  # whose it is; the service's own where None

    def write(self, kind: str, to: str, **values: str | int | datetime) -> Message:
        """Return a mail of one of the kinds of core/letters/kinds.py. Raises KeyError: one of its values is missing."""
        letter = self.letters.get(kind) or shipped_letter(kind)
        subject, text = letter.fill({"name": self.name} | {name: written(value) for name, value in values.items()})
        lines = [self.name, *([f"Help: {self.support}"] if self.support else []), *self.footer.splitlines()]
        return Message(to, subject, text + "\n\n" + "\n".join(lines) + "\n")


def written(value: str | int | datetime) -> str:
    """Return a value as mails say it."""
    return f"{value:%d %B %Y, %H:%M} UTC" if isinstance(value, datetime) else str(value)


class Notifier(Protocol):
    def deliver(self, message: Message) -> None:
        """Hand the message over. Raises OSError or smtplib.SMTPException when that fails; it is tried again."""
        ...


class SmtpNotifier:
    """Delivers through an SMTP server, with STARTTLS unless the settings say that the server is local."""

    def __init__(
        self, *, host: str, port: int, sender: str, user: str | None, password: str | None, starttls: bool
    ) -> None:
        self._host, self._port, self._sender = host, port, sender
        self._user, self._password, self._starttls = user, password, starttls

    def deliver(self, message: Message) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, message.to, message.subject
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies to codes
        mail.set_content(message.text)
        with smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_S) as server:
            if self._starttls:
                server.starttls(context=ssl.create_default_context())
            if self._user and self._password:
                server.login(self._user, self._password)
            server.send_message(mail)


@dataclass(frozen=True)
class Delivered:
    """A message in the demo's mailbox."""

    at: datetime
    message: Message


class MailboxNotifier:
    """Keeps the newest messages in memory. Not for production: whoever sees the page reads everybody's mail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._delivered: deque[Delivered] = deque(maxlen=KEPT_IN_DEMO)

    def deliver(self, message: Message) -> None:
        with self._lock:
            self._delivered.appendleft(Delivered(self._clock.now(), message))

    def messages(self, to: str | None = None) -> Sequence[Delivered]:
        """Return what was delivered, newest first; only to one address if given."""
        with self._lock:
            return [each for each in self._delivered if to is None or each.message.to == to]
