"""The four cookies, and their one way of being set.

    __Host-session   a customer's session secret           accounts/sessions/service.py
    __Host-flow      the browser secret flows belong to    web/browser.py
    __Host-device    the signed device secret              accounts/devices/service.py
    __Host-console   a member of staff's session secret    accounts/sessions/service.py

All are Secure (browsers accept that on localhost, and drop `__Host-` silently without it), HttpOnly, Path=/, without
Domain, SameSite=Lax. Strict would lose the session on arrival from a shop. The console is Lax too: Strict cookies stay
behind for the whole chain of redirects that a link in a chat or mail begins, so its sign-in would end where it began.

What does not look like a value of ours counts as absent: no look-up is spent on it.
"""

import re
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION: Final = "__Host-session"
FLOW: Final = "__Host-flow"
DEVICE: Final = "__Host-device"
CONSOLE: Final = "__Host-console"

# base64url, and the dot that parts a value from its signature; the longest of ours has under 100 characters.
_VALUE = re.compile(r"[A-Za-z0-9_.-]{16,256}", re.ASCII)


def read(request: HTTPConnection, name: str) -> str | None:
    """Return the cookie's value; None when it is absent, malformed, overlong, or sent twice with different values."""
    values = {
        value.strip()
        for header in request.headers.getlist("cookie")
        for key, equals, value in (pair.partition("=") for pair in header.split(";"))
        if equals and key.strip() == name
    }
    # A browser keeps one __Host- cookie of a name; two of them were put together by somebody else.
    if len(values) != 1:
        return None
    value = values.pop()
    return value if _VALUE.fullmatch(value) else None


def put(response: Response, name: str, value: str, *, max_age_s: int | None) -> None:
    """Set the cookie; None lets it live as long as the browser's session. Replaces what the response set before.

    Raises:
        ValueError: `read` would not accept this value back.
    """
    if not _VALUE.fullmatch(value):
        raise ValueError(f"not a value for {name}")
    _set(response, name, value, max_age_s)


def drop(response: Response, name: str) -> None:
    """Make the browser forget the cookie."""
    _set(response, name, "", 0)


def set_cookie_header(name: str, value: str, *, max_age_s: int | None) -> bytes:
    """Return the Set-Cookie header's value, for middleware that holds no response."""
    response = Response()
    put(response, name, value, max_age_s=max_age_s)
    return response.headers["set-cookie"].encode("latin-1")


def _set(response: Response, name: str, value: str, max_age_s: int | None) -> None:
    # RFC 6265, 4.1.1: one response sets a cookie once.
    start = f"{name}=".encode("latin-1")
    response.raw_headers[:] = [
        (key, text) for key, text in response.raw_headers if key != b"set-cookie" or not text.startswith(start)
    ]
    lives = "" if max_age_s is None else f" Max-Age={max_age_s};"
    text = f"{name}={value};{lives} Path=/; Secure; HttpOnly; SameSite=lax"  # nothing in it needs quoting
    response.raw_headers.append((b"set-cookie", text.encode("latin-1")))
