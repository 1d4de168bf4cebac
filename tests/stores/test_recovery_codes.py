"""Recovery codes on both databases: made, used once, replaced, removed."""

from dataclasses import dataclass, replace
from threading import Event

import pytest
from sqlalchemy import select

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.accounts.tables import alerts as alert_rows
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.cipher import Keyring
from authsvc.core.sealing.service import Vault
from authsvc.factors.factor import Factor, TypedCheck, TypedFactor
from authsvc.factors.recovery_code.service import CODES, RecoveryCodes
from authsvc.factors.recovery_code.tables import recovery_codes
from authsvc.factors.recovery_code.words import normalise
from tests.support.clocks import SettableClock

HERE = Origin("req_test", "203.0.113.7", "test")
WRONG = "0000-0000-0000-0000"


@dataclass
class Bench:
    """An account, and the factor."""

    database: Database
    clock: SettableClock
    factor: RecoveryCodes

    def __post_init__(self) -> None:
        self.account_id = self.add_account()

    def add_account(self) -> str:
        account = Account(new_id("acc"), new_bytes(32), "Ada", "active", self.clock.now())
        with self.database.write() as connection:
            insert_account(connection, account)
            insert_address(
                connection, Address(new_id("adr"), account.id, f"{account.id}@example.org", self.clock.now(), True)
            )
        return account.id

    def make(self, account_id: str = "") -> tuple[str, ...]:
        with self.database.write() as connection:
            return self.factor.make_new_set(
                connection, account_id or self.account_id, origin=HERE, now=self.clock.now()
            )

    def check(self, typed: str, account_id: str = "") -> TypedCheck:
        with self.database.write() as connection:
            return self.factor.check(
                connection, account_id or self.account_id, typed, origin=HERE, now=self.clock.now()
            )

    def left(self) -> int:
        with self.database.read() as connection:
            return self.factor.remaining(connection, self.account_id)

    def tags(self) -> list[str]:
        query = select(audit_events.c.tag).where(audit_events.c.tag.like("recovery%")).order_by(audit_events.c.id)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def alerts(self) -> list[str]:
        with self.database.read() as connection:
            return sorted(connection.execute(select(alert_rows.c.kind)).scalars())


@pytest.fixture
def bench(database: Database, vault: Vault, audit: Audit, keyring: Keyring, clock: SettableClock) -> Bench:
    alerts = Alerts(Outbox(vault, Event()), audit, "https://id.shop.example", "Tea Shop ID")
    return Bench(database, clock, RecoveryCodes(keyring, audit, alerts))


def test_it_is_a_factor_that_is_typed(bench: Bench) -> None:
    factor: Factor = bench.factor
    assert isinstance(factor, TypedFactor)
    assert factor.kind is ProofKind.RECOVERY_CODE


def test_ten_codes_each_good_once(bench: Bench) -> None:
    codes = bench.make()
    assert len(set(codes)) == CODES == 10
    for used, code in enumerate(codes):
        assert bench.left() == CODES - used
        bench.clock.advance(hours=1)
        assert bench.check(code).right
        assert bench.check(code) == TypedCheck(False, "recovery_code.spent", bench.check(code).error, tries_left=4)
    with bench.database.read() as connection:
        assert bench.factor.ways(connection, bench.account_id) == ()  # nothing left is nothing to be asked for
    assert bench.tags().count("recovery_code:code:used") == CODES


def test_the_owner_is_told_of_each_that_is_used(bench: Bench) -> None:
    code, other, *_ = bench.make()
    assert bench.alerts() == ["factor_added"]
    assert bench.check(code).right
    assert bench.check(other).right
    assert bench.alerts() == ["factor_added", "recovery_code_used", "recovery_code_used"]


def test_it_says_how_many_are_left_and_when_one_was_used(bench: Bench) -> None:
    code, *_ = bench.make()
    bench.clock.advance(days=2)
    bench.check(code)
    with bench.database.read() as connection:
        (way,) = bench.factor.ways(connection, bench.account_id)
        exported = bench.factor.export(connection, bench.account_id)
    assert (way.detail, way.last_used_at) == ("9 of 10 left", bench.clock.now())
    assert exported[0]["left"] == 9
    assert set(exported[0]) == {"created_at", "last_used_at", "left"}


def test_it_may_be_typed_as_people_type(bench: Bench) -> None:
    code, *_ = bench.make()
    assert bench.check(f" {code.replace('-', ' ').upper()} ").right


def test_what_is_stored_is_no_code(bench: Bench, keyring: Keyring) -> None:
    code, *_ = bench.make()
    with bench.database.read() as connection:
        stored = list(connection.execute(select(recovery_codes.c.code_hash)).scalars())
        (way,) = bench.factor.ways(connection, bench.account_id)
    letters = normalise(code)
    assert len(stored) == CODES
    assert {len(each) for each in stored} == {32}
    assert keyring.index("recovery-code", f"{way.id}:{letters}") in stored  # bound to its set
    assert keyring.index("recovery-code", f"{letters}") not in stored


def test_codes_outlive_a_new_master_key(bench: Bench, keyring: Keyring) -> None:
    code, *_ = bench.make()
    rotated = Keyring({"k2": bytes(32), **keyring.keys}, current="k2")
    bench.factor = replace(bench.factor, keyring=rotated)
    assert bench.check(code).right
    assert bench.check(code).code == "recovery_code.spent"


def test_a_new_set_replaces_the_old_one(bench: Bench) -> None:
    old, used, *_ = bench.make()
    bench.check(used)
    new, *_ = bench.make()
    assert bench.left() == CODES
    assert bench.check(old).code == "recovery_code.wrong"
    assert bench.check(used).code == "recovery_code.wrong"
    assert bench.check(new).right


def test_another_accounts_code_is_wrong(bench: Bench) -> None:
    other = bench.add_account()
    theirs, *_ = bench.make(other)
    bench.make()
    assert bench.check(theirs).code == "recovery_code.wrong"
    assert bench.check(theirs, other).right


@pytest.mark.parametrize("typed", ["", "x", WRONG, "\x00", "0" * 5000, "u" * 16])
def test_garbage_is_wrong(bench: Bench, typed: str) -> None:
    bench.make()
    assert bench.check(typed).code == "recovery_code.wrong"
    assert bench.tags()[-1] == "recovery_code:code:wrong"


def test_an_account_without_codes(bench: Bench) -> None:
    assert bench.check(WRONG).code == "recovery_code.wrong"
    assert bench.left() == 0


def test_nobody_can_lock_the_last_way_in(bench: Bench) -> None:
    code, *_ = bench.make()
    assert [bench.check(WRONG).tries_left for _ in range(7)] == [4, 3, 2, 1, 0, 0, 0]  # at 0 the owner is warned
    for _ in range(150):
        assert bench.check(WRONG).retry_after_s is None
    assert bench.check(code).right
    assert bench.check(WRONG).tries_left == 4


def test_removed_at_the_owners_wish(bench: Bench) -> None:
    code, *_ = bench.make()
    removed = []
    for _ in range(2):
        with bench.database.write() as connection:
            removed.append(bench.factor.remove(connection, bench.account_id, origin=HERE, now=bench.clock.now()))
    assert removed == [True, False]
    assert bench.check(code).code == "recovery_code.wrong"
    assert bench.alerts() == ["factor_added", "factor_removed"]
    assert bench.tags()[:2] == ["recovery_code:factor:added", "recovery_code:factor:removed"]
