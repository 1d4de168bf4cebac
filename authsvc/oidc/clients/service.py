"""Register, list and disable clients. The operator's work: there is no open registration."""

from collections.abc import Sequence
from dataclasses import dataclass

from authsvc.accounts.events.store import disable_webhook
from authsvc.accounts.levels import Level
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.factors.passkey.attestation import AAGUID, ASKS_NOTHING, MAX_AAGUIDS, AttestationPolicy
from authsvc.oidc.clients.client import (
    API_SCOPES,
    AUTH_METHODS,
    GRANT_TYPES,
    ID_TOKEN_ALGS,
    SCOPES,
    SECRET_METHODS,
    SERVICE_GRANT,
    AuthMethod,
    Client,
    IdTokenAlg,
    require_redirect_uri,
)
from authsvc.oidc.clients.store import disable_client, find_active_client, insert_client, list_clients

MAX_NAME = 120


@dataclass(frozen=True)
class ClientRegistry:
    """The clients of this provider."""

    database: Database
    audit: Audit
    clock: Clock

    def register_client(
        self,
        *,
        name: str,
        redirect_uris: Sequence[str],
        post_logout_redirect_uris: Sequence[str] = (),
        auth_method: AuthMethod = "client_secret_basic",
        scopes: Sequence[str] = SCOPES,
        grant_types: Sequence[str] = GRANT_TYPES,
        minimum_level: Level = Level.PWD,
        id_token_alg: IdTokenAlg = "RS256",
        support_contact: str = "",
        attestation: AttestationPolicy = ASKS_NOTHING,
    ) -> tuple[Client, str | None]:
        """Add a client; return it with its secret, which is shown this once. A public client has none.

        Raises:
            BadInput: `client.…`: something can't be registered; the detail says what.
        """
        _require_name(name)
        _require(bool(redirect_uris), "client.redirect_uri", "At least one redirect URI is needed.")
        for uri in (*redirect_uris, *post_logout_redirect_uris):
            require_redirect_uri(uri)
        _require(auth_method in AUTH_METHODS, "client.auth_method", f"One of {', '.join(AUTH_METHODS)}.")
        _require(id_token_alg in ID_TOKEN_ALGS, "client.id_token_alg", f"One of {', '.join(ID_TOKEN_ALGS)}.")
        _require({"openid"} <= set(scopes) <= set(SCOPES), "client.scopes", f"openid, and of {', '.join(SCOPES)}.")
        _require(
            {"authorization_code"} <= set(grant_types) <= set(GRANT_TYPES),
            "client.grant_types",
            f"authorization_code, and of {', '.join(GRANT_TYPES)}.",
        )
        _require(len(support_contact) <= 200, "client.support_contact", "At most 200 characters.")
        models = attestation.aaguids
        listable = len(models) <= MAX_AAGUIDS and all(AAGUID.fullmatch(each) for each in models)
        _require(
            listable and (attestation.direct or not models),
            "client.attestation",
            f"At most {MAX_AAGUIDS} AAGUIDs, as 8-4-4-4-12 hexadecimal digits, and only with direct attestation.",
        )
        secret = None if auth_method == "none" else new_secret()
        client = Client(
            id=new_id("cli"),
            name=name.strip(),
            secret_hash=hash_secret(secret) if secret else None,
            auth_method=auth_method,
            redirect_uris=tuple(redirect_uris),
            post_logout_redirect_uris=tuple(post_logout_redirect_uris),
            scopes=tuple(scopes),
            grant_types=tuple(grant_types),
            minimum_level=minimum_level,
            id_token_alg=id_token_alg,
            support_contact=support_contact,
            is_active=True,
            created_at=self.clock.now(),
            attestation=attestation,
        )
        self._keep(client)
        return client, secret

    def register_service(
        self, *, name: str, scopes: Sequence[str], auth_method: AuthMethod = "client_secret_basic"
    ) -> tuple[Client, str]:
        """Add a client that calls the account API in its own name; return it with its secret, shown this once.

        Raises:
            BadInput: `client.…`: something can't be registered; the detail says what.
        """
        _require_name(name)
        _require(auth_method in SECRET_METHODS, "client.auth_method", f"One of {', '.join(SECRET_METHODS)}.")
        wanted = tuple(dict.fromkeys(scopes))
        allowed = bool(wanted) and set(wanted) <= set(API_SCOPES)
        _require(allowed, "client.scopes", f"At least one of {', '.join(API_SCOPES)}.")
        secret = new_secret()
        client = Client(
            id=new_id("cli"),
            name=name.strip(),
            secret_hash=hash_secret(secret),
            auth_method=auth_method,
            redirect_uris=(),
            post_logout_redirect_uris=(),
            scopes=wanted,
            grant_types=(SERVICE_GRANT,),
            minimum_level=Level.PWD,  # of sign-ins, which it never begins
            id_token_alg="RS256",
            support_contact="",
            is_active=True,
            created_at=self.clock.now(),
        )
        self._keep(client)
        return client, secret

    def get_client(self, client_id: str) -> Client:
        """Raises NotFound: `client.unknown`: there is no active client with this id."""
        with self.database.read() as connection:
            client = find_active_client(connection, client_id)
        if client is None:
            raise _unknown()
        return client

    def list_clients(self) -> list[Client]:
        with self.database.read() as connection:
            return list_clients(connection)

    def disable_client(self, client_id: str) -> None:
        """Refuse the client from now on: no new code, no refresh, no flow of it resumes, no event is sent to it.

        Raises:
            NotFound: `client.unknown`: there is no such client, or it was disabled before.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            if not disable_client(connection, client_id):
                raise _unknown()
            disable_webhook(connection, client_id, reason="client_disabled", now=now)
            self.audit.record(connection, "oidc:client:disabled", now=now, facts={"client": client_id})

    def _keep(self, client: Client) -> None:
        with self.database.write() as connection:
            insert_client(connection, client)
            self.audit.record(
                connection,
                "oidc:client:registered",
                now=client.created_at,
                facts={
                    "client": client.id,
                    "auth_method": client.auth_method,
                    "redirect_uris": list(client.redirect_uris),
                    "scopes": list(client.scopes),
                    "minimum_level": client.minimum_level.name.lower(),
                    "attestation": client.attestation.to_json(),
                },
            )


def _unknown() -> NotFound:
    return NotFound("client.unknown", "There is no active client with this id.")


def _require_name(name: str) -> None:
    # It stands in the subject of mails, where a line break would begin another header.
    usable = bool(name.strip()) and len(name) <= MAX_NAME and name.isprintable()
    _require(usable, "client.name", f"A name of 1 to {MAX_NAME} characters, without line breaks.")


def _require(holds: bool, code: str, detail: str) -> None:
    if not holds:
        raise BadInput(code, detail)
