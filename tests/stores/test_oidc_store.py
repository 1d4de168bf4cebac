"""Clients, keys, codes, families and refresh tokens, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import Account, insert_account
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.ids import hash_secret, new_bytes, new_id
from authsvc.core.sealing.service import Vault
from authsvc.oidc.clients.client import Client
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.oidc.clients.store import (
    consume_stored_request,
    find_active_client,
    find_client,
    insert_stored_request,
    list_clients,
)
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.tables import authorization_codes, refresh_tokens, signing_keys, token_families
from authsvc.oidc.token.store import (
    KEPT_AFTER_EXPIRY,
    Code,
    Family,
    RefreshToken,
    consume_code,
    consume_refresh_token,
    extend_family,
    find_code,
    find_family,
    find_refresh_token,
    insert_code,
    insert_family,
    insert_refresh_token,
    link_code,
    revoke_family,
    revoke_session_families,
    sweep_tokens,
)
from authsvc.settings import SessionSettings, TokenSettings
from tests.support.clocks import START, SettableClock
from tests.support.provider import ORIGIN, REDIRECT_URI

SECOND = timedelta(seconds=1)
PROOFS = {ProofKind.PASSWORD: START}


@pytest.fixture
def registry(database: Database, audit: Audit, clock: SettableClock) -> ClientRegistry:
    return ClientRegistry(database, audit, clock)


@pytest.fixture
def keys(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> SigningKeys:
    return SigningKeys(database, vault, audit, clock, TokenSettings())


@pytest.fixture
def session(database: Database, audit: Audit) -> Session:
    account = Account(new_id("acc"), new_bytes(32), "Ada", "active", START)
    with database.write() as connection:
        insert_account(connection, account)
        opened, _ = Sessions(SessionSettings(), audit).open(
            connection,
            account_id=account.id,
            device_id=None,
            kind="customer",
            proofs=PROOFS,
            origin=ORIGIN,
            now=START,
        )
    return opened


@pytest.fixture
def client(registry: ClientRegistry) -> Client:
    return registry.register_client(name="Shop", redirect_uris=[REDIRECT_URI])[0]


def a_code(client: Client, session: Session, value: str = "code") -> Code:
    return Code(
        code_hash=hash_secret(value),
        client_id=client.id,
        account_id=session.account_id,
        session_id=session.id,
        scope="openid",
        proofs=PROOFS,
        redirect_uri=REDIRECT_URI,
        nonce=None,
        code_challenge="c" * 43,
        acr=Level.PWD.acr,
        amr=("pwd",),
        auth_time=START,
        created_at=START,
        expires_at=START + timedelta(minutes=1),
    )


def a_family(client: Client, session: Session, family_id: str = "fam_1") -> Family:
    return Family(
        family_id, client.id, session.account_id, session.id, "openid", PROOFS, START, START + timedelta(days=30)
    )


def count(connection: Connection, table: object) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_client_comes_back_as_it_was_registered(database: Database, registry: ClientRegistry) -> None:
    registered, secret = registry.register_client(
        name=" Bank ",
        redirect_uris=[REDIRECT_URI, "com.bank.app:/cb"],
        minimum_level=Level.PHR,
        id_token_alg="ES256",
        support_contact="help@bank.example",
    )
    with database.read() as connection:
        found = find_client(connection, registered.id)
    assert found == registered
    assert found.name == "Bank"
    assert found.secret_hash == hash_secret(secret or "")
    assert found.check_client_secret(secret or "")
    assert not found.check_client_secret("another")


def test_a_public_client_has_no_secret(registry: ClientRegistry) -> None:
    client, secret = registry.register_client(name="App", redirect_uris=["com.shop.app:/cb"], auth_method="none")
    assert (secret, client.secret_hash) == (None, None)
    assert not client.check_client_secret("")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": " "}, "client.name"),
        ({"name": "Shop\nBcc: mallory@example.org"}, "client.name"),
        ({"name": "Shop\x1b[2J"}, "client.name"),
        ({"redirect_uris": []}, "client.redirect_uri"),
        ({"redirect_uris": ["http://shop.example/cb"]}, "client.redirect_uri"),
        ({"post_logout_redirect_uris": ["javascript:x"]}, "client.redirect_uri"),
        ({"auth_method": "private_key_jwt"}, "client.auth_method"),
        ({"id_token_alg": "none"}, "client.id_token_alg"),
        ({"scopes": ["email"]}, "client.scopes"),
        ({"grant_types": ["password"]}, "client.grant_types"),
    ],
)
def test_a_client_that_cannot_be_registered(registry: ClientRegistry, wrong: dict[str, object], code: str) -> None:
    right: dict[str, object] = {"name": "Shop", "redirect_uris": [REDIRECT_URI]}
    with pytest.raises(BadInput) as refused:
        registry.register_client(**(right | wrong))
    assert refused.value.code == code
    assert registry.list_clients() == []


def test_a_disabled_client_is_listed_and_not_active(
    database: Database, registry: ClientRegistry, client: Client
) -> None:
    registry.disable_client(client.id)
    with database.read() as connection:
        assert find_active_client(connection, client.id) is None
        assert [each.is_active for each in list_clients(connection)] == [False]
    with pytest.raises(NotFound):
        registry.disable_client(client.id)


def test_a_stored_request_is_spent_once_at_its_own_endpoint(database: Database) -> None:
    with database.write() as connection:
        insert_stored_request(connection, b"1" * 32, "authorize", "a=1", now=START, expires_at=START + SECOND)
        assert consume_stored_request(connection, b"1" * 32, "logout", now=START) is None
        assert consume_stored_request(connection, b"1" * 32, "authorize", now=START + SECOND) is None
        assert consume_stored_request(connection, b"1" * 32, "authorize", now=START) == "a=1"
        assert consume_stored_request(connection, b"1" * 32, "authorize", now=START) is None


def test_a_code_is_consumed_once_by_its_client_in_its_time(
    database: Database, client: Client, session: Session
) -> None:
    code = a_code(client, session)
    with database.write() as connection:
        insert_code(connection, code)
        assert find_code(connection, code.code_hash) == code
        assert consume_code(connection, code.code_hash, client_id="cli_other", now=START) is None
        assert consume_code(connection, code.code_hash, client_id=client.id, now=code.expires_at) is None
        consumed = consume_code(connection, code.code_hash, client_id=client.id, now=START + SECOND)
        assert consumed is not None
        assert (consumed.consumed_at, consumed.proofs) == (START + SECOND, PROOFS)
        assert consume_code(connection, code.code_hash, client_id=client.id, now=START + SECOND) is None


def test_a_refresh_token_is_consumed_once_while_its_family_lives(
    database: Database, client: Client, session: Session
) -> None:
    with database.write() as connection:
        insert_family(connection, a_family(client, session))
        for name in ("one", "two", "late"):
            lifetime = SECOND if name == "late" else timedelta(days=30)
            token = RefreshToken(hash_secret(name), "fam_1", None, START, START + lifetime)
            insert_refresh_token(connection, token)

        def consume(name: str) -> bool:
            return consume_refresh_token(
                connection,
                hash_secret(name),
                consumed_by="client_secret_basic",
                successor_hash=hash_secret(name + "'"),
                successor_sealed=b"sealed",
                now=START + SECOND,
            )

        assert [consume("one"), consume("one"), consume("late"), consume("unknown")] == [True, False, False, False]
        spent = find_refresh_token(connection, hash_secret("one"))
        assert spent is not None
        assert (spent.consumed_at, spent.consumed_by) == (START + SECOND, "client_secret_basic")
        assert revoke_family(connection, "fam_1", reason="test", now=START)
        assert not revoke_family(connection, "fam_1", reason="again", now=START)
        assert not consume("two")


def test_a_family_lives_until_it_expires_or_is_revoked(database: Database, client: Client, session: Session) -> None:
    with database.write() as connection:
        for name in ("fam_1", "fam_2"):
            insert_family(connection, a_family(client, session, name))
        extend_family(connection, "fam_1", START + timedelta(days=40))
        extended = find_family(connection, "fam_1")
        assert extended is not None
        assert extended.is_live(START + timedelta(days=39))
        assert not extended.is_live(START + timedelta(days=40))
        assert revoke_session_families(connection, session.id, reason="logout", now=START) == 2
        assert revoke_session_families(connection, session.id, reason="logout", now=START) == 0
        revoked = find_family(connection, "fam_2")
        assert revoked is not None
        assert (revoked.is_live(START), revoked.revoke_reason) == (False, "logout")


def test_a_spent_code_is_kept_as_long_as_a_token_of_it_lives(
    database: Database, client: Client, session: Session
) -> None:
    with database.write() as connection:
        for value in ("spent", "unused"):
            insert_code(connection, a_code(client, session, value))
        insert_family(connection, a_family(client, session))
        link_code(connection, hash_secret("spent"), "fam_1")
        insert_refresh_token(
            connection, RefreshToken(hash_secret("r"), "fam_1", None, START, START + timedelta(days=30))
        )
        sweep_tokens(connection, START + timedelta(days=29) + KEPT_AFTER_EXPIRY)
        assert find_code(connection, hash_secret("unused")) is None
        assert find_code(connection, hash_secret("spent")) is not None
        sweep_tokens(connection, START + timedelta(days=31) + KEPT_AFTER_EXPIRY)
        assert [count(connection, table) for table in (authorization_codes, token_families, refresh_tokens)] == [
            0,
            0,
            0,
        ]


def test_keys_are_made_once_sealed_and_rotated(database: Database, keys: SigningKeys, clock: SettableClock) -> None:
    first = keys.current()
    assert set(first.signing) == {"RS256", "ES256"}
    assert keys.current() is first, "remembered for a while"
    with database.read() as connection:
        rows = connection.execute(select(signing_keys)).all()
    assert len(rows) == 2
    for row in rows:
        assert row.sealed is not None
        assert b'"d"' not in row.sealed
        assert "d" not in row.public_jwk
        assert row.kid == first.signing[row.alg].thumbprint()

    clock.advance(minutes=1)
    keys.rotate()
    second = keys.current()
    assert {key.kid for key in second.signing.values()}.isdisjoint({key.kid for key in first.signing.values()})
    assert len(second.published.keys) == 4
    with database.read() as connection:
        retired = connection.execute(select(signing_keys).where(signing_keys.c.retired_at.is_not(None))).all()
    assert [row.sealed for row in retired] == [None, None], "a retired private key is destroyed"

    clock.advance(seconds=keys.overlap.total_seconds())
    assert len(keys.current().published.keys) == 2
    assert len(keys.current().all.keys) == 4
    assert len(keys.jwks()["keys"]) == 2


def test_a_key_made_on_another_machine_is_found(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock, keys: SigningKeys
) -> None:
    keys.current()
    elsewhere = SigningKeys(database, vault, audit, clock, TokenSettings())
    elsewhere.rotate()
    fresh = elsewhere.current().signing["ES256"].kid
    assert fresh in [key["kid"] for key in keys.jwks()["keys"]], "the published set is always fresh"
    clock.advance(seconds=2)
    assert fresh in [key.kid for key in keys.current(knowing=fresh).published.keys]
