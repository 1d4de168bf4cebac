"""The password factor on both databases: set, change, remove, rehash; and codes in two spellings beside it."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.accounts.tables import alerts
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Busy, Conflict
from authsvc.core.lanes import ThreadLane
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.factors.email_code.tables import email_codes
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.hibp_file import HibpFile, open_hibp
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import Chosen, find_password
from authsvc.settings import PasswordSettings
from tests.support.clocks import SettableClock

CHEAP = PasswordSettings(memory_kib=8, time_cost=1)
HERE = Origin("req_1", "203.0.113.7", "Firefox")
ADA = Account("acc_ada", b"ada" * 10, "Ada Lovelace", "active", SettableClock().now())
EMAIL = "ada@example.org"
FIRST, SECOND = "four words and a number 7", "another good phrase 42"


class Bench:
    """Ada's account, and the factor with its parts."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, clock: SettableClock, hibp: HibpFile | None = None
    ) -> None:
        self.database, self.clock = database, clock
        self.dropped: list[tuple[str, str | None]] = []
        outbox = Outbox(vault, threading.Event())
        self.passwords = Passwords(
            CHEAP,
            Hasher(CHEAP),
            ThreadLane("password", workers=2, queue=2),
            vault.keyring,
            audit,
            Alerts(outbox, audit, "http://localhost:8000", "authsvc"),
            hibp,
            (lambda _, account_id, flow_id, now: self.dropped.append((account_id, flow_id)),),
        )
        self.codes = EmailCodes(vault.keyring, outbox, "authsvc", "http://localhost:8000")
        with database.write() as connection:
            insert_account(connection, ADA)
            insert_address(connection, Address("adr_1", ADA.id, EMAIL, clock.now(), True))

    def chosen(self, typed: str) -> Chosen:
        return self.passwords.hash_new(typed, own_words=())

    def add(self, typed: str = FIRST) -> None:
        with self.database.write() as connection:
            self.passwords.add(connection, ADA.id, self.chosen(typed), origin=HERE, now=self.clock.now())

    def right(self, typed: str) -> bool:
        with self.database.read() as connection:
            return self.passwords.verify(self.passwords.find(connection, ADA.id), typed)

    def tags(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars())

    def warned(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(alerts.c.kind)).scalars())


@pytest.fixture
def bench(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Bench:
    return Bench(database, vault, audit, clock)


def test_a_change_replaces_the_password_and_tells_its_owner(bench: Bench) -> None:
    bench.add()
    later = bench.clock.advance(hours=1)
    with bench.database.write() as connection:
        changed = bench.passwords.change(connection, ADA.id, bench.chosen(SECOND), origin=HERE, now=later)
    assert (changed.version, changed.changed_at) == (2, later)
    assert bench.right(SECOND)
    assert not bench.right(FIRST)
    assert bench.dropped == [(ADA.id, None)]
    assert bench.warned() == ["factor_added", "password_changed"]
    assert "password:factor:changed" in bench.tags()


def test_there_is_nothing_to_change_without_a_password(bench: Bench) -> None:
    with pytest.raises(Conflict) as refusal, bench.database.write() as connection:
        bench.passwords.change(connection, ADA.id, bench.chosen(SECOND), origin=HERE, now=bench.clock.now())
    assert refusal.value.code == "password.none"
    assert bench.tags() == []
    assert bench.warned() == []


def test_a_password_is_added_once(bench: Bench) -> None:
    bench.add()
    with pytest.raises(Conflict) as refusal:
        bench.add(SECOND)
    assert refusal.value.code == "password.there_already"
    assert bench.right(FIRST)


@pytest.mark.parametrize("has_other", [True, False])
def test_a_password_is_removed_only_beside_another_way_in(bench: Bench, has_other: bool) -> None:
    bench.add()

    def remove() -> bool:
        with bench.database.write() as connection:
            return bench.passwords.remove(
                connection, ADA.id, has_other=lambda: has_other, origin=HERE, now=bench.clock.now()
            )

    if has_other:
        assert remove()
        assert not remove()  # twice: nothing happens, and nobody is told twice
        assert bench.warned() == ["factor_added", "factor_removed"]
        assert bench.tags().count("password:factor:removed") == 1
        assert bench.dropped == [(ADA.id, None)]
        assert not bench.right(FIRST)
    else:
        with pytest.raises(Conflict) as refusal:
            remove()
        assert refusal.value.code == "password.last_way"
        assert bench.right(FIRST)


def test_a_password_that_was_replaced_is_not_current_any_more(bench: Bench) -> None:
    bench.add()
    with bench.database.read() as connection:
        stored = bench.passwords.find(connection, ADA.id)
    assert stored is not None
    with bench.database.write() as connection:
        assert bench.passwords.as_it_is(connection, stored)
        bench.passwords.replace(connection, ADA.id, bench.chosen(SECOND), flow_id="flow_1", now=bench.clock.now())
        assert not bench.passwords.as_it_is(connection, stored)
        bench.passwords.remove_all(connection, ADA.id, origin=HERE, now=bench.clock.now())
        assert not bench.passwords.as_it_is(connection, stored)
    assert bench.dropped == [(ADA.id, "flow_1"), (ADA.id, None)]


def test_an_old_hash_is_rehashed_with_new_parameters_and_stays_the_same_password(bench: Bench) -> None:
    bench.add()
    stronger = Hasher(PasswordSettings(memory_kib=16, time_cost=2))
    with bench.database.write() as connection:
        stored = find_password(connection, ADA.id)
        assert stored is not None
        assert not bench.passwords.outdated(stored)
        assert stronger.outdated(stored.hash)
        bench.passwords.keep_rehash(connection, stored, stronger.hash(FIRST))
        kept = find_password(connection, ADA.id)
    assert kept is not None
    assert kept.hash.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert (kept.version, kept.changed_at) == (stored.version, stored.changed_at)
    assert bench.right(FIRST)


def test_a_rehash_that_comes_after_a_change_is_dropped(bench: Bench) -> None:
    bench.add()
    with bench.database.write() as connection:
        stored = find_password(connection, ADA.id)
        assert stored is not None
        bench.passwords.replace(connection, ADA.id, bench.chosen(SECOND), now=bench.clock.now())
        bench.passwords.keep_rehash(connection, stored, bench.chosen(FIRST).hash)
    assert bench.right(SECOND)
    assert not bench.right(FIRST)


# -- breached passwords


@pytest.fixture
def breached(
    database: Database, vault: Vault, audit: Audit, clock: SettableClock, tmp_path: Path
) -> Callable[..., tuple[Bench, Path]]:
    def make(*known: str) -> tuple[Bench, Path]:
        path = tmp_path / "pwned.txt"
        hashes = {hashlib.sha1(each.encode()).hexdigest().upper() for each in (*known, *map(str, range(500)))}
        path.write_text("".join(f"{each}:7\n" for each in sorted(hashes)))
        return Bench(database, vault, audit, clock, open_hibp(path)), path

    return make


@pytest.mark.parametrize("typed", [SECOND, "caf\u00e9 au lait, every day", "cafe\u0301 au lait, every day"])
def test_a_breached_password_is_refused_as_typed_and_as_hashed(
    breached: Callable[..., tuple[Bench, Path]], typed: str
) -> None:
    bench, _ = breached(SECOND, "caf\u00e9 au lait, every day")
    with pytest.raises(BadInput) as refusal:
        bench.chosen(typed)
    assert refusal.value.code == "password.breached"
    assert bench.passwords.hasher.computed == 0
    assert bench.chosen(FIRST).hash.startswith("$argon2id$")


def test_no_password_is_taken_unchecked(breached: Callable[..., tuple[Bench, Path]]) -> None:
    bench, path = breached(SECOND)
    path.write_bytes(b"?" * path.stat().st_size)
    with pytest.raises(Busy) as refusal:
        bench.chosen(FIRST)
    assert refusal.value.code == "password.breaches_unreadable"


# -- codes in two spellings


def test_a_mailed_code_and_its_link_are_one_thing(bench: Bench) -> None:
    now, codes = bench.clock.now(), bench.codes
    mine = {"flow_id": "flow_1", "email": EMAIL, "purpose": CodePurpose.RESET, "now": now}
    for spelling in ("code", "link"):
        with bench.database.write() as connection:
            token = codes._keep(connection, "flow_1", EMAIL, CodePurpose.RESET, now)
            opened = codes.find_link(connection, token, now=now)
            assert opened is not None
            typed = opened.code if spelling == "code" else token
            assert codes.check(connection, typed, **mine).right
            assert codes.find_link(connection, token, now=now) is None
            for again in (opened.code, token):
                assert not codes.check(connection, again, **mine).right


@pytest.mark.parametrize(
    "bend", [{"flow_id": "flow_2"}, {"email": "eve@example.org"}, {"purpose": CodePurpose.STEP_UP}]
)
def test_a_link_is_bound_to_flow_address_and_purpose(bench: Bench, bend: dict[str, str]) -> None:
    now, codes = bench.clock.now(), bench.codes
    mine = {"flow_id": "flow_1", "email": EMAIL, "purpose": CodePurpose.RESET, "now": now}
    with bench.database.write() as connection:
        token = codes._keep(connection, "flow_1", EMAIL, CodePurpose.RESET, now)
        assert not codes.check(connection, token, **{**mine, **bend}).right
        assert codes.check(connection, token, **mine).right


def test_nothing_that_is_stored_tells_code_or_link(bench: Bench) -> None:
    with bench.database.write() as connection:
        token = bench.codes._keep(connection, "flow_1", EMAIL, CodePurpose.RESET, bench.clock.now())
        opened = bench.codes.find_link(connection, token, now=bench.clock.now())
        assert opened is not None
        row = connection.execute(select(email_codes)).one()
    for value in row:
        assert token not in str(value)
        assert opened.code not in str(value)


def test_codes_are_digits_spread_over_their_whole_range(bench: Bench) -> None:
    found = [bench.codes._digits(f"token {number}") for number in range(2000)]
    assert all(len(code) == 8 and code.isdigit() for code in found)
    assert len(set(found)) > 1995
    assert {code[0] for code in found} == set("0123456789")
