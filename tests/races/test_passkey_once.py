"""At once on PostgreSQL: a challenge is answered once, a credential has one owner, and a removed one is dead."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from authsvc.accounts.store import lock_account
from authsvc.accounts.tables import accounts
from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.service import Passkeys, Proven, Refused
from authsvc.factors.passkey.tables import passkeys
from tests.support.clocks import SettableClock
from tests.support.passkeys import HERE, ORIGIN, RP_ID, PasskeyBench
from tests.support.races import THREADS, at_once, waits_for_a_lock

pytestmark = pytest.mark.postgresql


@pytest.fixture
def bench(postgresql_only_database: Database, audit: Audit, clock: SettableClock) -> PasskeyBench:
    return PasskeyBench(postgresql_only_database, Passkeys(RelyingParty(RP_ID, "Shop", ORIGIN), audit), clock)


def test_sixteen_times_one_assertion_proves_once(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options())
    outcomes = at_once(lambda _: bench.verify(answer))
    assert sum(isinstance(outcome, Proven) for outcome in outcomes) == 1
    assert outcomes.count(Refused("passkey.challenge_spent")) == THREADS - 1


def test_sixteen_times_one_registration_is_kept_once(bench: PasskeyBench) -> None:
    owner = bench.add_account()
    answer = SoftAuthenticator(RP_ID, ORIGIN).create(bench.creation_options(owner))
    outcomes = at_once(lambda _: bench.keep(owner, answer))
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert outcomes.count(Refused("passkey.challenge_spent", None)) == THREADS - 1


def test_of_sixteen_accounts_that_register_one_credential_one_gets_it(bench: PasskeyBench) -> None:
    accounts = [bench.add_account() for _ in range(THREADS)]
    shared = SoftAuthenticator(RP_ID, ORIGIN)
    answers = [shared.create(bench.creation_options(account)) for account in accounts]
    outcomes = at_once(lambda number: bench.keep(accounts[number], answers[number]))
    kept = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, str)]
    refused = [outcome.code for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(kept) == 1
    assert refused == ["passkey.already_registered"] * (THREADS - 1)
    with bench.database.read() as connection:
        query = select(passkeys.c.account_id).where(passkeys.c.credential_id == shared.credential_id)
        assert connection.execute(query).scalar_one() == accounts[kept[0]].id


def test_a_passkey_that_is_being_removed_proves_nothing(bench: PasskeyBench) -> None:
    """A stolen phone answers while its owner takes its passkey away: no session may come after that."""
    answer = bench.authenticator.get(bench.request_options())
    with ThreadPoolExecutor(1) as pool:
        with bench.database.write() as connection:
            lock_account(connection, bench.account.id)
            assert bench.service.remove_all(connection, bench.account.id, origin=HERE, now=bench.clock.now()) == 1
            thief = pool.submit(bench.verify, answer)
            assert waits_for_a_lock(bench.database)
        assert thief.result() == Refused(
            "passkey.unknown_credential", bench.account.id, bench.authenticator.credential_id
        )


def test_an_account_that_is_being_locked_is_seen_locked(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options())
    with ThreadPoolExecutor(1) as pool:
        with bench.database.write() as connection:
            connection.execute(update(accounts).where(accounts.c.id == bench.account.id).values(status="frozen"))
            late = pool.submit(bench.verify, answer)
            assert waits_for_a_lock(bench.database)
        outcome = late.result()
    assert isinstance(outcome, Proven)
    assert not outcome.account.is_active
