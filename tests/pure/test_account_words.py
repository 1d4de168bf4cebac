"""The account page's words and places: each event it tells of exists, and no flow leads off the fixed set."""

import re
from pathlib import Path

import pytest

from authsvc.login.account.activity.sentences import SENTENCES, sentence_of
from authsvc.login.account.places import Place, destination, kept

EVENTS = Path(__file__).parents[2] / "docs" / "reference" / "events.md"


def test_every_event_that_is_told_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+:[a-z_]+:[a-z_]+)`", EVENTS.read_text(), re.M))
    assert set(SENTENCES) <= documented


@pytest.mark.parametrize("tag", SENTENCES)
def test_sentences_stand_facts_that_are_missing_or_strange(tag: str) -> None:
    for facts in ({}, {"reason": None, "level": 7, "client": ["x"], "purpose": {}, "new_device": "?"}):
        sentence = sentence_of(tag, facts, {"c": "Tea Shop"})
        assert sentence is None or sentence.text.endswith(".")


def test_a_tag_that_means_nothing_to_a_person_is_not_told() -> None:
    assert sentence_of("login:flow:begun", {}, {}) is None


@pytest.mark.parametrize("place", Place)
def test_a_place_is_kept_and_found_again(place: Place) -> None:
    assert destination(kept(place)) == place
    assert destination(kept(place, "pky_Ab-9_")) == f"{place}?id=pky_Ab-9_"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"next": ""},
        {"next": "//evil.example"},
        {"next": "https://evil.example/account"},
        {"next": "/account/../console"},
        {"next": "/account\n"},
        {"next": "HOME"},
    ],
)
def test_what_is_no_place_leads_to_the_first_page(params: dict[str, str]) -> None:
    assert destination(params) == Place.HOME


@pytest.mark.parametrize("row", ["", "a b", "../x", "x" * 65, "x\n", "é", "a&next=b"])
def test_what_is_no_id_is_left_out(row: str) -> None:
    assert kept(Place.PASSKEYS, row) == {"next": Place.PASSKEYS}
    assert destination({"next": Place.PASSKEYS, "row": row}) == Place.PASSKEYS
