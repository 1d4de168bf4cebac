"""Sixteen at once on PostgreSQL: a challenge is answered once, a credential belongs to one account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import select

from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.service import Passkeys, Proven, Refused
from authsvc.factors.passkey.tables import passkeys
from tests.support.clocks import SettableClock
from tests.support.passkeys import ORIGIN, RP_ID, PasskeyBench

pytestmark = pytest.mark.postgresql

THREADS = 16
T = TypeVar("T")


@pytest.fixture
def bench(postgresql_only_database: Database, audit: Audit, clock: SettableClock) -> PasskeyBench:
    return PasskeyBench(postgresql_only_database, Passkeys(RelyingParty(RP_ID, "Shop", ORIGIN), audit), clock)


def at_once(work: Callable[[int], T]) -> list[T]:
    """Run the work in sixteen threads that start together; each gets its number."""
    start = Barrier(THREADS)

    def run(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


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
