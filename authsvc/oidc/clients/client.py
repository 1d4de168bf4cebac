"""A client as Authlib wants to ask it, and what may be registered. Pure.

Redirect URIs are compared character by character (RFC 9700, 2.1). Registered are: https; http on this machine only, for
development and native apps (RFC 8252, 7.3); a private scheme with a dot in it, such as `com.shop.app:/callback`
(RFC 8252, 7.1). Never a fragment, a wildcard, or a name with a password before it; nothing whose host can't stand in a
Content-Security-Policy, or which would come out of an answer's Location spelled in another way.
"""
# mypy: allow-untyped-calls

import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import ClientMixin

from authsvc.accounts.levels import Level
from authsvc.core.errors import BadInput
from authsvc.core.ids import hash_secret
from authsvc.factors.passkey.attestation import ASKS_NOTHING, AttestationPolicy

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
IdTokenAlg = Literal["RS256", "ES256"]

AUTH_METHODS: tuple[AuthMethod, ...] = ("client_secret_basic", "client_secret_post", "none")
ID_TOKEN_ALGS: tuple[IdTokenAlg, ...] = ("RS256", "ES256")
SECRET_METHODS: tuple[AuthMethod, ...] = ("client_secret_basic", "client_secret_post")
GRANT_TYPES = ("authorization_code", "refresh_token")
SERVICE_GRANT = "client_credentials"
SCOPES = ("openid", "profile", "email")
# What a shop's own server may do with accounts. No sign-in leads to these, and no service gets those above.
API_SCOPES = ("accounts:read", "accounts:write", "accounts:freeze", "accounts:export", "accounts:erase")
MAX_URI_LENGTH = 2000

_PRINTABLE = re.compile(r"[!-~]+")
_AUTHORITY = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?", re.ASCII)
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")


@dataclass(frozen=True)
class Client(ClientMixin):
    """One registered application."""

    id: str
    name: str
    secret_hash: bytes | None
    auth_method: AuthMethod
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    minimum_level: Level
    id_token_alg: IdTokenAlg
    support_contact: str
    is_active: bool
    created_at: datetime
    attestation: AttestationPolicy = ASKS_NOTHING

    @property
    def client_id(self) -> str:
        return self.id

    @property
    def is_service(self) -> bool:
        """Whether it asks in its own name, and never for a person."""
        return SERVICE_GRANT in self.grant_types

    @property
    def client_metadata(self) -> dict[str, Any]:
        """What Authlib's logout endpoint looks at."""
        return {"post_logout_redirect_uris": list(self.post_logout_redirect_uris)}

    @property
    def id_token_signed_response_alg(self) -> str:
        return self.id_token_alg

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        """OpenID Connect wants it in every request (Core, 3.1.2.1)."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return what of `scope` this client may have; None where that is nothing.

        A sign-in needs `openid`, and what is not known is ignored (OpenID Connect Core, 3.1.2.1). A service that names
        no scope gets what it has; one that names too much gets nothing (RFC 6749, 3.3).
        """
        if self.is_service:
            wanted = list(dict.fromkeys((scope or "").split())) or list(self.scopes)
            return " ".join(wanted) if wanted and set(wanted) <= set(self.scopes) else None
        allowed = [each for each in dict.fromkeys((scope or "").split()) if each in self.scopes]
        return " ".join(allowed) if "openid" in allowed else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        if self.secret_hash is None:
            return False
        return hmac.compare_digest(self.secret_hash, hash_secret(client_secret))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def require_redirect_uri(uri: str) -> None:
    """Check a redirect URI before it is registered.

    Raises:
        BadInput: `client.redirect_uri`: it is none of those above.
    """
    if not _may_be_registered(uri):
        raise BadInput(
            "client.redirect_uri",
            f"Not a redirect URI: {uri[:200]!r}. It must be https, http on this machine, or an app's own scheme with a "
            "dot in it, without a fragment.",
        )


def origin_of_uri(uri: str) -> str:
    """Return a registered URI's origin as Content-Security-Policy spells it; of a private scheme, the scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.lower()}" if parts.scheme in ("https", "http") else f"{parts.scheme}:"


def _may_be_registered(uri: str) -> bool:
    if len(uri) > MAX_URI_LENGTH or not _PRINTABLE.fullmatch(uri) or "#" in uri or "\\" in uri or "*" in uri:
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not add_params_to_uri(uri, [("code", "x")]).startswith(uri):
        return False
    if parts.scheme in ("https", "http"):
        return _AUTHORITY.fullmatch(parts.netloc) is not None and (parts.scheme == "https" or _is_this_machine(host))
    return not parts.netloc and _PRIVATE_SCHEME.fullmatch(parts.scheme) is not None and parts.path.startswith("/")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
