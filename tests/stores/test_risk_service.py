"""The risk engine on both databases: what it looks at, keeps and forgets, and how it fails closed."""

import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import maxminddb
import pytest
from msgspec import structs
from sqlalchemy import Connection, event, func, select, update

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import NO_DEVICE, DeviceFacts
from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.store import Account, insert_account, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen, Keyring
from authsvc.core.sealing.service import Vault
from authsvc.factors.factor import Exported, Way
from authsvc.risk import policy as policy_module
from authsvc.risk.context import FailureCounts, RiskContext, Seen, TypingState
from authsvc.risk.history.behaviour.sighting import Place
from authsvc.risk.history.failures import sweep_failures
from authsvc.risk.history.geo import NoGeo
from authsvc.risk.history.sign_ins import MAX_NETWORKS
from authsvc.risk.keystroke.packing import BLOCK
from authsvc.risk.keystroke.profile import READY_AT
from authsvc.risk.keystroke.sample import TypedField, Typings, TypingSample, parse_typings
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policy import Outcome, assess
from authsvc.risk.policy_file import load_policy
from authsvc.risk.service import RiskService
from authsvc.risk.store import find_decision
from authsvc.risk.tables import (
    account_history,
    known_networks,
    risk_decisions,
    sign_in_failures,
    typing_fingerprints,
    typing_profiles,
)
from tests.support.clocks import SettableClock
from tests.support.typists import Typist

HOME = Origin("req_home", "203.0.113.7", "Firefox")
ABROAD = Origin("req_abroad", "198.51.100.9", "Firefox")


@dataclass(frozen=True)
class Atlas:
    """Knows the two networks of these tests."""

    broken: bool = False

    def country(self, address: str) -> str | None:
        if self.broken:
            raise maxminddb.InvalidDatabaseError("cut off")
        return {"203.0.113.7": "NL", "203.0.113.200": "NL", "198.51.100.9": "BR"}.get(address)

    def place(self, address: str) -> Place | None:
        return None


@pytest.fixture
def risk(vault: Vault, audit: Audit) -> RiskService:
    return RiskService(vault, audit, InForce(audit, load_policy(None)), Consents(audit), Atlas(), factors=())


@dataclass(frozen=True)
class Owned:
    """A factor of which every account has one."""

    kind: ProofKind

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        return (Way("own", self.kind, "", "", datetime(2026, 1, 1, tzinfo=UTC)),)

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        raise AssertionError("risk takes nothing away")

    def export(self, connection: Connection, account_id: str) -> Exported:
        raise AssertionError("risk exports nothing")


@pytest.fixture
def account(database: Database, clock: SettableClock) -> Account:
    return made(database, clock)


def made(database: Database, clock: SettableClock) -> Account:
    account = Account(new_id("acc"), new_bytes(32), "Ada", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, account)
    return account


@dataclass(frozen=True)
class Journey:
    """One account signing in, again and again."""

    database: Database
    risk: RiskService
    account: Account
    clock: SettableClock

    def consent(self) -> None:
        with self.database.write() as connection:
            self.risk.consents.give(connection, self.account.id, Purpose.TYPING, origin=HOME, now=self.clock.now())

    def gather(
        self,
        typing: TypingSample | None = None,
        *,
        origin: Origin = HOME,
        device: DeviceFacts = NO_DEVICE,
        version: int | None = 1,
        trigger: str = "password",
        account: Account | None = None,
    ) -> RiskContext:
        with self.database.read() as connection:
            return self.risk.gather(
                connection,
                trigger=trigger,
                account=account or self.account,
                first_factor=Level.PHR if trigger == "passkey" else Level.PWD,
                device=device,
                origin=origin,
                typing=_by_field(typing),
                password_version=version,
                now=self.clock.now(),
            )

    def record(self, context: RiskContext) -> str:
        with self.database.write() as connection:
            return self.risk.record(
                connection,
                self.risk.decide(context),
                context,
                account_id=self.account.id,
                flow_id="flow_1",
                client_id="shop",
                origin=HOME,
                now=self.clock.now(),
            )

    def learn(self, typing: TypingSample | None = None, *, origin: Origin = HOME, version: int | None = 1) -> None:
        self.clock.advance(hours=1)
        with self.database.write() as connection:
            self.risk.learn(
                connection,
                account_id=self.account.id,
                origin=origin,
                typing=_by_field(typing),
                password_version=version,
                now=self.clock.now(),
            )

    def known_device(self) -> DeviceFacts:
        since = self.clock.now() - timedelta(days=30)
        return DeviceFacts("dev_1", True, since, since)


@pytest.fixture
def journey(database: Database, risk: RiskService, account: Account, clock: SettableClock) -> Journey:
    return Journey(database, risk, account, clock)


def _by_field(sample: TypingSample | None) -> Typings:
    return Typings(email=sample) if sample is not None and sample.field is TypedField.EMAIL else Typings(sample)


def count(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def tags(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars())


# What is looked at


def test_a_first_sign_in_is_unknown_and_allowed(journey: Journey) -> None:
    context = journey.gather(Typist(1).sample())
    assert (context.network, context.country, context.sign_ins) == (Seen.UNKNOWN, Seen.UNKNOWN, 0)
    assert (context.since_last_sign_in_s, context.typing.state) == (None, TypingState.LEARNING)
    assert journey.risk.decide(context).decision is Outcome.ALLOW


def test_a_completed_sign_in_makes_its_network_and_country_known(journey: Journey) -> None:
    journey.learn()
    journey.clock.advance(minutes=10)
    context = journey.gather(origin=replace(HOME, address="203.0.113.200"))
    assert (context.network, context.country, context.sign_ins) == (Seen.KNOWN, Seen.KNOWN, 1)
    assert context.since_last_sign_in_s == 600


def test_another_network_and_country_are_new(journey: Journey) -> None:
    journey.learn()
    context = journey.gather(origin=ABROAD)
    assert (context.network, context.country) == (Seen.NEW, Seen.NEW)


def test_a_country_that_is_not_in_the_database_is_unknown(journey: Journey) -> None:
    journey.learn()
    context = journey.gather(origin=replace(ABROAD, address="192.0.2.1"))
    assert (context.network, context.country) == (Seen.NEW, Seen.UNKNOWN)


def test_countries_are_unknown_when_none_was_seen_before(journey: Journey) -> None:
    blind = replace(journey, risk=replace(journey.risk, geo=NoGeo()))
    blind.learn()
    assert journey.gather(origin=ABROAD).country is Seen.UNKNOWN


def test_what_is_no_address_is_unknown(journey: Journey) -> None:
    nowhere = replace(HOME, address="testclient")
    journey.learn()
    journey.learn(origin=nowhere)
    assert journey.gather(origin=nowhere).network is Seen.UNKNOWN


def test_accounts_do_not_share_their_networks(journey: Journey, database: Database, clock: SettableClock) -> None:
    other = replace(journey, account=made(database, clock))
    journey.learn()
    other.learn(origin=ABROAD)
    assert other.gather(origin=HOME).network is Seen.NEW
    journey.learn(origin=ABROAD)
    with database.read() as connection:
        indexes = list(connection.execute(select(known_networks.c.network_index)).scalars())
    assert len(indexes) == len(set(indexes)) == 3


def test_a_rotated_key_still_finds_what_was_known(journey: Journey) -> None:
    journey.learn()
    ring = Keyring({"k2": bytes(reversed(range(32))), **journey.risk.vault.keyring.keys}, current="k2")
    rotated = replace(journey, risk=replace(journey.risk, vault=Vault(ring)))
    assert rotated.gather().network is Seen.KNOWN
    rotated.learn()
    assert count(journey.database, known_networks) == 1


def test_the_rows_of_an_account_are_bounded(journey: Journey) -> None:
    for n in range(MAX_NETWORKS + 5):
        journey.learn(origin=replace(HOME, address=f"10.0.{n}.1"))
    assert count(journey.database, known_networks) == MAX_NETWORKS
    assert journey.gather(origin=replace(HOME, address="10.0.0.1")).network is Seen.NEW
    assert journey.gather(origin=replace(HOME, address=f"10.0.{MAX_NETWORKS + 4}.9")).network is Seen.KNOWN


def test_a_clock_that_jumped_back_is_no_exception(journey: Journey) -> None:
    journey.learn()
    device = journey.known_device()
    journey.clock.advance(days=-400)
    context = journey.gather(device=device)
    assert (context.since_last_sign_in_s, context.device.age_s) == (0.0, 0.0)


def test_facts_about_the_account(journey: Journey) -> None:
    now = journey.clock.now()
    moved = replace(
        journey.account,
        guarded_at=now,
        recovered_at=now - timedelta(days=6),
        password_reset_at=now - timedelta(hours=23),
    )
    state = journey.gather(account=moved).account
    assert (state.guarded, state.recovered, state.password_reset) == (True, True, True)
    assert state.reachable is Level.NONE  # it has nothing at all
    journey.clock.advance(days=2)
    state = journey.gather(account=replace(moved, guarded_at=None)).account
    assert (state.guarded, state.recovered, state.password_reset, state.reachable) == (False, False, False, None)


# Failures


@pytest.mark.parametrize(
    ("kinds", "reachable"),
    [
        ([ProofKind.EMAIL_CODE, ProofKind.PASSWORD], Level.PWD_EMAIL),
        ([ProofKind.TOTP, ProofKind.EMAIL_CODE, ProofKind.PASSWORD], Level.MFA),
        ([ProofKind.PASSKEY, ProofKind.TOTP, ProofKind.PASSWORD], Level.PHR),
        # what is for the day on which the rest is lost, and what satisfies nothing, is not asked for
        ([ProofKind.EMAIL_CODE, ProofKind.RECOVERY_CODE, ProofKind.FACE, ProofKind.PASSWORD], Level.PWD_EMAIL),
    ],
)
def test_a_guarded_account_is_asked_for_the_strongest_it_has(
    journey: Journey, kinds: list[ProofKind], reachable: Level
) -> None:
    journey = replace(journey, risk=replace(journey.risk, factors=tuple(Owned(kind) for kind in kinds)))
    context = journey.gather(account=replace(journey.account, guarded_at=journey.clock.now()))
    assert context.account.reachable is reachable
    assert journey.risk.decide(context).required is reachable


def fail(journey: Journey, key: str, origin: Origin = HOME) -> None:
    with journey.database.write() as connection:
        journey.risk.note_failure(connection, account_key=key, origin=origin, now=journey.clock.now())


def test_failures_are_counted_on_the_account_and_from_the_address(journey: Journey) -> None:
    for key in ("a@shop.example", "b@shop.example", "b@shop.example"):
        fail(journey, key)
    fail(journey, journey.account.id, ABROAD)
    assert journey.gather().failures == FailureCounts(account=1, address=3, address_accounts=2, account_sources=1)
    assert journey.gather(origin=ABROAD).failures == FailureCounts(
        account=1, address=1, address_accounts=1, account_sources=1
    )


def test_failures_are_forgotten_in_time(journey: Journey) -> None:
    fail(journey, journey.account.id)
    journey.clock.advance(hours=2)
    assert journey.gather().failures == FailureCounts(account=1, account_sources=1)
    journey.clock.advance(hours=23)
    assert journey.gather().failures == FailureCounts()
    fail(journey, "someone@else.example")
    with journey.database.write() as connection:
        sweep_failures(connection, journey.clock.now())
    assert count(journey.database, sign_in_failures) == 1  # the old row was dropped


def test_one_ipv6_household_is_one_address(journey: Journey) -> None:
    fail(journey, "x", replace(HOME, address="2001:db8:0:1::1"))
    assert journey.gather(origin=replace(HOME, address="2001:db8:0:1::2")).failures.address == 1
    assert journey.gather(origin=replace(HOME, address="2001:db8:0:2::1")).failures.address == 0


def test_a_count_stops_at_its_bound(journey: Journey) -> None:
    for n in range(140):
        fail(journey, f"{n}@shop.example")
    assert journey.gather().failures.address == 128


# Typing


def taught(journey: Journey, typist: Typist, times: int = READY_AT) -> None:
    journey.consent()
    for _ in range(times):
        journey.learn(typist.sample())


def test_typing_is_learned_and_then_told_apart(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner, READY_AT - 1)
    assert journey.gather(owner.sample()).typing.state is TypingState.LEARNING
    journey.learn(owner.sample())
    own, other = journey.gather(owner.sample()).typing, journey.gather(Typist(2).sample()).typing
    assert own.state is other.state is TypingState.SCORED
    assert own.log_ratio is not None and other.log_ratio is not None
    assert own.log_ratio > 0 > other.log_ratio


def test_unlike_typing_on_a_new_device_steps_up_and_the_owner_does_not(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner)
    assert journey.risk.decide(journey.gather(Typist(2).sample())).decision is Outcome.STEP_UP
    assert journey.risk.decide(journey.gather(owner.sample())).decision is Outcome.ALLOW


def test_without_consent_nothing_is_kept(journey: Journey) -> None:
    for _ in range(READY_AT):
        journey.learn(Typist(1).sample())
    assert (count(journey.database, typing_profiles), count(journey.database, typing_fingerprints)) == (0, 0)
    assert journey.gather(Typist(1).sample()).typing.state is TypingState.LEARNING


def test_withdrawing_the_consent_deletes_and_stops(journey: Journey, audit: Audit) -> None:
    taught(journey, Typist(1))
    consents = Consents(audit, {Purpose.TYPING: journey.risk.forget_typing})
    with journey.database.write() as connection:
        consents.withdraw(connection, journey.account.id, Purpose.TYPING, origin=HOME, now=journey.clock.now())
    assert (count(journey.database, typing_profiles), count(journey.database, typing_fingerprints)) == (0, 0)
    journey.learn(Typist(1).sample())
    assert count(journey.database, typing_profiles) == 0


def test_what_a_sign_in_learns_beside_a_withdrawal_does_not_outlive_it(journey: Journey, audit: Audit) -> None:
    journey.consent()
    consents, now = Consents(audit, {Purpose.TYPING: journey.risk.forget_typing}), journey.clock.now()
    withdrawn: list[Future[None]] = []

    def withdraw() -> None:
        with journey.database.write() as connection:
            consents.withdraw(connection, journey.account.id, Purpose.TYPING, origin=HOME, now=now)

    class TakenBack(Consents):
        """Taken back just after somebody looked."""

        def given(self, connection: Connection, account_id: str, purpose: Purpose) -> bool:
            was_given = super().given(connection, account_id, purpose)
            withdrawn.append(pool.submit(withdraw))
            wait(withdrawn, timeout=0.5)  # over by then, where it waits for nobody
            return was_given

    risk, typed = replace(journey.risk, consents=TakenBack(audit)), Typings(Typist(1).sample())
    with ThreadPoolExecutor(1) as pool:
        with journey.database.write() as connection:
            lock_account(connection, journey.account.id)  # as every sign-in that completes does
            risk.learn(
                connection, account_id=journey.account.id, origin=HOME, typing=typed, password_version=1, now=now
            )
        withdrawn[0].result()
    assert count(journey.database, typing_profiles) == 0


def test_a_profile_is_not_used_after_its_consent(journey: Journey, audit: Audit) -> None:
    owner = Typist(1)
    taught(journey, owner)
    with journey.database.write() as connection:  # withdrawn where nobody deletes
        Consents(audit).withdraw(connection, journey.account.id, Purpose.TYPING, origin=HOME, now=journey.clock.now())
    assert journey.gather(owner.sample()).typing.state is TypingState.LEARNING


@pytest.mark.parametrize("other", ["password", "touch", "keys"])
def test_a_profile_is_of_one_password_kind_and_length(journey: Journey, other: str) -> None:
    owner = Typist(1)
    taught(journey, owner)
    sample = {"password": owner.sample(), "touch": owner.sample(kind="touch"), "keys": Typist(1, keys=12).sample()}
    context = journey.gather(sample[other], version=2 if other == "password" else 1)
    assert context.typing.state is TypingState.LEARNING


def test_a_new_password_starts_a_new_profile(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner)
    journey.learn(owner.sample(), version=2)
    assert journey.gather(owner.sample(), version=2).typing.state is TypingState.LEARNING
    assert journey.gather(owner.sample(), version=1).typing.state is TypingState.LEARNING


def test_a_missing_or_pasted_typing_is_no_evidence(journey: Journey) -> None:
    taught(journey, Typist(1))
    pasted = parse_typings('{"field":"password","input":"keyboard","events":[],"pasted":true}').password
    assert journey.gather(pasted).typing.state is TypingState.PASTED
    assert journey.gather(None).typing.state is TypingState.MISSING
    assert journey.gather(None, trigger="passkey").typing.state is TypingState.MISSING


def test_a_replay_is_found_even_after_its_sample_was_dropped(journey: Journey) -> None:
    owner = Typist(1)
    journey.consent()
    stolen = owner.sample()
    journey.learn(stolen)
    for _ in range(25):  # more than are kept
        journey.learn(owner.sample())
    context = journey.gather(stolen, device=journey.known_device())
    assert context.typing.automation == ("automation.replayed",)
    assert journey.risk.decide(context).decision is Outcome.STEP_UP
    other_kind = TypingSample(stolen.field, Typist(1).sample(kind="touch").input_kind, stolen.events)
    assert journey.gather(other_kind).typing.automation == ("automation.replayed",)
    assert journey.gather(stolen, version=2).typing.automation == ("automation.replayed",)


def test_the_address_has_a_rhythm_of_its_own(journey: Journey) -> None:
    journey.consent()
    password, address = Typist(1), Typist(3)
    for _ in range(READY_AT):
        journey.learn(password.sample())
    assert journey.gather(as_address(address.sample())).email_typing.state is TypingState.LEARNING
    for version in range(READY_AT):  # a new password does not begin it anew
        journey.learn(as_address(address.sample()), version=version)
    own, other = (journey.gather(as_address(each.sample()), version=9).email_typing for each in (address, Typist(2)))
    assert own.state is other.state is TypingState.SCORED
    assert own.log_ratio is not None and other.log_ratio is not None and own.log_ratio > 0 > other.log_ratio
    assert journey.gather(password.sample()).typing.state is TypingState.SCORED
    again = as_address(address.sample())
    journey.learn(again)
    assert journey.gather(again).email_typing.automation == ("automation.replayed",)


def as_address(sample: TypingSample) -> TypingSample:
    return replace(sample, field=TypedField.EMAIL)


def test_nothing_is_learned_from_a_program_or_a_replay(journey: Journey) -> None:
    journey.consent()
    even = parse_typings(
        json.dumps({"field": "password", "input": "keyboard", "events": [[n * 100, n * 100 + 50] for n in range(12)]})
    ).password
    journey.learn(even)
    assert count(journey.database, typing_profiles) == 0
    same = Typist(1).sample()
    for _ in range(READY_AT + 1):
        journey.learn(same)
    for shaken_ms in range(1, READY_AT + 1):
        journey.learn(shaken(same, shaken_ms / 2))
    assert count(journey.database, typing_fingerprints) == 1
    assert journey.gather(Typist(1).sample()).typing.state is TypingState.LEARNING


def shaken(sample: TypingSample, by_ms: float) -> TypingSample:
    """Return a recording whose every second key is pressed a little later."""
    events = tuple((press + by_ms * (key % 2), release) for key, (press, release) in enumerate(sample.events))
    return replace(sample, events=events)


def test_stored_samples_show_neither_times_nor_a_length(journey: Journey, database: Database) -> None:
    journey.consent()
    for keys in (9, 33):
        journey.learn(Typist(1, keys=keys).sample(kind="touch" if keys == 9 else "keyboard"))
    with database.read() as connection:
        sealed = list(connection.execute(select(typing_profiles.c.samples_sealed)).scalars())
    assert len({len(each) for each in sealed}) == 1 and len(sealed[0]) > BLOCK


# Decisions


def test_a_decision_is_stored_with_what_it_saw_and_decided_again(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner)
    context = journey.gather(Typist(2).sample(), origin=ABROAD)
    decision_id = journey.record(context)
    with journey.database.read() as connection:
        stored = find_decision(connection, decision_id)
        assert stored is not None
        seen = journey.risk.stored_context(connection, stored)
    assert seen == context
    again = assess(journey.risk.in_force.live, seen)
    assert (again.log_odds, again.probability) == (stored.log_odds, stored.probability)
    assert [each.to_json() for each in again.contributions] == stored.contributions
    assert (stored.decision, stored.required, stored.outcome) == ("step_up", "pwd_email", "open")
    assert stored.policy_version == journey.risk.in_force.live.version
    assert tags(journey.database)[-1] == "risk:decision:stepped_up"


@pytest.mark.parametrize(("outcome", "tag"), [("allow", "allowed"), ("step_up", "stepped_up"), ("deny", "denied")])
def test_every_decision_leaves_an_event(journey: Journey, outcome: str, tag: str) -> None:
    context = journey.gather()
    decision = structs.replace(journey.risk.decide(context), decision=Outcome(outcome))
    with journey.database.write() as connection:
        journey.risk.record(
            connection,
            decision,
            context,
            account_id=journey.account.id,
            flow_id="flow_1",
            client_id=None,
            origin=HOME,
            now=journey.clock.now(),
        )
    assert tags(journey.database) == [f"risk:decision:{tag}"]


def test_only_the_first_word_on_an_outcome_counts(journey: Journey) -> None:
    decision_id = journey.record(journey.gather())
    with journey.database.write() as connection:
        assert journey.risk.settle(connection, decision_id, "completed", journey.clock.now())
        assert not journey.risk.settle(connection, decision_id, "denied", journey.clock.now())
        assert not journey.risk.settle(connection, "dec_unknown", "denied", journey.clock.now())
        stored = find_decision(connection, decision_id)
    assert stored is not None and (stored.outcome, stored.outcome_at) == ("completed", journey.clock.now())


def test_an_erased_person_leaves_a_decision_that_nobody_can_read(journey: Journey) -> None:
    decision_id = journey.record(journey.gather())
    with journey.database.write() as connection:
        journey.risk.vault.destroy_key(connection, journey.account.id, now=journey.clock.now())
        stored = find_decision(connection, decision_id)
        assert stored is not None
        assert journey.risk.stored_context(connection, stored) is None


def test_an_altered_decision_does_not_open(journey: Journey) -> None:
    decision_id = journey.record(journey.gather())
    with journey.database.write() as connection:
        stored = find_decision(connection, decision_id)
        assert stored is not None
        with pytest.raises(CannotOpen):
            journey.risk.stored_context(connection, replace(stored, id="dec_other"))


def test_forgetting_leaves_no_history(journey: Journey) -> None:
    taught(journey, Typist(1))
    fail(journey, journey.account.id)
    with journey.database.write() as connection:
        journey.risk.forget(connection, journey.account.id)
    tables = (account_history, known_networks, typing_profiles, typing_fingerprints, sign_in_failures)
    assert [count(journey.database, table) for table in tables] == [0] * 5


# Failing closed


def test_samples_that_cannot_be_opened_ask_for_a_step_up_and_raise_an_alarm(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner)
    with journey.database.write() as connection:
        connection.execute(update(typing_profiles).values(samples_sealed=b"\x01\x01x" + bytes(60)))
    context = journey.gather(owner.sample(), device=journey.known_device())
    assert context.failed_parts == ("typing",)
    assert journey.risk.decide(context).decision is Outcome.STEP_UP
    journey.record(context)
    assert tags(journey.database)[-2:] == ["risk:decision:stepped_up", "risk:part:failed"]


def test_a_profile_that_cannot_be_read_starts_again(journey: Journey) -> None:
    owner = Typist(1)
    taught(journey, owner)
    with journey.database.write() as connection:
        connection.execute(update(typing_profiles).values(samples_sealed=b"no sealed value"))
    journey.learn(owner.sample())
    assert tags(journey.database)[-1] == "risk:part:failed"
    context = journey.gather(owner.sample())
    assert (context.failed_parts, context.typing.state) == ((), TypingState.LEARNING)


def test_a_broken_country_database_asks_for_a_step_up(journey: Journey) -> None:
    journey.learn()
    broken = replace(journey, risk=replace(journey.risk, geo=Atlas(broken=True)))
    context = broken.gather(device=journey.known_device())
    assert (context.country, context.failed_parts) == (Seen.UNKNOWN, ("country",))
    assert journey.risk.decide(context).decision is Outcome.STEP_UP
    broken.learn()  # the sign-in can still be completed


def test_an_engine_that_fails_asks_for_a_step_up(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_context: RiskContext) -> None:
        raise ZeroDivisionError

    context = journey.gather(device=journey.known_device())
    monkeypatch.setattr(policy_module, "score", broken)
    decision_id = journey.record(context)
    with journey.database.read() as connection:
        stored = find_decision(connection, decision_id)
    assert stored is not None and (stored.decision, stored.required) == ("step_up", "pwd_email")
    assert tags(journey.database)[-1] == "risk:part:failed"


# Cost


def test_gathering_takes_few_queries_whatever_the_history(journey: Journey, database: Database) -> None:
    statements: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append(statement)

    owner = Typist(1)
    taught(journey, owner, 25)
    for n in range(30):
        fail(journey, f"{n}@shop.example")
    journey.gather(owner.sample())  # also looks which policy is in force, once a second
    statements.clear()
    journey.gather(owner.sample())
    assert len(statements) <= 4
    statements.clear()
    journey.gather(trigger="passkey")
    assert len(statements) == 1


def test_decisions_never_hold_an_address(journey: Journey, database: Database) -> None:
    journey.learn()
    journey.record(journey.gather(origin=ABROAD))
    with database.read() as connection:
        row = connection.execute(select(risk_decisions)).one()
    assert "198.51" not in str(row) and "BR" not in str(row.contributions)
