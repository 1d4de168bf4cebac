"""Passkey ceremonies on both databases: one that works, and that one with a single thing changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.store import Account, insert_account
from authsvc.cli.soft_authenticator import AT, BE, BS, UP, UV, SoftAuthenticator
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.service import NewPasskey, Passkeys, Proven, Refused
from authsvc.factors.passkey.tables import passkeys as passkey_rows
from tests.support.clocks import SettableClock

ORIGIN = "https://id.shop.example"
HERE = Origin("req_test", "203.0.113.7", "test")
FLOW = "flow_test"


@dataclass
class Bench:
    """One account with one registered passkey."""

    database: Database
    service: Passkeys
    clock: SettableClock

    def __post_init__(self) -> None:
        self.account = self.add_account()
        self.authenticator = SoftAuthenticator("id.shop.example", ORIGIN)
        assert isinstance(self.register(self.account, self.authenticator), str)

    def add_account(self) -> Account:
        account = Account(new_id("acc"), new_bytes(32), "Ada", "active", self.clock.now())
        with self.database.write() as connection:
            insert_account(connection, account)
        return account

    def creation_options(self, account: Account, flow: str = FLOW) -> dict[str, Any]:
        with self.database.write() as connection:
            return self.service.begin_registration(
                connection,
                flow_id=flow,
                user_handle=account.user_handle,
                email="ada@example.org",
                display_name="Ada",
                now=self.clock.now(),
            )

    def register(self, account: Account, authenticator: SoftAuthenticator, **bend: Any) -> str | Refused:
        answer = authenticator.create(self.creation_options(account), **bend)
        with self.database.write() as connection:
            new = self.service.finish_registration(connection, answer, flow_id=FLOW, origin=HERE, now=self.clock.now())
            if isinstance(new, Refused):
                return new
            assert isinstance(new, NewPasskey)
            kept = self.service.keep(connection, account.id, new.registered, origin=HERE, now=self.clock.now())
            return kept if isinstance(kept, Refused) else kept.id

    def request_options(self, account_id: str | None = None, flow: str = FLOW) -> dict[str, Any]:
        with self.database.write() as connection:
            return self.service.begin_assertion(connection, flow_id=flow, account_id=account_id, now=self.clock.now())

    def verify(self, answer: dict[str, Any], flow: str = FLOW) -> Proven | Refused:
        with self.database.write() as connection:
            return self.service.finish_assertion(connection, answer, flow_id=flow, origin=HERE, now=self.clock.now())

    def another(self, **bend: Any) -> SoftAuthenticator:
        """Register one more passkey of the account."""
        authenticator = SoftAuthenticator("id.shop.example", ORIGIN)
        assert isinstance(self.register(self.account, authenticator, **bend), str)
        return authenticator

    def facts(self, tag: str) -> list[dict[str, Any]]:
        query = select(audit_events.c.facts).where(audit_events.c.tag == tag).order_by(audit_events.c.id)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def tags(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars())


@pytest.fixture
def bench(database: Database, audit: Audit, clock: SettableClock) -> Bench:
    return Bench(database, Passkeys(RelyingParty("id.shop.example", "Shop", ORIGIN), audit), clock)


def test_a_discoverable_passkey_names_its_account(bench: Bench) -> None:
    outcome = bench.verify(bench.authenticator.get(bench.request_options()))
    assert isinstance(outcome, Proven)
    assert outcome.account.id == bench.account.id


def test_options_ask_for_user_verification_and_a_discoverable_credential(bench: Bench) -> None:
    options = bench.creation_options(bench.account)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert bench.request_options()["userVerification"] == "required"


NEGATIVES: dict[str, Callable[[SoftAuthenticator, dict[str, Any]], dict[str, Any]]] = {
    "another origin": lambda a, o: a.get(o, origin="https://evil.example"),
    "a look-alike origin": lambda a, o: a.get(o, origin=ORIGIN + ".evil.example"),
    "the origin without its scheme": lambda a, o: a.get(o, origin="http://id.shop.example"),
    "another relying party": lambda a, o: a.get(o, rp_id="evil.example"),
    "another type": lambda a, o: a.get(o, type="webauthn.create"),
    "no user verification": lambda a, o: a.get(o, flags=UP),
    "no user presence": lambda a, o: a.get(o, flags=UV),
    "cross origin": lambda a, o: a.get(o, crossOrigin=True),
    "a top origin": lambda a, o: a.get(o, topOrigin=ORIGIN),
    "a foreign user handle": lambda a, o: a.get(o, user_handle=b"x" * 32),
    "no user handle": lambda a, o: a.get(o, user_handle=None),
    "backed up but not eligible": lambda a, o: a.get(o, flags=UP | UV | BS),
    "a changed signature": lambda a, o: _bend(a.get(o), "signature", lambda text: text[:-4] + "AAAA"),
    "truncated authenticator data": lambda a, o: _bend(a.get(o), "authenticatorData", lambda text: text[:20]),
    "no signature": lambda a, o: _bend(a.get(o), "signature", lambda _: None),
    "client data that is no JSON": lambda a, o: _bend(a.get(o), "clientDataJSON", lambda _: "AAAA"),
    "an unknown credential": lambda a, o: {**a.get(o), "id": "AAAA", "rawId": "AAAA"},
    "a raw id unlike the id": lambda a, o: {**a.get(o), "rawId": "AAAA"},
    "no response": lambda a, o: {"id": "AAAA", "rawId": "AAAA", "type": "public-key"},
    "a number as id": lambda a, o: {**a.get(o), "id": 7},
}


@pytest.mark.parametrize("name", NEGATIVES)
def test_one_thing_changed_is_refused_with_evidence(bench: Bench, name: str) -> None:
    answer = NEGATIVES[name](bench.authenticator, bench.request_options())
    assert isinstance(bench.verify(answer), Refused)
    assert bench.tags()[-1] == "passkey:ceremony:refused"
    with bench.database.read() as connection:
        assert connection.execute(select(passkey_rows.c.last_used_at)).scalar_one() is None


def test_a_challenge_is_spent_by_the_first_answer(bench: Bench) -> None:
    options = bench.request_options()
    answer = bench.authenticator.get(options)
    assert isinstance(bench.verify(answer), Proven)
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_wrong_answer_spends_the_challenge_too(bench: Bench) -> None:
    options = bench.request_options()
    bench.verify(bench.authenticator.get(options, flags=UP))
    assert bench.verify(bench.authenticator.get(options)) == Refused("passkey.challenge_spent")


def test_a_challenge_expires_after_five_minutes(bench: Bench) -> None:
    options = bench.request_options()
    bench.clock.advance(minutes=5)
    assert bench.verify(bench.authenticator.get(options)) == Refused("passkey.challenge_spent")


def test_a_challenge_belongs_to_its_flow_and_purpose(bench: Bench) -> None:
    answer = bench.authenticator.get(bench.request_options(flow="flow_other"))
    assert bench.verify(answer) == Refused("passkey.challenge_spent")
    made = bench.creation_options(bench.account)
    answer = bench.authenticator.get({"challenge": made["challenge"]})
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_challenge_of_a_step_up_is_answered_by_its_account_only(bench: Bench) -> None:
    other, theirs = bench.add_account(), SoftAuthenticator("id.shop.example", ORIGIN)
    bench.register(other, theirs)
    options = bench.request_options(bench.account.id)
    assert [each["id"] for each in options["allowCredentials"]]
    assert bench.verify(theirs.get(options)) == Refused("passkey.foreign_credential", bench.account.id)


def test_a_credential_id_is_registered_once(bench: Bench) -> None:
    clone = SoftAuthenticator("id.shop.example", ORIGIN, credential_id=bench.authenticator.credential_id)
    outcome = bench.register(bench.add_account(), clone)
    assert isinstance(outcome, Refused)
    assert outcome.code == "passkey.already_registered"


def test_a_registration_without_user_verification_is_refused(bench: Bench) -> None:
    fresh = SoftAuthenticator("id.shop.example", ORIGIN)
    assert isinstance(bench.register(bench.account, fresh, flags=UP | 0x40), Refused)


def test_a_counter_that_goes_backwards_is_evidence_and_no_lock(bench: Bench) -> None:
    assert isinstance(bench.verify(bench.authenticator.get(bench.request_options(), count=9)), Proven)
    outcome = bench.verify(bench.authenticator.get(bench.request_options(), count=3))
    assert isinstance(outcome, Proven)
    assert outcome.counter_went_back
    assert bench.facts("passkey:counter:went_back") == [{"passkey": outcome.passkey.id, "kept": 9, "shown": 3}]


def test_a_counter_that_is_always_zero_says_nothing(bench: Bench) -> None:
    for _ in range(2):
        outcome = bench.verify(bench.authenticator.get(bench.request_options(), count=0))
        assert isinstance(outcome, Proven)
        assert not outcome.counter_went_back
    assert bench.facts("passkey:counter:went_back") == []


def test_changed_backup_eligibility_is_refused_with_evidence(bench: Bench) -> None:
    outcome = bench.verify(bench.authenticator.get(bench.request_options(), flags=UP | UV | BE))
    assert outcome == Refused("passkey.backup_eligibility_changed", bench.account.id)
    assert bench.facts("passkey:ceremony:refused") == [{"code": "passkey.backup_eligibility_changed"}]


def test_a_changed_backup_state_is_evidence(bench: Bench) -> None:
    synced = bench.another(flags=UP | UV | AT | BE)
    for flags in (UP | UV | BE, UP | UV | BE | BS, UP | UV | BE | BS, UP | UV | BE):
        assert isinstance(bench.verify(synced.get(bench.request_options(), flags=flags)), Proven)
    assert [each["backed_up"] for each in bench.facts("passkey:backup:changed")] == [True, False]


def test_old_challenges_are_swept(bench: Bench) -> None:
    bench.request_options()
    bench.clock.advance(minutes=6)
    bench.request_options()
    bench.clock.set(bench.clock.now() + timedelta(seconds=1))
    assert isinstance(bench.verify(bench.authenticator.get(bench.request_options())), Proven)


def _bend(answer: dict[str, Any], field: str, change: Callable[[str], str | None]) -> dict[str, Any]:
    response = {**answer["response"], field: change(answer["response"][field])}
    return {**answer, "response": response}
