"""The audit chain's arithmetic: any change to an event, its place or what came before changes its mac."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authsvc.core.audit.chain import (
    GENESIS,
    ChainKeys,
    Event,
    as_log_fields,
    canonical,
    check_facts,
    from_log,
    is_genuine,
    link,
    sign_checkpoint,
)

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
KEYS = ChainKeys.derive(bytes(range(32)))
EVENT = Event(
    row=7,
    event_id="evt_1",
    at=AT,
    tag="login:password:failed",
    account_id="acc_1",
    request_id="req_1",
    facts={"tries": 3, "why": "wrong", "ratio": 0.5},
    sealed=b"\x00\xff",
)


def test_the_canonical_form_is_this():
    assert canonical(EVENT) == (
        b'{"account_id":"acc_1","at":"2026-03-02T09:00:00.123456+00:00","event_id":"evt_1",'
        b'"facts":{"ratio":0.5,"tries":3,"why":"wrong"},"request_id":"req_1","row":7,"sealed":"AP8=",'
        b'"tag":"login:password:failed"}'
    )


def test_a_link_is_this_hmac():
    key = HKDF(SHA256(), 32, salt=None, info=b"authsvc/v1/audit/link").derive(bytes(range(32)))
    message = b"authsvc/audit-link/v1\x00" + GENESIS + b"\x00" * 7 + b"\x01" + canonical(EVENT)
    assert link(KEYS.link, GENESIS, 1, EVENT) == hmac.new(key, message, hashlib.sha256).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"row": 8},
        {"event_id": "evt_2"},
        {"at": AT + timedelta(microseconds=1)},
        {"tag": "login:password:accepted"},
        {"account_id": None},
        {"account_id": ""},
        {"request_id": None},
        {"facts": {"tries": 4, "why": "wrong", "ratio": 0.5}},
        {"facts": {}},
        {"facts": None},
        {"sealed": None},
        {"sealed": b""},
        {"sealed": b"\x00\xfe"},
    ],
    ids=str,
)
def test_a_changed_event_has_another_mac(change):
    assert link(KEYS.link, GENESIS, 1, replace(EVENT, **change)) != link(KEYS.link, GENESIS, 1, EVENT)


def test_place_predecessor_and_key_change_the_mac():
    mac = link(KEYS.link, GENESIS, 1, EVENT)
    assert link(KEYS.link, GENESIS, 2, EVENT) != mac
    assert link(KEYS.link, mac, 1, EVENT) != mac
    assert link(ChainKeys.derive(bytes(32)).link, GENESIS, 1, EVENT) != mac


def test_the_zone_of_a_time_and_the_order_of_facts_make_no_difference():
    same = replace(
        EVENT,
        at=AT.astimezone(timezone(timedelta(hours=5, minutes=30))),
        facts={"why": "wrong", "ratio": 0.5, "tries": 3},
    )
    assert canonical(same) == canonical(EVENT)


@pytest.mark.parametrize("facts", [{"n": 2**53}, {"n": float("inf")}, {"s": "\ud800"}, {"x": [1e400]}], ids=str)
def test_facts_that_rfc_8785_does_not_know_are_refused_but_still_linked(facts):
    with pytest.raises(ValueError):
        check_facts(facts)
    assert b"facts_as_text" in canonical(replace(EVENT, facts=facts))


def test_text_can_not_be_passed_off_as_such_facts():
    facts = {"n": 2**53}
    assert canonical(replace(EVENT, facts=facts)) != canonical(replace(EVENT, facts=json.dumps(facts)))


def test_a_checkpoint_is_checked_with_the_public_key_alone():
    checkpoint = sign_checkpoint(KEYS, count=12, head=bytes(32), at=AT)
    assert is_genuine(KEYS.public, checkpoint)
    assert not is_genuine(ChainKeys.derive(bytes(32)).public, checkpoint)


@pytest.mark.parametrize(
    "change",
    [{"count": 11}, {"head": bytes(31) + b"\x01"}, {"at": AT + timedelta(seconds=1)}, {"signature": bytes(64)}],
    ids=str,
)
def test_a_changed_checkpoint_is_not_genuine(change):
    checkpoint = sign_checkpoint(KEYS, count=12, head=bytes(32), at=AT)
    assert not is_genuine(KEYS.public, replace(checkpoint, **change))


def test_checkpoints_are_found_in_a_log_stream_between_other_and_torn_lines():
    first = sign_checkpoint(KEYS, count=12, head=b"\x01" * 32, at=AT)
    second = sign_checkpoint(KEYS, count=15, head=b"\x02" * 32, at=AT)
    line = json.dumps({"event": "audit.checkpoint", "level": "info", **as_log_fields(first)})
    log = [
        '{"event": "request", "path": "/audit.checkpoint"}',
        line,
        "Mar 02 09:00:01 node authsvc[1]: " + json.dumps({"event": "audit.checkpoint", **as_log_fields(second)}),
        line[:60],
        "audit.checkpoint without JSON",
        '{"event": "audit.checkpoint", "count": 1}',
    ]
    assert list(from_log(log)) == [first, second]


def test_keys_do_not_show_in_a_repr():
    assert KEYS.link.hex() not in repr(KEYS)
    assert repr(KEYS.link) not in repr(KEYS)
