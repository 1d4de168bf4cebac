"""What a browser may send as timings: missing, usable, or refused with a code."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.core.errors import BadInput
from authsvc.risk.keystroke.packing import BLOCK, KEPT, KeptSample, pack, unpack
from authsvc.risk.keystroke.sample import MAX_KEYS, InputKind, TypedField, Typings, TypingSample, parse_typings
from tests.support.typists import Typist, as_sample, as_text

GOOD = {"field": "password", "input": "keyboard", "events": [[0, 90.5], [140, 221], [200, 300], [390, 470]]}
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def parse_sample(text: str | None) -> TypingSample | None:
    return parse_typings(text).password


def changed(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


def test_times_are_kept_in_microseconds_since_the_first_press() -> None:
    sample = parse_sample(changed(events=[[1000.1, 1090.6], [1140.1, 1221.1]]))
    assert sample is not None
    assert sample.events == ((0, 90_500), (140_000, 221_000))
    assert (sample.field, sample.input_kind, sample.pasted) == (TypedField.PASSWORD, InputKind.KEYBOARD, False)


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_nothing_sent_is_missing(text: str | None) -> None:
    assert parse_typings(text) == Typings()


def test_both_fields_come_in_one_list() -> None:
    both = parse_typings(f"[{json.dumps(GOOD)}, {changed(field='email', events=[])}]")
    assert both.password is not None and both.password.usable
    assert both.email is not None and not both.email.usable
    assert both.usable == (both.password,)
    assert parse_typings(both.to_json()) == Typings(both.password)  # what says nothing need not wait
    assert parse_typings("[]") == Typings()


@pytest.mark.parametrize(
    "changes",
    [{"pasted": True}, {"events": []}, {"events": [[0, 1]]}, {"events": [], "pasted": True}],
    ids=["pasted", "filled in", "too few keys", "pasted whole"],
)
def test_what_a_password_manager_does_is_not_malformed(changes: dict[str, object]) -> None:
    sample = parse_sample(changed(**changes))
    assert sample is not None
    assert not sample.usable


MALFORMED = {
    "not JSON": "{",
    "a number": "7",
    "a list of numbers": "[7]",
    "a list of lists": "[[]]",
    "the same field twice": f"[{json.dumps(GOOD)}, {json.dumps(GOOD)}]",
    "one of two is broken": f"[{json.dumps(GOOD)}, {{}}]",
    "an empty object": "{}",
    "null": "null",
    "unknown field": changed(field="pin"),
    "field of another type": changed(field=["password"]),
    "unknown input": changed(input="voice"),
    "a name too many": changed(keys="hunter2"),
    "pasted is text": changed(pasted="yes"),
    "events missing": json.dumps({"field": "password", "input": "touch"}),
    "events is a text": changed(events="1,2"),
    "an event is a number": changed(events=[5]),
    "three times": changed(events=[[0, 1, 2]]),
    "a text as time": changed(events=[["0", 1]]),
    "true as time": changed(events=[[True, 1]]),
    "null as time": changed(events=[[None, 1]]),
    "NaN": changed(events=[[float("nan"), 1]]),
    "infinity": changed(events=[[0, float("inf")]]),
    "overflowing literal": '{"field":"password","input":"keyboard","events":[[0,1e999]]}',
    "a very long integer": '{"field":"password","input":"keyboard","events":[[0,' + "9" * 5000 + "]]}",
    "negative": changed(events=[[-0.1, 1]]),
    "released before pressed": changed(events=[[10, 9]]),
    "presses out of order": changed(events=[[10, 20], [9, 30]]),
    "too many keys": changed(events=[[n, n] for n in range(MAX_KEYS + 1)]),
    "too long": changed(events=[[0, 1], [120_000.5, 120_001]]),
    "a broken clock": changed(events=[[1e15, 1e15]]),
    "too much text": changed(events=[]) + " " * 40_000,
    "nested without end": "[" * 30_000,
    "surrogates": '{"field":"\\ud800"}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_timings_are_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_sample(text)
    assert caught.value.code == "typing.malformed"


@given(
    st.one_of(
        st.text(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["field", "input", "events", "pasted", "x"]), inner)
            ),
        ).map(json.dumps),
    )
)
def test_any_text_is_a_sample_or_a_refusal(text: str) -> None:
    try:
        sample = parse_sample(text)
    except BadInput as refusal:
        assert refusal.code == "typing.malformed"
    else:
        assert sample is None or all(0 <= press <= release for press, release in sample.events)


def test_as_many_keys_as_allowed_pass() -> None:
    sample = parse_sample(changed(events=[[n, n + 0.5] for n in range(MAX_KEYS)]))
    assert sample is not None and len(sample.events) == MAX_KEYS


def test_a_sample_never_shows_its_times() -> None:
    assert "90500" not in repr(parse_sample(changed()))


def test_json_out_and_in_is_the_same_sample() -> None:
    sample = Typist(1).sample()
    assert parse_typings(Typings(sample).to_json()) == Typings(sample)


def test_packed_samples_come_back() -> None:
    typist = Typist(1)
    kept = tuple(KeptSample(AT, typist.sample()) for _ in range(3))
    assert unpack(pack(kept), field=TypedField.PASSWORD, input_kind=InputKind.KEYBOARD) == kept


def test_packing_keeps_the_newest_only() -> None:
    kept = tuple(KeptSample(AT, Typist(seed).sample()) for seed in range(KEPT + 5))
    assert unpack(pack(kept), field=TypedField.PASSWORD, input_kind=InputKind.KEYBOARD) == kept[:KEPT]


def test_the_packed_length_does_not_tell_the_passwords_length() -> None:
    lengths = {len(pack([KeptSample(AT, Typist(1, keys=keys).sample())] * KEPT)) for keys in (8, 15, 30, 49)}
    assert lengths == {BLOCK}


@pytest.mark.parametrize("packed", [b"", b"\x01", b"\x02\x00", b"\x01\x05", b"\x01\x01" + b"\xff" * 10])
def test_what_is_no_packed_sample_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="packed samples"):
        unpack(packed, field=TypedField.PASSWORD, input_kind=InputKind.KEYBOARD)


def test_the_largest_sample_can_be_packed() -> None:
    events = tuple((n * 1000, 120_000_000) for n in range(MAX_KEYS))
    kept = (KeptSample(AT, TypingSample(TypedField.PASSWORD, InputKind.TOUCH, events)),)
    assert unpack(pack(kept), field=TypedField.PASSWORD, input_kind=InputKind.TOUCH) == kept


def test_the_typists_of_these_tests_send_what_a_page_sends() -> None:
    events = Typist(3).events()
    assert parse_sample(as_text(events)) == as_sample(events)
