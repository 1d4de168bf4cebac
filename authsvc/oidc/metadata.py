"""What the provider says of itself (OpenID Connect Discovery 1.0, RFC 8414): only what it does. Pure."""

from typing import Any

from authsvc.accounts.levels import Level
from authsvc.oidc.claims import USERINFO_PATH
from authsvc.oidc.clients.client import (
    API_SCOPES,
    AUTH_METHODS,
    GRANT_TYPES,
    ID_TOKEN_ALGS,
    SCOPES,
    SERVICE_GRANT,
)
from authsvc.oidc.parameters import PROMPTS

CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name", "email",
    "email_verified",
)  # fmt: skip


def metadata(issuer: str) -> dict[str, Any]:
    """Return the document at /.well-known/openid-configuration."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "userinfo_endpoint": issuer + USERINFO_PATH,
        "end_session_endpoint": f"{issuer}/oauth2/logout",
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "scopes_supported": [*SCOPES, *API_SCOPES],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [*GRANT_TYPES, SERVICE_GRANT],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGS),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": [level.acr for level in Level if level is not Level.NONE],
        # Not "consent": there is no page for it. Who asks for it gets the sign-in page.
        "prompt_values_supported": [prompt for prompt in PROMPTS if prompt != "consent"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }
