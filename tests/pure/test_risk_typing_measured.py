"""The figures that the detector's docstring states, measured on people who are in no training data."""

import csv
from pathlib import Path

import numpy as np
import pytest

from authsvc.risk.keystroke.background import BACKGROUND
from authsvc.risk.keystroke.detector import mean_ratio
from authsvc.risk.keystroke.features import FloatVector, log_times
from authsvc.risk.keystroke.profile import WINDOW, fit_logs
from authsvc.risk.keystroke.training import train

EARLY = 5


@pytest.fixture(scope="module")
def people(research_data: Path) -> dict[str, FloatVector]:
    """Log times by person, shape (400, 31), oldest first."""
    with (research_data / "keystroke" / "cmu_fixed_text.csv").open(newline="") as file:
        names, *rows = csv.reader(file)
    order = [n for kind in ("H.", "DD.", "UD.") for n, name in enumerate(names) if name.startswith(kind)]
    found: dict[str, list[list[float]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append([float(row[n]) for n in order])
    return {name: log_times(np.array(times)) for name, times in sorted(found.items())}


def equal_error_rate(genuine: FloatVector, impostors: FloatVector) -> float:
    thresholds = np.sort(np.concatenate([genuine, impostors]))
    missed = np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine)
    passed = 1 - np.searchsorted(np.sort(impostors), thresholds, side="left") / len(impostors)
    nearest = int(np.argmin(np.abs(missed - passed)))
    return float((missed[nearest] + passed[nearest]) / 2)


def impostors_of(name: str, people: dict[str, FloatVector]) -> FloatVector:
    return np.concatenate([logs[:EARLY] for other, logs in people.items() if other != name])


def test_the_shipped_numbers_come_from_the_first_thirteen(people: dict[str, FloatVector]) -> None:
    fitted = train(dict(list(people.items())[:13]))
    for name in ("within", "intercept", "slope", "between"):
        assert getattr(fitted, name) == pytest.approx(getattr(BACKGROUND, name), abs=5e-5)
    assert (fitted.gain, fitted.offset) == pytest.approx((BACKGROUND.gain, BACKGROUND.offset), abs=5e-4)


def test_a_profile_of_ten_recent_typings(people: dict[str, FloatVector]) -> None:
    unseen = dict(list(people.items())[13:])
    rates = []
    for name, logs in unseen.items():
        profile = fit_logs(logs[190:200])
        rates.append(equal_error_rate(mean_ratio(profile, logs[200:]), mean_ratio(profile, impostors_of(name, unseen))))
    assert len(rates) == 13
    assert np.mean(rates) == pytest.approx(0.047, abs=0.001)


def test_a_profile_that_follows_its_owner(people: dict[str, FloatVector]) -> None:
    unseen = dict(list(people.items())[13:])
    rates = []
    for name, logs in unseen.items():
        profiles = [fit_logs(logs[at - WINDOW : at]) for at in range(WINDOW, len(logs))]
        genuine = np.array([mean_ratio(profile, logs[WINDOW + n]) for n, profile in enumerate(profiles)])
        early = impostors_of(name, unseen)
        rates.append(equal_error_rate(genuine, np.concatenate([mean_ratio(each, early) for each in profiles[::10]])))
    assert np.mean(rates) == pytest.approx(0.043, abs=0.001)
