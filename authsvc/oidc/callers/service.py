"""Tell which client an access token speaks for, and what it may do, now.

1. the token is one that a client got in its own name, for the account API, and has not expired (claims.py);
2. its client is still registered, active, and a service;
3. of the token's scopes those count that the client still has.
"""

from dataclasses import dataclass

from authlib.oauth2.rfc6750 import InvalidTokenError

from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.oidc.claims import kid_of, read_service_token
from authsvc.oidc.clients.client import SERVICE_GRANT
from authsvc.oidc.clients.store import find_active_client
from authsvc.oidc.keys.service import SigningKeys


@dataclass(frozen=True)
class Caller:
    """A client's server."""

    client_id: str
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Callers:
    """Reads the tokens of services."""

    database: Database
    keys: SigningKeys
    clock: Clock
    issuer: str

    def identify(self, token: str) -> Caller | None:
        """Return whose token this is; None when it opens nothing here."""
        keys = self.keys.current(knowing=kid_of(token))
        try:
            read = read_service_token(token, keys.published, issuer=self.issuer, now=self.clock.now())  # 1
        except InvalidTokenError:
            return None
        with self.database.read() as connection:
            client = find_active_client(connection, read.client_id)
        if client is None or not client.check_grant_type(SERVICE_GRANT):  # 2
            return None
        return Caller(client.id, client.name, read.scope & frozenset(client.scopes))  # 3
