"""Who is at a page. Pure."""

from dataclasses import dataclass

from authsvc.core.origin import Origin


@dataclass(frozen=True)
class Visitor:
    """What the browser sent along: where it is, and the values of its cookies."""

    origin: Origin
    device_cookie: str | None = None
    session_secret: str | None = None
