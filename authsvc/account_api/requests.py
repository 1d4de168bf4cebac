"""What a request to the account API must bring: a token with the scope, a usable key, a place in a list. Pure.

Refusals follow RFC 6750, 3: 401 without an error where no token came, 401 `invalid_token`, 403 `insufficient_scope`
with the scope that is missing; beside it our own problem document with a stable code.
"""

import re
from collections.abc import Sequence

from authsvc.core.errors import BadInput, NotAllowed, NotSignedIn

MAX_TOKEN = 8192

_KEY = re.compile(r"[!-~]{1,255}")
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1


class TokenRefused(NotSignedIn):
    """No usable token; `challenge` is for WWW-Authenticate."""

    challenge = "Bearer"


class TokenInvalid(TokenRefused):
    challenge = 'Bearer error="invalid_token"'


class ScopeMissing(NotAllowed):
    """The token is good, and not for this."""

    def __init__(self, code: str, scope: str) -> None:
        super().__init__(code, f"This needs the scope {scope}.")
        self.challenge = f'Bearer error="insufficient_scope", scope="{scope}"'


def read_bearer(headers: Sequence[str]) -> str:
    """Return the token of the one Authorization header there is.

    Raises:
        TokenRefused: `api.no_token`: there is none, or no bearer token.
        TokenInvalid: `api.token_invalid`: what is there can't be one.
    """
    scheme, _, value = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise TokenRefused("api.no_token", "Send an access token as Authorization: Bearer.")
    if len(value) > MAX_TOKEN or not _B64TOKEN.fullmatch(value):
        raise invalid_token()
    return value


def invalid_token() -> TokenInvalid:
    return TokenInvalid("api.token_invalid", "This access token is not valid here, or has expired. Get a new one.")


def read_idempotency_key(headers: Sequence[str]) -> str:
    """Raises BadInput: `api.idempotency_key`: there isn't exactly one, of 1 to 255 printable characters."""
    if len(headers) != 1 or not _KEY.fullmatch(headers[0]):
        raise BadInput(
            "api.idempotency_key", "Send one Idempotency-Key of 1 to 255 printable characters, such as a UUID."
        )
    return headers[0]
