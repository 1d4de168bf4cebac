"""The figures of docs/models/keystroke.md that can be had in seconds: on people who are in no training data."""

from pathlib import Path

import numpy as np
import pytest

from authsvc.evaluate.keystroke import Protocol, replays, score_all, train_background
from authsvc.evaluate.rates import equal_error_rate
from authsvc.evaluate.typings_file import Typings, read_typings
from authsvc.risk.keystroke.background import from_json
from authsvc.risk.keystroke.comparison import FIGURES
from authsvc.risk.keystroke.detector import shipped
from authsvc.risk.keystroke.training import train


@pytest.fixture(scope="module")
def typings(research_data: Path) -> Typings:
    return read_typings(research_data / "keystroke" / "cmu_fixed_text.csv")


def test_the_shipped_background_can_be_made_again(typings: Typings) -> None:
    again = from_json(train_background(typings, source="cmu_fixed_text.csv"), names=FIGURES)
    assert again.trained_on == shipped().trained_on
    for name in ("within", "intercept", "slope", "between", "nearby_own", "nearby_others", "weights"):
        assert getattr(again, name) == pytest.approx(getattr(shipped(), name), rel=1e-3, abs=1e-4), name
    assert again.offset == pytest.approx(shipped().offset, rel=1e-3)


def test_owners_are_told_from_people_in_no_training_data(typings: Typings) -> None:
    names = list(typings.people)
    background = train({name: each for name, each in typings.logs().items() if name in names[:13]})
    unseen = Typings({name: typings.people[name] for name in names[13:]})
    scores = score_all(unseen, Protocol.RECENT, background)
    assert len(scores) == 13
    assert np.mean([equal_error_rate(each.own, each.others) for each in scores.values()]) < 0.045  # a hard half
    assert np.mean([equal_error_rate(each.own, each.drawn) for each in scores.values()]) < 0.08


def test_replays_are_known_again_and_owners_are_not_taken_for_them(typings: Typings) -> None:
    few = Typings({name: each[:80] for name, each in list(typings.people.items())[:8]})
    report = replays(few)
    caught = report["caught_by_jitter_ms"]
    assert (caught["0"], caught["3"]) == (1.0, 1.0)
    assert report["honest_taken_for_replays"] == 0.0
