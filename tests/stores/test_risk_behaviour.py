"""How accounts sign in, on both databases: learned when completed, sealed, bounded, forgotten, counted once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from authsvc.accounts.consents.service import Consents
from authsvc.accounts.devices.service import NO_DEVICE
from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account, insert_account
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.risk.context import RiskContext, from_inputs
from authsvc.risk.history.behaviour.sighting import Place
from authsvc.risk.history.behaviour.store import sweep_population
from authsvc.risk.history.behaviour.tables import behaviour_profiles, population_counts, population_news
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policy_file import load_policy
from authsvc.risk.service import RiskService
from authsvc.risk.tables import known_networks
from tests.support.clocks import SettableClock

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
    "Mobile/15E148 Safari/604.1"
)
HOME = Origin("req_home", "203.0.113.7", FIREFOX, "nl-nl", "Europe/Amsterdam", 25)
ABROAD = Origin("req_abroad", "198.51.100.9", IPHONE, "pt-br", "America/Sao_Paulo", 250)
PLACES = {"203.0.113.7": ("NL", Place(52.4, 4.9, 20)), "198.51.100.9": ("BR", Place(-23.5, -46.6, 20))}


@dataclass(frozen=True)
class Atlas:
    def country(self, address: str) -> str | None:
        return PLACES[address][0] if address in PLACES else None

    def place(self, address: str) -> Place | None:
        return PLACES[address][1] if address in PLACES else None

    def provider(self, address: str) -> str | None:
        return {"203.0.113.7": "64500", "198.51.100.9": "64501"}.get(address)


@dataclass(frozen=True)
class Scene:
    database: Database
    risk: RiskService
    clock: SettableClock

    def account(self) -> Account:
        account = Account(new_id("acc"), new_bytes(32), "Ada", "active", self.clock.now())
        with self.database.write() as connection:
            insert_account(connection, account)
        return account

    def learn(self, account: Account, origin: Origin = HOME, *, version: int | None = 1) -> None:
        with self.database.write() as connection:
            self._learn(connection, account, origin, version)

    def sign_in(self, account: Account, origin: Origin = HOME) -> None:
        """What a sign-in that nothing more is asked of does: look and learn in one transaction."""
        with self.database.write() as connection:
            self._gather(connection, account, origin, "password")
            self._learn(connection, account, origin, 1)

    def sweep(self) -> None:
        with self.database.write() as connection:
            sweep_population(connection, self.clock.now())

    def gather(self, account: Account, origin: Origin = HOME, *, trigger: str = "password") -> RiskContext:
        with self.database.read() as connection:
            return self._gather(connection, account, origin, trigger)

    def _learn(self, connection: Connection, account: Account, origin: Origin, version: int | None) -> None:
        now = self.clock.now()
        self.risk.learn(
            connection, account_id=account.id, origin=origin, typing=None, password_version=version, now=now
        )

    def _gather(self, connection: Connection, account: Account, origin: Origin, trigger: str) -> RiskContext:
        return self.risk.gather(
            connection,
            trigger=trigger,
            account=account,
            first_factor=Level.PWD,
            device=NO_DEVICE,
            origin=origin,
            typing=None,
            password_version=1,
            now=self.clock.now(),
        )

    def settled(self) -> Account:
        """An account that signed in twelve times from home, among others."""
        account = self.account()
        for _ in range(12):
            self.clock.advance(days=1)
            self.learn(account)
            self.learn(self.account(), ABROAD)
        self.sweep()
        return account


@pytest.fixture
def risk(vault: Vault, audit: Audit) -> RiskService:
    atlas = Atlas()
    return RiskService(vault, audit, InForce(audit, load_policy(None)), Consents(audit), atlas, (), atlas)


@pytest.fixture
def scene(database: Database, risk: RiskService, clock: SettableClock) -> Scene:
    return Scene(database, risk, clock)


def rows(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_sign_in_as_ever_and_one_like_no_other(scene: Scene) -> None:
    account = scene.settled()
    scene.clock.advance(hours=1)
    usual, odd = scene.gather(account), scene.gather(account, ABROAD)
    assert dict(usual.behaviour.parts).keys() == dict(odd.behaviour.parts).keys() - {"round_trip"} | {"round_trip"}
    unusual = dict(odd.behaviour.parts)
    assert min(unusual[name] for name in ("country", "device", "language", "zone", "travel")) > 0.5
    assert sum(dict(usual.behaviour.parts).values()) < 0
    decided = scene.risk.decide(odd)
    assert {"behaviour.country", "behaviour.travel"} <= {each.code for each in decided.contributions}
    assert not {"network.new", "country.new"} & {each.code for each in decided.contributions}
    assert from_inputs(odd.to_inputs()) == odd


def test_a_first_sign_in_is_unknown(scene: Scene) -> None:
    assert scene.gather(scene.account()).behaviour.parts == ()


def test_a_passkey_is_neither_compared_nor_learned(scene: Scene) -> None:
    account = scene.settled()
    assert scene.gather(account, ABROAD, trigger="passkey").behaviour.parts == ()
    before = rows(scene.database, population_news)
    scene.learn(account, version=None)
    assert rows(scene.database, population_news) == before


@pytest.mark.parametrize(
    "origin",
    [
        Origin("r", "not an address", "", "", "", None),
        Origin("r", "2001:db8::1%eth0", "x" * 10_000, "q" * 300, "z" * 300, -5),
        Origin("r", "::ffff:203.0.113.7", "\x00\ud83d", "nl", "Mars/Olympus", 10**9),
        Origin("r", "0.0.0.0", FIREFOX),
    ],
)
def test_odd_input_is_unknown_and_never_an_error(scene: Scene, origin: Origin) -> None:
    account = scene.settled()
    scene.learn(account, origin)
    found = scene.gather(account, origin)
    assert found.failed_parts == ()
    scene.risk.decide(found)


def test_clocks_that_jump_are_no_error(scene: Scene) -> None:
    account = scene.settled()
    for days in (40_000, -80_000, 40_000):
        scene.clock.advance(days=days)
        scene.learn(account)
        scene.sweep()
        assert scene.gather(account).failed_parts == ()


def test_nothing_stands_in_the_clear(scene: Scene) -> None:
    account = scene.settled()
    scene.learn(account)
    with scene.database.read() as connection:
        kept = str(connection.execute(select(behaviour_profiles)).all())
        kept += str(connection.execute(select(population_news)).all())
    # Two letters alone stand in every other random id.
    for text in ("203.0.113", "64500", "'NL'", '"NL"', "NL|", "Firefox", "nl-nl", "Amsterdam"):
        assert text not in kept


def test_one_row_an_account_and_bounded_counts(scene: Scene) -> None:
    account = scene.account()
    for number in range(100):
        scene.clock.advance(minutes=1)
        scene.learn(account, replace(HOME, address=f"10.0.{number}.1"))
    scene.sweep()
    assert rows(scene.database, behaviour_profiles) == 1
    assert rows(scene.database, population_news) == 0
    with scene.database.read() as connection:
        assert len(bytes(connection.execute(select(behaviour_profiles.c.profile_sealed)).scalar_one())) < 16_000


def test_an_altered_profile_fails_closed_and_begins_anew(scene: Scene) -> None:
    account = scene.settled()
    with scene.database.write() as connection:
        connection.execute(
            update(behaviour_profiles)
            .where(behaviour_profiles.c.account_id == account.id)
            .values(profile_sealed=new_bytes(200))
        )
    assert scene.gather(account).failed_parts == ("behaviour",)
    scene.learn(account)
    with scene.database.read() as connection:
        alarms = connection.execute(select(audit_events.c.facts).where(audit_events.c.tag == "risk:part:failed")).all()
    assert [alarm.facts["parts"] for alarm in alarms] == [["behaviour"]]
    found = scene.gather(account)
    assert found.failed_parts == ()
    assert found.behaviour.parts


def test_forgetting_an_account_forgets_its_profile(scene: Scene) -> None:
    account = scene.settled()
    with scene.database.write() as connection:
        scene.risk.forget(connection, account.id)
    assert scene.gather(account).behaviour.parts == ()


def test_many_nodes_count_each_sign_in_once(scene: Scene) -> None:
    accounts = [scene.account() for _ in range(20)]
    for account in accounts:
        scene.learn(account)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(scene.sweep) for _ in range(8)]:
            done.result()
    with scene.database.read() as connection:
        weights = connection.execute(select(population_counts.c.weight)).scalars().all()
    assert len(weights) == 18  # nine values, nine totals
    assert max(weights) == pytest.approx(min(weights))
    assert rows(scene.database, population_news) == 0


@pytest.mark.parametrize("looks_first", [False, True])
def test_sign_ins_at_once_are_all_learned(scene: Scene, looks_first: bool) -> None:
    account = scene.account()
    scene.learn(account)
    origins = [replace(HOME, address=f"10.0.{number}.1") for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        come = scene.sign_in if looks_first else scene.learn
        for done in [pool.submit(come, account, origin) for origin in origins]:
            done.result()
    scene.clock.advance(seconds=timedelta(minutes=1).total_seconds())
    known = [dict(scene.gather(account, origin).behaviour.parts)["network"] for origin in origins]
    new = dict(scene.gather(account, replace(HOME, address="10.9.9.9")).behaviour.parts)["network"]
    assert max(known) < new


@pytest.mark.postgresql
def test_what_was_learned_between_a_look_and_its_learning_stays(
    postgresql_only_database: Database, risk: RiskService, clock: SettableClock
) -> None:
    """PostgreSQL alone lets another write in between; SQLite's second one waits."""
    scene = Scene(postgresql_only_database, risk, clock)
    account, own, other = scene.account(), replace(HOME, address="10.0.1.1"), replace(HOME, address="10.0.2.1")
    scene.learn(account)
    with scene.database.write() as connection:
        scene._gather(connection, account, own, "password")
        scene.sign_in(account, other)
        scene._learn(connection, account, own, 1)
    scene.clock.advance(minutes=1)
    new = dict(scene.gather(account, replace(HOME, address="10.9.9.9")).behaviour.parts)["network"]
    for origin in (own, other):
        assert dict(scene.gather(account, origin).behaviour.parts)["network"] < new


def test_looking_first_teaches_the_same(scene: Scene) -> None:
    one, other = scene.account(), scene.account()
    for number in range(6):
        scene.clock.advance(hours=7)
        origin = replace(HOME, address=f"10.0.{number % 3}.1", round_trip_ms=20 + number)
        scene.learn(one, origin)
        scene.sign_in(other, origin)
    scene.sweep()
    assert scene.gather(one) == scene.gather(other)
    with scene.database.read() as connection:
        assert len(set(connection.execute(select(population_counts.c.weight)).scalars())) > 1
        columns = known_networks.c
        kept = select(columns.count, columns.first_seen_at, columns.last_seen_at).order_by(columns.first_seen_at)
        networks = [connection.execute(kept.where(columns.account_id == account.id)).all() for account in (one, other)]
    assert networks[0] == networks[1]
    assert [row.count for row in networks[0]] == [2, 2, 2]
