"""The client credentials grant: a shop's server asks in its own name, for the account API and for nothing else.

What it gets is an access token without a person in it: no refresh token, no ID token, no session; its audience is the
API, so userinfo refuses it, and the API refuses every token that a person's sign-in led to. Nothing is stored: a token
lives five minutes, and whether its client is still active, and still has the scope, is asked each time it is used.
"""
# mypy: allow-untyped-calls, allow-subclassing-any

from typing import Any

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from authsvc.oidc.clients.client import SECRET_METHODS


class ServiceGrant(ClientCredentialsGrant):
    """Issues a service its token; a public client has nothing to show for itself and gets none."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(SECRET_METHODS)  # noqa: RUF012  # a list, as Authlib's own

    def save_token(self, _token: dict[str, Any]) -> None:
        """There is nothing to keep; the event `oidc:token:issued` tells of it."""
