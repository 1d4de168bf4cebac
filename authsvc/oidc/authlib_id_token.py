"""The ID token, in answer to a code and to a refresh: claims from claims.py, time from the unit of work."""
# mypy: allow-untyped-calls, allow-subclassing-any

from typing import Any

from authlib.oidc.core import OpenIDCode, OpenIDToken
from joserfc.jwk import Key

from authsvc.oidc.authlib_server import FrozenRequest, Grantee, Unit
from authsvc.oidc.claims import id_token_claims
from authsvc.oidc.clients.client import Client


class IdToken(OpenIDCode):
    """What a code is answered with, beside the access token."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    def exists_nonce(self, _nonce: str, _request: FrozenRequest) -> bool:
        """A nonce is the client's own check (OpenID Connect Core, 3.1.3.7, 11); a page loaded anew may repeat it."""
        return False

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        self._grantee: Grantee = request.user
        return str(super().encode_id_token(token, request))

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        unit, grantee = self._unit, self._grantee
        return id_token_claims(
            issuer=unit.parts.issuer,
            client_id=client.id,
            account_id=grantee.account.id,
            session_id=grantee.session_id,
            authentication=grantee.authentication,
            nonce=grantee.nonce,
            now=unit.now,
            lifetime_s=unit.parts.settings.id_s,
        )

    def get_authorization_code_claims(self, _code: Any) -> dict[str, Any]:
        return {}

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": client.id_token_alg, "kid": self.resolve_client_private_key(client).kid}

    def resolve_client_private_key(self, client: Client) -> Key:
        return self._unit.keys.signing[client.id_token_alg]

    def generate_user_info(self, _user: Any, _scope: str) -> dict[str, Any]:
        return {}


class RefreshedIdToken(IdToken):
    """The same for a grant that has no authorization request."""

    def __call__(self, grant: Any) -> None:
        OpenIDToken.__call__(self, grant)
