"""What an authenticator's answer must not pass with: the right answer with one thing changed.

Each case names the code of the refusal, and the reason that is sealed with its event. docs/reference/passkeys.md lists
them. Both ceremonies are tried wherever both have the check.
"""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from sqlalchemy import select

from authsvc.cli.soft_authenticator import AT, BE, BS, ED, UP, UV, SoftAuthenticator, decoded, encoded
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.service import Passkeys, Proven, Refused
from authsvc.factors.passkey.tables import passkeys as passkey_rows
from tests.support.clocks import SettableClock
from tests.support.passkeys import ORIGIN, RP_ID, PasskeyBench

Answer = Callable[[SoftAuthenticator, dict[str, Any]], dict[str, Any]]
RELATED = "https://id.shop.test"


@pytest.fixture
def bench(sqlite_only_database: Database, audit: Audit, clock: SettableClock) -> PasskeyBench:
    rp = RelyingParty(RP_ID, "Shop", ORIGIN, (RELATED,))
    return PasskeyBench(sqlite_only_database, Passkeys(rp, audit), clock)


def reason(bench: PasskeyBench) -> str:
    """Return what the newest refusal's event says in its sealed part."""
    query = select(audit_events).where(audit_events.c.tag == "passkey:ceremony:refused")
    vault = bench.service.audit.vault
    with bench.database.write() as connection:
        row = connection.execute(query.order_by(audit_events.c.id.desc()).limit(1)).one()
        context = f"audit_events:{row.event_id}"
        if row.account_id is None:
            import json

            return str(json.loads(vault.open(row.sealed, context=context)).get("reason", ""))
        opened = vault.open_json_for(connection, row.account_id, row.sealed, context=context)
        assert opened is not None
        return str(opened.get("reason", ""))


def bent(answer: dict[str, Any], name: str, change: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Return the answer with one member of its response changed."""
    response = {**answer["response"], name: encoded(change(decoded(answer["response"][name])))}
    return {**answer, "response": response}


def without(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return {**answer, "response": {key: value for key, value in answer["response"].items() if key != name}}


# What both ceremonies check: bends of the client data or of the authenticator data, and the reason in the evidence.
BOTH: dict[str, tuple[dict[str, Any], str]] = {
    "another origin": ({"origin": "https://evil.example"}, "another origin"),
    "a look-alike that begins with ours": ({"origin": ORIGIN + ".evil.com"}, "another origin"),
    "a look-alike that ends with ours": ({"origin": "https://evilid.shop.example"}, "another origin"),
    "a subdomain of ours": ({"origin": "https://x.id.shop.example"}, "another origin"),
    "the domain above ours": ({"origin": "https://shop.example"}, "another origin"),
    "our host on another port": ({"origin": ORIGIN + ":8443"}, "another origin"),
    "our host without TLS": ({"origin": "http://id.shop.example"}, "another origin"),
    "our origin with a slash": ({"origin": ORIGIN + "/"}, "another origin"),
    "our origin in capitals": ({"origin": ORIGIN.upper()}, "another origin"),
    "a look-alike of a related origin": ({"origin": RELATED + ".evil.com"}, "another origin"),
    "an origin that is no text": ({"origin": [ORIGIN]}, "origin is missing"),
    "another RP ID hash": ({"rp_id": "evil.example"}, "another relying party"),
    "the RP ID of the domain above": ({"rp_id": "shop.example"}, "another relying party"),
    "no user presence": ({"flags": UV}, "nobody was present"),
    "no user verification": ({"flags": UP}, "the person was not verified"),
    "crossOrigin": ({"crossOrigin": True}, "embedded"),
    "crossOrigin that is no truth value": ({"crossOrigin": "false"}, "malformed"),
    "our own topOrigin": ({"topOrigin": ORIGIN}, "embedded"),
    "another topOrigin": ({"crossOrigin": True, "topOrigin": "https://evil.example"}, "embedded"),
    "a topOrigin that is null": ({"topOrigin": None}, "embedded"),
    "backed up without being eligible": ({"flags": UP | UV | BS}, "backed up without"),
    "extension data that is no map": ({"flags": UP | UV | ED, "extensions": cbor2.dumps([1])}, "no map"),
    "extension data that is no CBOR": ({"flags": UP | UV | ED, "extensions": b"\xff"}, "malformed"),
    "an extension flag without data": ({"flags": UP | UV | ED}, "malformed"),
    "extension data without its flag": ({"extensions": cbor2.dumps({"x": 1})}, "malformed"),
    "more than an authenticator has to say": (
        {"flags": UP | UV | ED, "extensions": cbor2.dumps({"x": bytes(20_000)})},
        "too large",
    ),
    "bytes behind the extension data": (
        {"flags": UP | UV | ED, "extensions": cbor2.dumps({"x": 1}) + b"\x00"},
        "malformed",
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_an_assertion_with_one_thing_changed_is_refused(bench: PasskeyBench, name: str) -> None:
    bend, why = BOTH[name]
    outcome = bench.verify(bench.authenticator.get(bench.request_options(), **bend))
    assert isinstance(outcome, Refused)
    assert outcome.code == "passkey.assertion_refused" or why in ("malformed", "origin is missing")
    assert why in reason(bench)
    assert _unused(bench)


@pytest.mark.parametrize("name", BOTH)
def test_a_registration_with_one_thing_changed_is_refused(bench: PasskeyBench, name: str) -> None:
    bend, why = BOTH[name]
    bend = {**bend, "flags": bend.get("flags", UP | UV) | AT}
    outcome = bench.register(bench.add_account(), SoftAuthenticator(RP_ID, ORIGIN), **bend)
    assert outcome == Refused("passkey.registration_refused", None)
    assert why in reason(bench)
    with bench.database.read() as connection:
        assert len(connection.execute(select(passkey_rows.c.id)).all()) == 1


ASSERTIONS: dict[str, tuple[Answer, str, str]] = {
    "the type of a registration": (
        lambda a, o: a.get(o, type="webauthn.create"),
        "passkey.assertion_refused",
        "another type",
    ),
    "the type of a payment": (lambda a, o: a.get(o, type="payment.get"), "passkey.assertion_refused", "another type"),
    "the user handle of nobody": (
        lambda a, o: a.get(o, user_handle=b"x" * 32),
        "passkey.foreign_user_handle",
        "",
    ),
    "no user handle, and no account named before": (
        lambda a, o: a.get(o, user_handle=None),
        "passkey.foreign_user_handle",
        "",
    ),
    "a changed backup eligibility": (
        lambda a, o: a.get(o, flags=UP | UV | BE),
        "passkey.backup_eligibility_changed",
        "eligibility",
    ),
    "an attested credential": (lambda a, o: a.get(o, flags=UP | UV | AT), "passkey.assertion_refused", "malformed"),
    "a tampered signature": (
        lambda a, o: bent(a.get(o), "signature", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        "passkey.assertion_refused",
        "signature",
    ),
    "no signature at all": (lambda a, o: without(a.get(o), "signature"), "passkey.assertion_refused", "signature"),
    "an empty signature": (
        lambda a, o: bent(a.get(o), "signature", lambda _: b""),
        "passkey.assertion_refused",
        "signature",
    ),
    "the signature of another key": (
        lambda a, o: {**a.get(o), "response": _stranger(a).get(o)["response"]},
        "passkey.assertion_refused",
        "signature",
    ),
    "authenticator data changed after it was signed": (
        lambda a, o: bent(a.get(o), "authenticatorData", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        "passkey.assertion_refused",
        "signature",
    ),
    "client data changed after it was signed": (
        lambda a, o: bent(a.get(o), "clientDataJSON", lambda data: data + b" "),
        "passkey.assertion_refused",
        "signature",
    ),
    "truncated authenticator data": (
        lambda a, o: bent(a.get(o), "authenticatorData", lambda data: data[:36]),
        "passkey.assertion_refused",
        "malformed",
    ),
    "an unknown credential": (
        lambda a, o: {**a.get(o), "id": "AAAA", "rawId": "AAAA"},
        "passkey.unknown_credential",
        "",
    ),
    "a raw id unlike the id": (lambda a, o: {**a.get(o), "rawId": "AAAA"}, "passkey.assertion_refused", "differ"),
    "another kind of credential": (
        lambda a, o: {**a.get(o), "type": "password"},
        "passkey.assertion_refused",
        "public-key",
    ),
}


def _stranger(authenticator: SoftAuthenticator) -> SoftAuthenticator:
    return SoftAuthenticator(RP_ID, ORIGIN, user_handle=authenticator.user_handle)


@pytest.mark.parametrize("name", ASSERTIONS)
def test_an_assertion_that_proves_something_else_is_refused(bench: PasskeyBench, name: str) -> None:
    answer, code, why = ASSERTIONS[name]
    outcome = bench.verify(answer(bench.authenticator, bench.request_options()))
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert why in reason(bench)
    assert _unused(bench)


def object_with(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: cbor2.dumps({**cbor2.loads(data), **changes})


REGISTRATIONS: dict[str, tuple[Answer, str]] = {
    "the type of an assertion": (lambda a, o: a.create(o, type="webauthn.get"), "another type"),
    "truncated CBOR": (
        lambda a, o: bent(a.create(o), "attestationObject", lambda data: data[:-20]),
        "malformed",
    ),
    "truncated authenticator data": (
        lambda a, o: bent(
            a.create(o),
            "attestationObject",
            lambda data: cbor2.dumps({**cbor2.loads(data), "authData": cbor2.loads(data)["authData"][:-20]}),
        ),
        "malformed",
    ),
    "a list for an attestation object": (
        lambda a, o: bent(a.create(o), "attestationObject", lambda _: cbor2.dumps([1])),
        "malformed",
    ),
    "more than a statement has to say": (
        lambda a, o: bent(a.create(o), "attestationObject", object_with(attStmt={"x": bytes(20_000)})),
        "too large",
    ),
    "a number for a format": (
        lambda a, o: bent(a.create(o), "attestationObject", object_with(fmt=1)),
        "malformed",
    ),
    "no credential in it": (
        lambda a, o: bent(
            a.create(o), "attestationObject", lambda data: object_with(authData=_plain(cbor2.loads(data)))(data)
        ),
        "no attested credential",
    ),
    "the id of another credential": (
        lambda a, o: {**a.create(o), "id": "AAAA", "rawId": "AAAA"},
        "not the one that was attested",
    ),
}


def _plain(parts: dict[str, Any]) -> bytes:
    data: bytes = parts["authData"]
    return data[:32] + bytes([UP | UV]) + data[33:37]


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_a_registration_of_something_else_is_refused(bench: PasskeyBench, name: str) -> None:
    answer, why = REGISTRATIONS[name]
    account = bench.add_account()
    outcome = bench.keep(account, answer(SoftAuthenticator(RP_ID, ORIGIN), bench.creation_options(account)))
    assert outcome == Refused("passkey.registration_refused", None)
    assert why in reason(bench)


KEYS: dict[str, Callable[[dict[int, Any]], dict[int, Any]]] = {
    "an algorithm that is not offered": lambda key: {**key, 3: -47},  # ES256K
    "no algorithm": lambda key: {name: value for name, value in key.items() if name != 3},
    "a curve that the algorithm does not take": lambda key: {**key, -1: 2},
    "a compressed point": lambda key: {**key, -3: True},
    "a point off the curve": lambda key: {**key, -3: bytes(32)},
    "a short coordinate": lambda key: {**key, -2: key[-2][:31]},
    "another key type": lambda key: {**key, 1: 1},
    "more beside it than a key has": lambda key: {**key, 99: bytes(2_000)},
    "RSA of 1024 bits": lambda _: {1: 3, 3: -257, -1: b"\xc1" * 128, -2: b"\x01\x00\x01"},
    "RSA of 16384 bits": lambda _: {1: 3, 3: -257, -1: b"\xc1" * 2048, -2: b"\x01\x00\x01"},
    "RSA with a huge exponent": lambda _: {1: 3, 3: -257, -1: b"\xc1" * 256, -2: b"\x01" * 64},
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_can_not_be_used_is_refused_at_registration(bench: PasskeyBench, name: str) -> None:
    class Odd(SoftAuthenticator):
        def cose_key(self) -> bytes:
            return cbor2.dumps(KEYS[name](cbor2.loads(super().cose_key())))

    assert bench.register(bench.add_account(), Odd(RP_ID, ORIGIN)) == Refused("passkey.registration_refused", None)


# -- what only shows between ceremonies and accounts


def test_the_user_handle_of_another_account_is_refused(bench: PasskeyBench) -> None:
    other = bench.add_account()
    answer = bench.authenticator.get(bench.request_options(), user_handle=other.user_handle)
    assert bench.verify(answer) == Refused("passkey.foreign_user_handle", bench.account.id)


def test_a_replayed_answer_is_refused(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options())
    assert isinstance(bench.verify(answer), Proven)
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_replayed_registration_is_refused(bench: PasskeyBench) -> None:
    account = bench.add_account()
    answer = SoftAuthenticator(RP_ID, ORIGIN).create(bench.creation_options(account))
    assert isinstance(bench.keep(account, answer), str)
    assert bench.keep(account, answer) == Refused("passkey.challenge_spent", None)


def test_a_challenge_that_we_never_made_is_refused(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get({"challenge": encoded(b"c" * 32)})
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


@pytest.mark.parametrize("held_by", ["challenge", "step", "both"])
def test_a_challenge_of_another_account_is_refused(bench: PasskeyBench, held_by: str) -> None:
    other = bench.add_account()
    options = bench.request_options(other.id if held_by in ("challenge", "both") else None)
    asked = {"account_id": other.id} if held_by in ("step", "both") else {}
    assert bench.verify(bench.authenticator.get(options), **asked) == Refused("passkey.foreign_credential", other.id)


def test_a_challenge_begun_for_another_account_than_the_step_is_refused(bench: PasskeyBench) -> None:
    other = bench.add_account()
    options = bench.request_options(other.id)
    outcome = bench.verify(bench.authenticator.get(options), account_id=bench.account.id)
    assert outcome == Refused("passkey.foreign_credential", other.id)


def test_a_challenge_of_another_flow_is_refused(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options(flow="flow_other"))
    assert bench.verify(answer) == Refused("passkey.challenge_spent")


def test_a_challenge_of_a_registration_signs_nobody_in(bench: PasskeyBench) -> None:
    options = bench.creation_options(bench.account)
    assert bench.verify(bench.authenticator.get(options)) == Refused("passkey.challenge_spent")


def test_a_challenge_of_a_sign_in_registers_nothing(bench: PasskeyBench) -> None:
    options = {**bench.creation_options(bench.account), "challenge": bench.request_options()["challenge"]}
    answer = SoftAuthenticator(RP_ID, ORIGIN).create(options)
    assert bench.keep(bench.account, answer) == Refused("passkey.challenge_spent", None)


def test_a_credential_of_another_account_is_not_registered_again(bench: PasskeyBench) -> None:
    thief = bench.add_account()
    clone = SoftAuthenticator(RP_ID, ORIGIN, credential_id=bench.authenticator.credential_id)
    assert bench.register(thief, clone) == Refused("passkey.already_registered", thief.id)
    outcome = bench.verify(bench.authenticator.get(bench.request_options()))
    assert isinstance(outcome, Proven)
    assert outcome.account.id == bench.account.id


# -- what is taken although nobody asked for it


def test_unknown_extension_data_is_ignored(bench: PasskeyBench) -> None:
    unknown = cbor2.dumps({"example.extension": "This is an example", "other": {"depth": [1, 2]}})
    made = bench.another(flags=UP | UV | AT | ED, extensions=unknown)
    answer = made.get(bench.request_options(), flags=UP | UV | ED, extensions=unknown)
    assert isinstance(bench.verify({**answer, "clientExtensionResults": {"unknown": {"x": 1}}}), Proven)


def test_unknown_members_of_the_client_data_are_ignored(bench: PasskeyBench) -> None:
    answer = bench.authenticator.get(bench.request_options(), extraData="clientDataJSON may be extended")
    assert isinstance(bench.verify(answer), Proven)


def test_a_related_origin_is_taken(bench: PasskeyBench) -> None:
    assert isinstance(bench.verify(bench.authenticator.get(bench.request_options(), origin=RELATED)), Proven)


def _unused(bench: PasskeyBench) -> bool:
    with bench.database.read() as connection:
        return connection.execute(select(passkey_rows.c.last_used_at)).scalar_one() is None
