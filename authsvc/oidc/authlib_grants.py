"""Authlib's server with everything registered that the authorization and token endpoints offer."""
# mypy: allow-untyped-calls

from authsvc.oidc.authlib_client_credentials import ServiceGrant
from authsvc.oidc.authlib_code import CodeGrant, S256Only
from authsvc.oidc.authlib_id_token import IdToken, RefreshedIdToken
from authsvc.oidc.authlib_refresh import RefreshGrant
from authsvc.oidc.authlib_server import Server, Unit


def build_server(unit: Unit) -> Server:
    """Return the server for one unit of work."""
    server = Server(unit)
    server.register_grant(CodeGrant, [S256Only(required=True), IdToken(unit)])
    server.register_grant(RefreshGrant, [RefreshedIdToken(unit)])
    server.register_grant(ServiceGrant)
    return server
