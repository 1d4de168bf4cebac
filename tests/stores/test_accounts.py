"""Accounts, sessions, devices and consents on both databases."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import NO_DEVICE, Devices
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import (
    Account,
    Address,
    consume_invitation,
    find_account_by_email,
    insert_account,
    insert_address,
    insert_invitation,
)
from authsvc.accounts.tables import sessions
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.ids import hash_secret, new_bytes, new_id, new_secret
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import Keyring
from authsvc.settings import SessionSettings
from tests.support.clocks import SettableClock

HERE = Origin("req_test", "203.0.113.7", "test")


@pytest.fixture
def account(database: Database, clock: SettableClock) -> Account:
    made = Account(new_id("acc"), new_bytes(32), "Ada", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, made)
    return made


@pytest.fixture
def service(audit: Audit) -> Sessions:
    return Sessions(SessionSettings(), audit)


def opened(
    database: Database,
    service: Sessions,
    account: Account,
    clock: SettableClock,
    *,
    kind: str = "customer",
    proofs: Mapping[ProofKind, object] | None = None,
) -> str:
    with database.write() as connection:
        _, secret = service.open(
            connection,
            account_id=account.id,
            device_id=None,
            kind=kind,
            proofs=proofs or {ProofKind.PASSWORD: clock.now()},
            origin=HERE,
            now=clock.now(),
        )
    return secret


def test_only_the_hash_of_a_session_is_stored(
    database: Database, service: Sessions, account: Account, clock: SettableClock
) -> None:
    secret = opened(database, service, account, clock)
    with database.read() as connection:
        row = connection.execute(select(sessions)).one()
        assert service.find_live(connection, secret, now=clock.now()) is not None
        assert service.find_live(connection, new_secret(), now=clock.now()) is None
        assert service.find_live(connection, None, now=clock.now()) is None
    assert row.secret_hash == hash_secret(secret)
    assert secret not in str(row)


@pytest.mark.parametrize(
    ("kind", "idle", "absolute"),
    [
        ("customer", timedelta(days=14), timedelta(days=90)),
        ("staff", timedelta(minutes=30), timedelta(hours=10)),
    ],
)
def test_sessions_end_when_idle_and_when_old(
    database: Database,
    service: Sessions,
    account: Account,
    clock: SettableClock,
    kind: str,
    idle: timedelta,
    absolute: timedelta,
) -> None:
    secret, start = opened(database, service, account, clock, kind=kind), clock.now()
    with database.write() as connection:
        assert service.find_live(connection, secret, kind=kind, now=start + idle - timedelta(seconds=1))
        assert service.find_live(connection, secret, kind=kind, now=start + idle) is None
        other = "staff" if kind == "customer" else "customer"
        assert service.find_live(connection, secret, kind=other, now=start) is None
        at = start
        while at + idle < start + absolute:
            at += idle - timedelta(seconds=61)
            if at >= start + absolute:
                break
            found = service.find_live(connection, secret, kind=kind, now=at)
            assert found is not None
            service.touch(connection, found, now=at)
        assert service.find_live(connection, secret, kind=kind, now=start + absolute) is None


def test_raising_a_level_changes_the_secret(
    database: Database, service: Sessions, account: Account, clock: SettableClock
) -> None:
    secret = opened(database, service, account, clock)
    clock.advance(minutes=20)
    with database.write() as connection:
        session = service.find_live(connection, secret, now=clock.now())
        assert session is not None
        assert service.level(session, now=clock.now()) is Level.PWD
        raised, fresh = service.raise_level(
            connection, session, {ProofKind.PASSKEY: clock.now()}, origin=HERE, now=clock.now()
        )
        assert raised.id == session.id
        assert service.level(raised, now=clock.now()) is Level.PHR
        assert service.find_live(connection, secret, now=clock.now()) is None
        again = service.find_live(connection, fresh, now=clock.now())
    assert again is not None
    assert set(again.proofs) == {ProofKind.PASSWORD, ProofKind.PASSKEY}


def test_ending_all_sessions_ends_each_once(
    database: Database, service: Sessions, account: Account, clock: SettableClock
) -> None:
    secrets = [opened(database, service, account, clock) for _ in range(3)]
    with database.write() as connection:
        assert service.end_all(connection, account.id, reason="not_me", origin=HERE, now=clock.now()) == 3
        assert service.end_all(connection, account.id, reason="not_me", origin=HERE, now=clock.now()) == 0
        assert all(service.find_live(connection, secret, now=clock.now()) is None for secret in secrets)


def test_a_device_is_known_only_to_accounts_that_signed_in_from_it(
    database: Database, keyring: Keyring, account: Account, clock: SettableClock
) -> None:
    devices = Devices(keyring)
    other = Account(new_id("acc"), new_bytes(32), "Eve", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, other)
        _, cookie = devices.remember(connection, NO_DEVICE, account_id=account.id, label="Firefox", now=clock.now())
        mine = devices.recognise(connection, cookie, account_id=account.id, now=clock.now())
        theirs = devices.recognise(connection, cookie, account_id=other.id, now=clock.now())
        nobodys = devices.recognise(connection, cookie, account_id=None, now=clock.now())
    assert (mine.known, theirs.known, nobodys.known) == (True, False, False)
    assert mine.device_id == theirs.device_id


def test_a_device_cookie_rotates_and_its_old_value_is_evidence_of_theft(
    database: Database, keyring: Keyring, account: Account, clock: SettableClock
) -> None:
    devices = Devices(keyring)
    with database.write() as connection:
        _, old = devices.remember(connection, NO_DEVICE, account_id=account.id, label="Firefox", now=clock.now())
        facts = devices.recognise(connection, old, account_id=account.id, now=clock.now())
        device_id, new = devices.remember(connection, facts, account_id=account.id, label="Firefox", now=clock.now())
        assert device_id == facts.device_id
        assert old != new
        clock.advance(minutes=5)  # two tabs
        assert not devices.recognise(connection, old, account_id=account.id, now=clock.now()).stolen
        clock.advance(minutes=6)
        stolen = devices.recognise(connection, old, account_id=account.id, now=clock.now())
        assert (stolen.stolen, stolen.known) == (True, False)
        replaced, _ = devices.remember(connection, stolen, account_id=account.id, label="x", now=clock.now())
        assert replaced != device_id
        assert devices.recognise(connection, new, account_id=account.id, now=clock.now()).known


@pytest.mark.parametrize("cookie", [None, "", "x", "a.b", "." * 40, "é.é"])
def test_a_forged_device_cookie_is_nobody(
    database: Database, keyring: Keyring, clock: SettableClock, cookie: str | None
) -> None:
    with database.read() as connection:
        assert Devices(keyring).recognise(connection, cookie, account_id=None, now=clock.now()) == NO_DEVICE


def test_withdrawing_a_consent_deletes_in_the_same_transaction(
    database: Database, audit: Audit, account: Account, clock: SettableClock
) -> None:
    deleted: list[str] = []
    consents = Consents(audit, {Purpose.FACE: lambda _, account_id: deleted.append(account_id)})
    now = clock.now()
    with database.write() as connection:
        assert not consents.given(connection, account.id, Purpose.FACE)
        consents.give(connection, account.id, Purpose.FACE, origin=HERE, now=now)
        consents.give(connection, account.id, Purpose.FACE, origin=HERE, now=now)
        assert consents.given(connection, account.id, Purpose.FACE)
        assert not consents.given(connection, account.id, Purpose.TYPING)
        assert consents.withdraw(connection, account.id, Purpose.FACE, origin=HERE, now=now)
        assert not consents.given(connection, account.id, Purpose.FACE)
        assert not consents.withdraw(connection, account.id, Purpose.FACE, origin=HERE, now=now)
    assert deleted == [account.id, account.id]


def test_an_address_belongs_to_one_account(database: Database, account: Account, clock: SettableClock) -> None:
    other = Account(new_id("acc"), new_bytes(32), "Eve", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, other)
        assert insert_address(connection, Address(new_id("adr"), account.id, "a@example.org", clock.now(), True))
        assert not insert_address(connection, Address(new_id("adr"), other.id, "a@example.org", clock.now(), True))
        found = find_account_by_email(connection, "a@example.org")
    assert found is not None
    assert found.id == account.id


def test_an_invitation_is_spent_once(database: Database, clock: SettableClock) -> None:
    secret, now = new_secret(), clock.now()
    with database.write() as connection:
        insert_invitation(
            connection,
            invitation_id="inv_1",
            token_hash=hash_secret(secret),
            role="analyst",
            now=now,
            expires_at=now + timedelta(days=1),
        )
        assert consume_invitation(connection, hash_secret(secret), now + timedelta(days=1)) is None
        assert consume_invitation(connection, hash_secret(secret), now) == ("inv_1", "analyst")
        assert consume_invitation(connection, hash_secret(secret), now) is None
