"""The ways in which authsvc says no, free of HTTP; web/problems.py maps them to status codes.

    AuthsvcError
    ├── BadInput      what was sent is malformed or breaks a bound          400
    ├── NotSignedIn   nobody is signed in, or not well enough               401
    ├── NotAllowed    understood, and refused                               403
    ├── NotFound      there is no such thing, or not for this caller        404
    ├── Conflict      it clashes with what is already there                 409
    ├── Gone          it was there: expired, spent or withdrawn             410
    ├── TooLarge      a bound on size was passed                            413
    ├── TooMany       a rate limit; knows when to come back                 429
    └── Busy          no room in a lane; knows when to come back            503

Every error carries a stable `code` (`room.what`, listed in docs/reference/errors.md, which a test keeps
complete) and a `detail` for the person who reads it. A *denial* (wrong password, refused step-up) is not
an exception: it is an outcome that a service returns and records.
"""

from collections.abc import Mapping
from typing import ClassVar


class AuthsvcError(Exception):
    """Base of every refusal; `code` is stable, `detail` may be reworded."""

    title: ClassVar[str] = "Refused"

    def __init__(self, code: str, detail: str, *, members: Mapping[str, str] | None = None) -> None:
        """Args: members are further ones of the problem document, for a script that knows the code."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.members = dict(members or {})


class BadInput(AuthsvcError):
    title = "That did not work"


class NotSignedIn(AuthsvcError):
    title = "Not signed in"


class NotAllowed(AuthsvcError):
    title = "Not allowed"


class NotFound(AuthsvcError):
    title = "Not found"


class Conflict(AuthsvcError):
    title = "Conflict"


class Gone(AuthsvcError):
    title = "No longer there"


class TooLarge(AuthsvcError):
    title = "Too large"


class _ComeBackLater(AuthsvcError):
    def __init__(self, code: str, detail: str, *, retry_after_s: int) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s


class TooMany(_ComeBackLater):
    title = "Too many requests"


class Busy(_ComeBackLater):
    title = "Busy"
