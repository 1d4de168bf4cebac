"""SQL for clients and for requests that wait for their browser."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from authsvc.accounts.levels import Level
from authsvc.factors.passkey.attestation import policy_of
from authsvc.oidc.clients.client import Client
from authsvc.oidc.tables import clients, stored_requests

_FIND_CLIENT = select(clients).where(clients.c.id == bindparam("client_id"))


def find_client(connection: Connection, client_id: str) -> Client | None:
    """Return a client, disabled ones too."""
    row = connection.execute(_FIND_CLIENT, {"client_id": client_id}).one_or_none()
    return _client(row) if row else None


def find_active_client(connection: Connection, client_id: str) -> Client | None:
    client = find_client(connection, client_id)
    return client if client and client.is_active else None


def list_clients(connection: Connection) -> list[Client]:
    return [_client(row) for row in connection.execute(select(clients).order_by(clients.c.created_at, clients.c.id))]


def insert_client(connection: Connection, client: Client) -> None:
    connection.execute(
        insert(clients).values(
            id=client.id,
            name=client.name,
            secret_hash=client.secret_hash,
            auth_method=client.auth_method,
            redirect_uris=list(client.redirect_uris),
            post_logout_redirect_uris=list(client.post_logout_redirect_uris),
            scopes=list(client.scopes),
            grant_types=list(client.grant_types),
            minimum_level=client.minimum_level.name.lower(),
            id_token_alg=client.id_token_alg,
            support_contact=client.support_contact,
            attestation=client.attestation.to_json(),
            is_active=client.is_active,
            created_at=client.created_at,
        )
    )


def disable_client(connection: Connection, client_id: str) -> bool:
    """Return False when there is no such client, or it was disabled before."""
    statement = update(clients).where(clients.c.id == client_id, clients.c.is_active).values(is_active=False)
    return connection.execute(statement).rowcount == 1


def insert_stored_request(
    connection: Connection, id_hash: bytes, endpoint: str, body: str, *, now: datetime, expires_at: datetime
) -> None:
    """Keep a request's form for a moment."""
    connection.execute(
        insert(stored_requests).values(
            id_hash=id_hash, endpoint=endpoint, body=body, created_at=now, expires_at=expires_at
        )
    )


def sweep_stored_requests(connection: Connection, now: datetime) -> None:
    """Drop forms that nobody came back for."""
    connection.execute(delete(stored_requests).where(stored_requests.c.expires_at < now))


def consume_stored_request(connection: Connection, id_hash: bytes, endpoint: str, *, now: datetime) -> str | None:
    """Spend a kept form in one statement; None when it is unknown, expired or spent."""
    statement = (
        update(stored_requests)
        .where(
            stored_requests.c.id_hash == id_hash,
            stored_requests.c.endpoint == endpoint,
            stored_requests.c.consumed_at.is_(None),
            stored_requests.c.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(stored_requests.c.body)
    )
    return connection.execute(statement).scalar_one_or_none()


def _client(row: Row[Any]) -> Client:
    return Client(
        id=row.id,
        name=row.name,
        secret_hash=row.secret_hash,
        auth_method=row.auth_method,
        redirect_uris=tuple(row.redirect_uris),
        post_logout_redirect_uris=tuple(row.post_logout_redirect_uris),
        scopes=tuple(row.scopes),
        grant_types=tuple(row.grant_types),
        minimum_level=Level[row.minimum_level.upper()],
        id_token_alg=row.id_token_alg,
        support_contact=row.support_contact,
        attestation=policy_of(row.attestation),
        is_active=row.is_active,
        created_at=row.created_at,
    )
