"""Rates by hand, and against the definitions counted one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from authsvc.evaluate.rates import (
    bootstrap_interval,
    curve,
    equal_error_rate,
    exact_interval,
    fnmr_at_fmr,
    threshold_at_fmr,
)

scores = st.lists(st.floats(-5, 5).map(lambda value: round(value, 1)), min_size=1, max_size=30)


def test_by_hand() -> None:
    genuine, impostor = [0.9, 0.8, 0.7, 0.2], [0.1, 0.3, 0.0, 0.75]
    assert equal_error_rate(genuine, impostor) == 0.25
    assert fnmr_at_fmr(genuine, impostor, 0.25) == 0.25
    assert threshold_at_fmr(genuine, impostor, 0.25) == 0.7
    assert fnmr_at_fmr(genuine, impostor, 0.0) == 0.5
    assert equal_error_rate([2, 3], [0, 1]) == 0.0
    assert equal_error_rate([0, 1], [2, 3]) == 1.0
    assert equal_error_rate([1, 1], [1, 1]) == 0.5


@given(scores, scores)
def test_as_the_definitions_count(genuine: list[float], impostor: list[float]) -> None:
    found = curve(genuine, impostor)
    for at, missed, passed in zip(found.thresholds, found.fnmr, found.fmr, strict=True):
        assert missed == pytest.approx(sum(score < at for score in genuine) / len(genuine))
        assert passed == pytest.approx(sum(score >= at for score in impostor) / len(impostor))
    assert (found.fnmr[0], found.fmr[-1]) == (0, 0)
    assert np.all(np.diff(found.fnmr) >= 0)
    assert np.all(np.diff(found.fmr) <= 0)


@pytest.mark.parametrize("bad", [[], [1.0, float("nan")]])
def test_what_is_no_score_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="scores"):
        curve(bad, [1.0])


def test_the_exact_interval_holds_what_its_name_says() -> None:
    found = exact_interval(3, 50)
    assert binom.sf(2, 50, found.low) == pytest.approx(0.025)
    assert binom.cdf(3, 50, found.high) == pytest.approx(0.025)
    assert exact_interval(0, 50).low == 0
    assert exact_interval(0, 50).high == pytest.approx(1 - 0.025 ** (1 / 50))
    assert exact_interval(50, 50).high == 1
    for hits, of in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="no rate"):
            exact_interval(hits, of)


def test_people_are_drawn_not_scores() -> None:
    rates = {"a": 0.0, "b": 0.1, "c": 0.2}
    found = bootstrap_interval(list(rates), lambda drawn: float(np.mean([rates[name] for name in drawn])), rounds=300)
    assert found.rate == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((0.0, 0.2), abs=0.04)
