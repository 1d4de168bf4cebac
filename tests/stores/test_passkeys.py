"""The passkey factor on both databases: challenges, kept passkeys, and what an odd one leaves behind."""

from datetime import timedelta

import pytest

from authsvc.cli.soft_authenticator import AT, BE, BS, UP, UV, SoftAuthenticator
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.errors import BadInput
from authsvc.factors.factor import Way
from authsvc.factors.passkey.authenticator_names import parse_names
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.service import MAX_PASSKEYS, Passkeys, Proven, Refused
from authsvc.factors.passkey.store import Passkey
from authsvc.factors.service import owned_kinds
from tests.support.clocks import SettableClock
from tests.support.passkeys import HERE, ORIGIN, RP_ID, PasskeyBench


@pytest.fixture
def bench(database: Database, audit: Audit, clock: SettableClock) -> PasskeyBench:
    return PasskeyBench(database, Passkeys(RelyingParty(RP_ID, "Shop", ORIGIN), audit), clock)


def test_a_discoverable_passkey_names_its_account(bench: PasskeyBench) -> None:
    outcome = bench.verify(bench.authenticator.get(bench.request_options()))
    assert isinstance(outcome, Proven)
    assert outcome.account.id == bench.account.id


def test_options_ask_for_user_verification_and_a_discoverable_credential(bench: PasskeyBench) -> None:
    options = bench.creation_options(bench.account)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert bench.request_options()["userVerification"] == "required"


def test_a_challenge_is_spent_by_the_first_answer(bench: PasskeyBench) -> None:
    options = bench.request_options()
    answer = bench.authenticator.get(options)
    assert isinstance(bench.verify(answer), Proven)
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_wrong_answer_spends_the_challenge_too(bench: PasskeyBench) -> None:
    options = bench.request_options()
    bench.verify(bench.authenticator.get(options, flags=UP))
    assert bench.verify(bench.authenticator.get(options)) == Refused("passkey.challenge_spent")


def test_a_challenge_expires_after_five_minutes(bench: PasskeyBench) -> None:
    options = bench.request_options()
    bench.clock.advance(minutes=5)
    assert bench.verify(bench.authenticator.get(options)) == Refused("passkey.challenge_spent")


def test_a_challenge_belongs_to_its_flow_and_purpose(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options(flow="flow_other"))
    assert bench.verify(answer) == Refused("passkey.challenge_spent")
    made = bench.creation_options(bench.account)
    answer = bench.authenticator.get({"challenge": made["challenge"]})
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_challenge_of_a_step_up_is_answered_by_its_account_only(bench: PasskeyBench) -> None:
    other, theirs = bench.add_account(), SoftAuthenticator(RP_ID, ORIGIN)
    bench.register(other, theirs)
    options = bench.request_options(bench.account.id)
    assert [each["id"] for each in options["allowCredentials"]]
    assert bench.verify(theirs.get(options)) == Refused("passkey.foreign_credential", bench.account.id)


def test_a_credential_id_is_registered_once(bench: PasskeyBench) -> None:
    clone = SoftAuthenticator(RP_ID, ORIGIN, credential_id=bench.authenticator.credential_id)
    outcome = bench.register(bench.add_account(), clone)
    assert isinstance(outcome, Refused)
    assert outcome.code == "passkey.already_registered"


def test_a_registration_without_user_verification_is_refused(bench: PasskeyBench) -> None:
    fresh = SoftAuthenticator(RP_ID, ORIGIN)
    assert isinstance(bench.register(bench.account, fresh, flags=UP | 0x40), Refused)


def test_a_counter_that_goes_backwards_is_evidence_and_no_lock(bench: PasskeyBench) -> None:
    assert isinstance(bench.verify(bench.authenticator.get(bench.request_options(), count=9)), Proven)
    outcome = bench.verify(bench.authenticator.get(bench.request_options(), count=3))
    assert isinstance(outcome, Proven)
    assert outcome.counter_went_back
    assert bench.facts("passkey:counter:went_back") == [{"passkey": outcome.passkey.id, "kept": 9, "shown": 3}]


def test_a_counter_that_is_always_zero_says_nothing(bench: PasskeyBench) -> None:
    for _ in range(2):
        outcome = bench.verify(bench.authenticator.get(bench.request_options(), count=0))
        assert isinstance(outcome, Proven)
        assert not outcome.counter_went_back
    assert bench.facts("passkey:counter:went_back") == []


def test_changed_backup_eligibility_is_refused_with_evidence(bench: PasskeyBench) -> None:
    outcome = bench.verify(bench.authenticator.get(bench.request_options(), flags=UP | UV | BE))
    assert outcome == Refused("passkey.backup_eligibility_changed", bench.account.id)
    assert bench.facts("passkey:ceremony:refused") == [{"code": "passkey.backup_eligibility_changed"}]


def test_a_changed_backup_state_is_evidence(bench: PasskeyBench) -> None:
    synced = bench.another(flags=UP | UV | AT | BE)
    for flags in (UP | UV | BE, UP | UV | BE | BS, UP | UV | BE | BS, UP | UV | BE):
        assert isinstance(bench.verify(synced.get(bench.request_options(), flags=flags)), Proven)
    assert [each["backed_up"] for each in bench.facts("passkey:backup:changed")] == [True, False]


def test_old_challenges_are_swept(bench: PasskeyBench) -> None:
    bench.request_options()
    bench.clock.advance(minutes=6)
    bench.request_options()
    bench.clock.set(bench.clock.now() + timedelta(seconds=1))
    assert isinstance(bench.verify(bench.authenticator.get(bench.request_options())), Proven)


# -- more passkeys of one account


def test_an_addition_excludes_what_the_account_has(bench: PasskeyBench) -> None:
    second = bench.another()
    options = bench.addition_options(bench.account)
    known = [passkey.credential_id for passkey in _listed(bench)]
    assert known == [bench.authenticator.credential_id, second.credential_id]
    assert len(options["excludeCredentials"]) == 2
    assert options["authenticatorSelection"]["userVerification"] == "required"


def test_an_addition_is_finished_by_its_own_account_only(bench: PasskeyBench) -> None:
    other = bench.add_account()
    for whose in (None, other.id):
        answer = SoftAuthenticator(RP_ID, ORIGIN).create(bench.addition_options(bench.account))
        assert bench.keep(other, answer, added_to=whose) == Refused("passkey.challenge_spent", whose)
    answer = SoftAuthenticator(RP_ID, ORIGIN).create(bench.addition_options(bench.account))
    assert isinstance(bench.keep(bench.account, answer, added_to=bench.account.id), str)


def test_an_account_has_fifty_passkeys_at_most(bench: PasskeyBench) -> None:
    for _ in range(MAX_PASSKEYS - 1):
        bench.another()
    outcome = bench.register(bench.account, SoftAuthenticator(RP_ID, ORIGIN))
    assert outcome == Refused("passkey.too_many", bench.account.id)


# -- a passkey that the browser makes by itself


def test_a_conditional_passkey_counts_after_its_first_assertion(bench: PasskeyBench) -> None:
    owner, made = bench.add_account(), SoftAuthenticator(RP_ID, ORIGIN)
    options = bench.addition_options(owner, conditional=True)
    assert options["authenticatorSelection"]["userVerification"] == "preferred"
    assert isinstance(bench.keep(owner, made.create(options, flags=AT), added_to=owner.id), str)
    assert [way.counts for way in _ways(bench, owner.id)] == [False]
    assert _kinds(bench, owner.id) == ()

    assert isinstance(bench.verify(made.get(bench.request_options(), flags=UP)), Refused)
    assert [way.counts for way in _ways(bench, owner.id)] == [False]

    assert isinstance(bench.verify(made.get(bench.request_options())), Proven)
    assert [way.counts for way in _ways(bench, owner.id)] == [True]
    assert _kinds(bench, owner.id) == ("passkey",)


def test_a_conditional_passkey_that_was_verified_counts_at_once(bench: PasskeyBench) -> None:
    owner, made = bench.add_account(), SoftAuthenticator(RP_ID, ORIGIN)
    answer = made.create(bench.addition_options(owner, conditional=True))
    assert isinstance(bench.keep(owner, answer, added_to=owner.id), str)
    assert [way.counts for way in _ways(bench, owner.id)] == [True]


def test_an_answer_does_not_choose_the_conditional_rules(bench: PasskeyBench) -> None:
    answer = SoftAuthenticator(RP_ID, ORIGIN).create(bench.addition_options(bench.account), flags=AT)
    refused = bench.keep(bench.account, answer, added_to=bench.account.id)
    assert refused == Refused("passkey.registration_refused", bench.account.id)


# -- names, removal, export


def test_a_passkey_is_named_after_its_provider(bench: PasskeyBench) -> None:
    aaguid = bytes(range(16))
    names = parse_names({"00010203-0405-0607-0809-0a0b0c0d0e0f": {"name": "Vault  Nine"}})
    named = Passkeys(bench.service.rp, bench.service.audit, names=names)
    known = PasskeyBench(bench.database, named, bench.clock)
    assert [way.name for way in _ways(known, known.account.id)] == ["Passkey"]
    known.clock.advance(seconds=1)
    authenticator = SoftAuthenticator(RP_ID, ORIGIN, aaguid=aaguid)
    assert isinstance(known.register(known.account, authenticator), str)
    assert [way.name for way in _ways(known, known.account.id)] == ["Passkey", "Vault Nine"]


def test_its_owner_renames_a_passkey(bench: PasskeyBench) -> None:
    passkey, stranger = _listed(bench)[0], bench.add_account()
    assert not _rename(bench, stranger.id, passkey.id, "Mine now")
    assert _rename(bench, bench.account.id, passkey.id, "  Ada's\tphone ")
    assert [way.name for way in _ways(bench, bench.account.id)] == ["Ada's phone"]
    assert bench.facts("passkey:factor:renamed") == [{"passkey": passkey.id}]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_is_short_and_printable(bench: PasskeyBench, name: str) -> None:
    with pytest.raises(BadInput) as refusal:
        _rename(bench, bench.account.id, _listed(bench)[0].id, name)
    assert refusal.value.code == "passkey.name_invalid"
    assert [way.name for way in _ways(bench, bench.account.id)] == ["Passkey"]


def test_its_owner_removes_a_passkey_once(bench: PasskeyBench) -> None:
    passkey, stranger = _listed(bench)[0], bench.add_account()
    assert not _remove(bench, stranger.id, passkey.id)
    assert _remove(bench, bench.account.id, passkey.id)
    assert not _remove(bench, bench.account.id, passkey.id)
    assert [each["passkey"] for each in bench.facts("passkey:factor:removed")] == [passkey.id]
    outcome = bench.verify(bench.authenticator.get(bench.request_options()))
    assert outcome == Refused("passkey.unknown_credential", None, bench.authenticator.credential_id)


def test_recovery_removes_them_all_and_leaves_other_accounts_alone(bench: PasskeyBench) -> None:
    bench.another()
    other, theirs = bench.add_account(), SoftAuthenticator(RP_ID, ORIGIN)
    bench.register(other, theirs)
    with bench.database.write() as connection:
        now = bench.clock.now()
        assert bench.service.remove_all(connection, bench.account.id, origin=HERE, now=now) == 2
        assert bench.service.remove_all(connection, bench.account.id, origin=HERE, now=now) == 0
    assert len(bench.facts("passkey:factor:removed")) == 2
    assert isinstance(bench.verify(theirs.get(bench.request_options())), Proven)


def test_last_use_is_kept(bench: PasskeyBench) -> None:
    assert _ways(bench, bench.account.id)[0].last_used_at is None
    bench.clock.advance(hours=3)
    bench.verify(bench.authenticator.get(bench.request_options()))
    assert _ways(bench, bench.account.id)[0].last_used_at == bench.clock.now()


def test_an_export_says_what_is_kept(bench: PasskeyBench) -> None:
    with bench.database.read() as connection:
        (exported,) = bench.service.export(connection, bench.account.id)
    assert exported["credential_id"] == bench.authenticator.credential_id.hex()
    assert exported["public_key"] == bench.authenticator.cose_key().hex()


def _listed(bench: PasskeyBench) -> list[Passkey]:
    with bench.database.read() as connection:
        return bench.service.list(connection, bench.account.id)


def _ways(bench: PasskeyBench, account_id: str) -> tuple[Way, ...]:
    with bench.database.read() as connection:
        return bench.service.ways(connection, account_id)


def _kinds(bench: PasskeyBench, account_id: str) -> tuple[str, ...]:
    with bench.database.read() as connection:
        return owned_kinds([bench.service], connection, account_id)


def _rename(bench: PasskeyBench, account_id: str, passkey_id: str, name: str) -> bool:
    with bench.database.write() as connection:
        return bench.service.rename(connection, account_id, passkey_id, name, origin=HERE, now=bench.clock.now())


def _remove(bench: PasskeyBench, account_id: str, passkey_id: str) -> bool:
    with bench.database.write() as connection:
        return bench.service.remove(connection, account_id, passkey_id, origin=HERE, now=bench.clock.now())
