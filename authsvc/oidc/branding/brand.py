"""What a client may put on our pages and in our mails. Pure.

Pages and mails stay ours: a brand gives them a name, a picture and a colour, never markup, and its texts stand where
ours end. A link is https, or a mail address.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from authsvc.accounts.addresses import normalise
from authsvc.core.errors import BadInput

MAX_NAME = 60
MAX_SUPPORT = 200
MAX_FOOTER = 500
MAX_FOOTER_LINES = 8


@dataclass(frozen=True)
class ClientBrand:
    """One client's brand; empty fields leave what the service itself has."""

    client_id: str
    name: str
    accent: str
    accent_dark: str  # given, or made from the accent
    support: str
    mail_footer: str
    updated_at: datetime
    style_hash: str | None = None
    logo_hash: str | None = None
    logo_width: int = 0
    logo_height: int = 0


def read_name(text: str) -> str:
    """Raises BadInput: `brand.name`."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("brand.name", f"A name has 1 to {MAX_NAME} characters, without line breaks.")
    return name


def read_support(text: str) -> str:
    """Return where a customer can turn: https, a mail address, or nothing.

    Raises:
        BadInput: `brand.support`.
    """
    text = text.strip()
    problem = BadInput("brand.support", "Support is an https address or a mail address.")
    if not text:
        return ""
    if len(text) > MAX_SUPPORT or not text.isprintable() or " " in text:
        raise problem
    if "://" not in text:
        try:
            return normalise(text)
        except BadInput as unreadable:
            raise problem from unreadable
    try:
        parts = urlsplit(text)
    except ValueError as unreadable:
        raise problem from unreadable
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise problem
    return text


def read_footer(text: str) -> str:
    """Return the lines that stand under a mail.

    Raises:
        BadInput: `brand.mail_footer`.
    """
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if len(text) > MAX_FOOTER or len(lines) > MAX_FOOTER_LINES or not all(line.isprintable() for line in lines):
        raise BadInput(
            "brand.mail_footer", f"A mail footer is plain text: {MAX_FOOTER_LINES} lines, {MAX_FOOTER} characters."
        )
    return "\n".join(lines)
