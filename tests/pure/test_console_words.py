"""What the console says: percentages, bars, inputs, places in the list."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.accounts.levels import Level
from authsvc.console import words
from authsvc.console.filters import Filter, Place, parse_place
from authsvc.core.errors import BadInput
from authsvc.risk.keystroke.automation import FINDINGS
from tests.support.decisions import INPUTS, KNOWN_DEVICE, NEW_DEVICE


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "< 0.1 %"),
        (0.0025, "0.2 %"),
        (0.099, "9.9 %"),
        (0.62, "62 %"),
        (0.994, "99.4 %"),
        (0.9999, "> 99.9 %"),
        (1.0, "> 99.9 %"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(probability: float, said: str) -> None:
    assert words.percent(probability) == said


@given(st.lists(st.floats(-20, 20), max_size=12))
def test_every_bar_lies_in_its_view_box(weights: list[float]) -> None:
    contributions = [{"code": "a", "text": "b", "log_odds": each} for each in weights]
    for reason in words.reasons_of(contributions, prior=-6.0):
        assert reason.bar_x >= 0
        assert reason.bar_x + reason.bar_width <= words.BAR_WIDTH
        assert (reason.bar_width > 0) == (reason.log_odds != 0)


def test_the_headline_is_what_spoke_against_it() -> None:
    assert words.headline([KNOWN_DEVICE, NEW_DEVICE]) == (NEW_DEVICE["text"],)


def test_contributions_and_base_rate_add_up() -> None:
    contributions = [KNOWN_DEVICE, NEW_DEVICE]
    prior = words.prior_of(-7.0, contributions)
    assert math.isclose(prior, -6.0)
    assert math.isclose(sum(each.log_odds for each in words.reasons_of(contributions, prior=prior)), -7.0)


def test_inputs_never_tell_how_long_a_password_is() -> None:
    leaked = {**INPUTS["typing"], "keys": 14, "total_s": 3.1, "events": [[0, 80]] * 14}
    leaky = {**INPUTS, "typing": leaked, "email_typing": leaked}
    lines = dict(words.input_lines(leaky))
    assert set(lines) == set(dict(words.input_lines(INPUTS)))
    assert "14" not in lines.values()


def test_lists_of_numbers_are_never_shown() -> None:
    assert dict(words.input_lines({"holds": [0.1, 0.2]})) == {"holds": "not shown"}


def test_ids_stay_as_they_are_and_parts_of_behaviour_have_words() -> None:
    lines = words.input_lines({"client_id": "cli_Xb_V", "behaviour": {"system": 0.63}, "network": "new"})
    assert dict(lines) == {"Client": "cli_Xb_V", "Unusual system (log-odds)": "+0.63", "Network": "new"}


def test_every_level_and_every_sign_of_automation_has_words() -> None:
    assert set(words.LEVEL_WORDS) == {level.name.lower() for level in Level}
    assert set(words.AUTOMATION_WORDS) == set(FINDINGS)
    typed = {"state": "learning", "automation": ["automation.replayed"]}
    lines = dict(words.input_lines({"first_factor": "pwd_email", "typing": typed}))
    assert lines["Level of the first factor"] == "a password and a code by mail"
    assert lines["Typing: signs of automation"] == "the times of an earlier sign-in"


def test_a_place_survives_its_trip_through_a_link() -> None:
    place = Place(datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC), "dec_x-_y")
    assert parse_place(place.as_text()) == place
    assert parse_place("") is None


@given(st.text(max_size=60))
def test_a_place_that_we_did_not_write_is_refused(text: str) -> None:
    try:
        place = parse_place(text)
    except BadInput:
        return
    assert place is None or place.as_text() == text


def test_the_default_filter_needs_no_query() -> None:
    assert Filter().query() == ""
    assert Filter(decision="deny", account="a@b.example").query() == "?decision=deny&account=a%40b.example"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("device.new", "Device: new"),
        ("failures.address_accounts", "Failures: address accounts"),
        ("policy.rule.night", "Policy: rule night"),
        ("unheard", "unheard"),
    ],
)
def test_a_reason_is_offered_in_words(code: str, said: str) -> None:
    assert words.reason_label(code) == said
