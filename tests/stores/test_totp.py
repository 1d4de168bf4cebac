"""Authenticator apps on both databases: set up, used once a code, refused after too many, removed."""

from dataclasses import dataclass
from threading import Event

import pyotp
import pytest
from sqlalchemy import func, select

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
from authsvc.core.sealing.service import Vault
from authsvc.factors.factor import Factor, TypedCheck, TypedFactor
from authsvc.factors.totp.service import Enrolment, Totp
from authsvc.factors.totp.store import sweep_enrolments
from authsvc.factors.totp.tables import totp_enrolments, totp_secrets
from tests.support.clocks import SettableClock

HERE = Origin("req_test", "203.0.113.7", "test")
SESSION = "ses_one"


@dataclass
class Bench:
    """An account, an app, and the factor between them."""

    database: Database
    clock: SettableClock
    totp: Totp

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

    def begin(self, account_id: str = "", session: str = SESSION) -> Enrolment:
        with self.database.write() as connection:
            return self.totp.begin_enrolment(
                connection,
                account_id or self.account_id,
                session_id=session,
                account_name="ada@example.org",
                now=self.clock.now(),
            )

    def confirm(self, typed: str, account_id: str = "", session: str = SESSION) -> TypedCheck:
        with self.database.write() as connection:
            return self.totp.confirm_enrolment(
                connection,
                account_id or self.account_id,
                typed,
                session_id=session,
                origin=HERE,
                now=self.clock.now(),
            )

    def enrol(self, account_id: str = "") -> "App":
        app = App(self, self.begin(account_id).secret.replace(" ", ""))
        assert self.confirm(app.code(), account_id) == TypedCheck(True)
        self.clock.advance(seconds=30)
        return app

    def check(self, typed: str, account_id: str = "") -> TypedCheck:
        with self.database.write() as connection:
            return self.totp.check(connection, account_id or self.account_id, typed, origin=HERE, now=self.clock.now())

    def ways(self, account_id: str = "") -> int:
        with self.database.read() as connection:
            return len(self.totp.ways(connection, account_id or self.account_id))

    def tags(self) -> list[str]:
        """Return the tags of what the factor recorded, oldest first, without the mails'."""
        query = select(audit_events.c.tag).where(audit_events.c.tag.like("totp:%")).order_by(audit_events.c.id)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def alerts(self) -> list[str]:
        with self.database.read() as connection:
            return sorted(connection.execute(select(alert_rows.c.kind)).scalars())


@dataclass
class App:
    bench: Bench
    secret: str

    def code(self, *, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.bench.clock.now(), counter_offset=steps)

    def wrong(self) -> str:
        near = {self.code(steps=steps) for steps in range(-2, 3)}
        return next(f"{number:06d}" for number in range(10) if f"{number:06d}" not in near)


@pytest.fixture
def bench(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Bench:
    alerts = Alerts(Outbox(vault, Event()), audit, "https://id.shop.example", "Tea Shop ID")
    return Bench(database, clock, Totp(vault, audit, alerts, "Tea Shop ID"))


def test_it_is_a_factor_that_is_typed(bench: Bench) -> None:
    factor: Factor = bench.totp
    assert isinstance(factor, TypedFactor)
    assert factor.kind is ProofKind.TOTP


def test_an_app_counts_after_its_first_code(bench: Bench) -> None:
    begun = bench.begin()
    app = App(bench, begun.secret.replace(" ", ""))
    assert bench.ways() == 0
    assert bench.check(app.code()) == TypedCheck(False, "totp.none", bench.check("").error)
    assert bench.confirm(app.code()).right
    assert bench.ways() == 1
    assert "totp:factor:added" in bench.tags()
    assert bench.alerts() == ["factor_added"]
    assert begun.uri.startswith("otpauth://totp/Tea%20Shop%20ID:ada%40example.org?")
    assert begun.qr.startswith("data:image/svg+xml")


def test_the_first_code_is_spent_by_confirming(bench: Bench) -> None:
    app = App(bench, bench.begin().secret.replace(" ", ""))
    code = app.code()
    assert bench.confirm(code).right
    assert bench.check(code).code == "totp.spent"


def test_a_secret_is_sealed_for_its_person_and_row(bench: Bench, vault: Vault) -> None:
    app = bench.enrol()
    with bench.database.write() as connection:
        sealed = connection.execute(select(totp_secrets.c.sealed)).scalar_one()
        assert app.secret.encode() not in sealed
        vault.destroy_key(connection, bench.account_id, now=bench.clock.now())
    assert bench.check(app.code()).code == "totp.none"  # whoever was erased has no app


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_good_once_in_its_whole_window(bench: Bench, steps: int) -> None:
    app = bench.enrol()
    bench.clock.advance(minutes=5)
    code = app.code(steps=steps)
    assert bench.check(code).right
    for _ in range(4):
        check = bench.check(code)
        assert (check.right, check.code) in {(False, "totp.spent"), (False, "totp.wrong")}  # later it is just old
        bench.clock.advance(seconds=20)
    assert "totp:code:replayed" in bench.tags()


def test_a_code_spends_those_before_it(bench: Bench) -> None:
    app = bench.enrol()
    bench.clock.advance(minutes=5)
    older, newest = app.code(steps=-1), app.code(steps=1)
    assert bench.check(newest).right
    assert bench.check(older).code == "totp.spent"
    bench.clock.advance(seconds=60)
    assert bench.check(app.code()).right


def test_the_sixth_wrong_code_makes_the_seventh_wait(bench: Bench) -> None:
    app = bench.enrol()
    left = [bench.check(app.wrong()).tries_left for _ in range(6)]
    assert left == [4, 3, 2, 1, 0, 0]
    check = bench.check(app.code())
    assert (check.right, check.code, check.retry_after_s) == (False, "totp.too_many", 2)
    bench.clock.advance(seconds=2)
    assert bench.check(app.code()).right
    assert bench.check(app.wrong()).tries_left == 4  # a right one forgives
    assert bench.tags().count("totp:code:wrong") == 7
    assert "totp:code:turned_away" in bench.tags()


def test_a_try_that_is_told_to_wait_is_not_counted(bench: Bench) -> None:
    app = bench.enrol()
    for _ in range(6):
        bench.check(app.wrong())
    for _ in range(50):
        assert bench.check(app.wrong()).code == "totp.too_many"
    bench.clock.advance(seconds=2)
    assert bench.check(app.code()).right


def test_after_a_hundred_it_is_refused_until_set_up_anew(bench: Bench) -> None:
    app = bench.enrol()
    for _ in range(100):
        assert bench.check(app.wrong()).code == "totp.wrong"
        bench.clock.advance(hours=1)
    assert bench.check(app.code()).code == "totp.refused"
    bench.clock.advance(days=30)
    assert bench.check(app.code()).code == "totp.refused"
    fresh = bench.enrol()
    assert bench.check(fresh.code()).right


def test_the_failures_of_one_account_are_not_anothers(bench: Bench) -> None:
    other = bench.add_account()
    mine, theirs = bench.enrol(), bench.enrol(other)
    for _ in range(7):
        bench.check(mine.wrong())
    assert bench.check(theirs.code(), other).right


def test_another_accounts_code_is_wrong(bench: Bench) -> None:
    other = bench.add_account()
    bench.enrol()
    theirs = bench.enrol(other)
    assert bench.check(theirs.code()).code == "totp.wrong"


def test_a_new_app_takes_the_place_of_the_old_one(bench: Bench) -> None:
    old = bench.enrol()
    new = App(bench, bench.begin().secret.replace(" ", ""))
    assert bench.check(old.code()).right  # until the new one is confirmed
    bench.clock.advance(seconds=60)
    assert bench.confirm(new.code()).right
    bench.clock.advance(seconds=60)
    assert bench.check(old.code()).code == "totp.wrong"
    assert bench.check(new.code()).right
    assert bench.ways() == 1
    assert bench.tags().count("totp:factor:removed") == 1


class TestWhileItIsSetUp:
    def test_another_session_sees_and_confirms_nothing(self, bench: Bench) -> None:
        app = App(bench, bench.begin(session="ses_thief").secret.replace(" ", ""))
        with bench.database.read() as connection:
            find = {"account_name": "ada@example.org", "now": bench.clock.now()}
            assert bench.totp.find_enrolment(connection, bench.account_id, session_id=SESSION, **find) is None
            again = bench.totp.find_enrolment(connection, bench.account_id, session_id="ses_thief", **find)
        assert again is not None
        assert again.secret.replace(" ", "") == app.secret
        assert bench.confirm(app.code()).code == "totp.enrolment_over"
        assert bench.ways() == 0

    def test_five_wrong_codes_end_it(self, bench: Bench) -> None:
        app = App(bench, bench.begin().secret.replace(" ", ""))
        codes = [bench.confirm(app.wrong()).code for _ in range(5)]
        assert codes == ["totp.wrong"] * 4 + ["totp.enrolment_over"]
        assert bench.confirm(app.code()).code == "totp.enrolment_over"
        assert bench.tags() == ["totp:enrolment:refused"] * 5

    def test_it_ends_after_a_quarter_of_an_hour(self, bench: Bench) -> None:
        app = App(bench, bench.begin().secret.replace(" ", ""))
        bench.clock.advance(minutes=15)
        assert bench.confirm(app.code()).code == "totp.enrolment_over"

    def test_beginning_again_ends_it(self, bench: Bench) -> None:
        first = App(bench, bench.begin().secret.replace(" ", ""))
        second = App(bench, bench.begin().secret.replace(" ", ""))
        assert first.secret != second.secret
        assert bench.confirm(first.code()).code == "totp.wrong"
        assert bench.confirm(second.code()).right

    def test_not_me_stops_it(self, bench: Bench) -> None:
        app = App(bench, bench.begin().secret.replace(" ", ""))
        for _ in range(2):
            with bench.database.write() as connection:
                bench.totp.stop_enrolment(connection, bench.account_id, HERE, bench.clock.now())
        assert bench.confirm(app.code()).code == "totp.enrolment_over"
        assert bench.tags() == ["totp:enrolment:stopped"]

    def test_old_ones_go(self, bench: Bench) -> None:
        bench.begin()
        bench.clock.advance(minutes=15)
        bench.begin(bench.add_account())
        with bench.database.write() as connection:
            sweep_enrolments(connection, bench.clock.now())
            assert connection.execute(select(func.count()).select_from(totp_enrolments)).scalar_one() == 1


def test_removed_at_the_owners_wish(bench: Bench) -> None:
    app = bench.enrol()
    removed = []
    for _ in range(2):
        with bench.database.write() as connection:
            removed.append(bench.totp.remove(connection, bench.account_id, origin=HERE, now=bench.clock.now()))
    assert removed == [True, False]
    assert bench.check(app.code()).code == "totp.none"
    assert bench.alerts() == ["factor_added", "factor_removed"]


def test_what_its_owner_may_read_is_no_secret(bench: Bench) -> None:
    app = bench.enrol()
    with bench.database.write() as connection:
        exported = bench.totp.export(connection, bench.account_id)
        assert app.secret not in repr(exported)
        assert [set(each) for each in exported] == [{"created_at", "last_used_at"}]
        assert bench.totp.remove_all(connection, bench.account_id, origin=HERE, now=bench.clock.now()) == 1
        assert bench.totp.remove_all(connection, bench.account_id, origin=HERE, now=bench.clock.now()) == 0
        assert bench.totp.export(connection, bench.account_id) == []
    assert bench.alerts() == ["factor_added"]  # recovery and erasure tell in words of their own
