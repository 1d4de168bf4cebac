"""Forecasts: what is usual makes no alert, a flood does, and neither odd counts nor attacks spoil what was learned."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.risk.forecast import INTERVAL, READY_AFTER, Baseline, band, from_json, learned, slot_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def usual(weeks: int, *, least: float, most: float, seed: int = 1) -> tuple[Baseline, int]:
    """Counts with days and nights; return what was learned of them, and how often they left the band in the end."""
    rng, baseline, alerts = np.random.default_rng(seed), Baseline(), 0
    for number in range(weeks * READY_AFTER):
        at = MONDAY + number * INTERVAL
        rate = least + (most - least) * max(0.0, math.sin(math.pi * (at.hour - 6) / 18)) * (
            0.6 + 0.4 * (at.weekday() > 4)
        )
        seen = int(rng.poisson(rate))
        alerts += number >= READY_AFTER and band(baseline, slot_of(at)).left_by(seen)
        baseline = learned(baseline, slot_of(at), seen)
    return baseline, alerts


@pytest.fixture(scope="module")
def busy() -> Baseline:
    baseline, alerts = usual(3, least=5, most=60)
    assert alerts == 0  # two weeks of what is usual
    return baseline


@pytest.mark.parametrize(("day", "hour", "seen"), [(0, 3, 40), (2, 15, 300), (6, 15, 300)])
def test_a_flood_leaves_the_band(busy: Baseline, day: int, hour: int, seen: int) -> None:
    slot = day * 24 + hour
    assert band(busy, slot).left_by(seen)
    assert not band(busy, slot).left_by(round(band(busy, slot).expected))


def test_the_night_has_a_narrower_band_than_the_day(busy: Baseline) -> None:
    assert band(busy, 3).high < band(busy, 15).expected


def test_an_attack_does_not_teach_that_attacks_are_usual(busy: Baseline) -> None:
    after = busy
    for number in range(3 * 288):  # days
        after = learned(after, slot_of(MONDAY + number * INTERVAL), 5_000)
        assert band(after, slot_of(MONDAY + number * INTERVAL)).left_by(5_000)


def test_whoever_stays_just_inside_the_band_for_a_day_hardly_widens_it(busy: Baseline) -> None:
    after = busy
    for number in range(288):
        slot = slot_of(MONDAY + number * INTERVAL)
        after = learned(after, slot, int(band(after, slot).high))
    assert band(after, 15).high < 3 * band(busy, 15).high


def test_waves_of_people_are_no_attack() -> None:
    rng, baseline, alerts = np.random.default_rng(3), Baseline(), 0
    for number in range(4 * READY_AFTER):
        slot = slot_of(MONDAY + number * INTERVAL)
        seen = int(rng.poisson(rng.gamma(5.0, 8.0)))  # 40, give or take 45 %
        alerts += number >= READY_AFTER and band(baseline, slot).left_by(seen)
        baseline = learned(baseline, slot, seen)
    assert alerts <= 3  # of 6,048


def test_a_lasting_change_is_accepted_in_the_end(busy: Baseline) -> None:
    after = busy
    for number in range(2 * READY_AFTER):
        after = learned(after, slot_of(MONDAY + number * INTERVAL), 150)
    assert not band(after, 15).left_by(150)


def test_few_are_never_an_attack() -> None:
    quiet = Baseline(intervals=READY_AFTER)
    assert not band(quiet, 0).left_by(19)
    assert band(quiet, 0).left_by(20)


def test_it_is_ready_after_a_week() -> None:
    young = Baseline(intervals=READY_AFTER - 1)
    assert not young.is_ready
    assert learned(young, 0, 3).is_ready


@given(st.lists(st.tuples(st.integers(0, 167), st.integers(-5, 10**15)), max_size=30))
def test_no_counts_make_a_band_nan(counts: list[tuple[int, int]]) -> None:
    baseline = Baseline()
    for slot, seen in counts:
        baseline = learned(baseline, slot, seen)
        found = band(baseline, slot)
        assert all(map(math.isfinite, (found.expected, found.low, found.high)))
        assert 0 <= found.low <= found.high
    assert from_json(baseline.to_json()) == baseline


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"season": [], "times": []},
        {**Baseline().to_json(), "colour": "red"},
        {**Baseline().to_json(), "level": "4"},
        {**Baseline().to_json(), "level": math.nan},
        {**Baseline().to_json(), "spread": -1.0},
        {**Baseline().to_json(), "season": [None] * 168},
    ],
)
def test_what_is_no_baseline_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a baseline"):
        from_json(value)
