"""Fit the background population and the detector's weights to people's typings. Pure.

The input is one password typed often by each of several people: log times (features.log_times) by person, shape
(repetitions, 3n - 2), oldest first, at least LEAST_TYPINGS. Whoever is in it must not be in a measurement that follows.

1. How people stray, and where others type, by kind of feature, from all pairs of people.
2. Two covariances of neighbouring deviations, from profiles at PROFILES_AT tried on what came next and on others.
3. The weights, on profiles of every age from five typings on: the owner's next typings, near and far in time, against
   the first EARLY ones of everybody else. Owners, and owner against others, weigh the same.

Step 3 takes the whole password and either half of it, as if it were three, so that the weights serve shorter ones too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np

from authsvc.risk.keystroke.background import Background
from authsvc.risk.keystroke.comparison import FIGURES, compare
from authsvc.risk.keystroke.features import KINDS, NEARBY, FloatVector, KindVector, kinds_of, neighbourhoods
from authsvc.risk.keystroke.profile import FAR, WINDOW, durations, fit_logs

EARLY = 5  # somebody else's first repetitions: how an impostor types a password that is new to them
RUN = 10  # repetitions within which a person is taken to type alike
PROFILES_AT = (5, 10, 20, 40, 80, 120, 200, 250)  # repetitions before a profile is fitted
SOON, LATER, LATER_STEP = 30, 200, 6  # it is tried on the next thirty, and on every sixth until the two hundredth
LEAST_TYPINGS = PROFILES_AT[-1] + SOON
LEAST_PEOPLE = 5
RIDGE = 0.005  # per standard deviation of a figure; found by cross-validation over people
NEWTON_STEPS = 50

People = Mapping[str, FloatVector]


def train(people: People) -> Background:
    """Return the background of these people, with weights fitted to them.

    Raises:
        ValueError: too few people or typings.
    """
    if len(people) < LEAST_PEOPLE or min(len(each) for each in people.values()) < LEAST_TYPINGS:
        raise ValueError(f"training takes {LEAST_PEOPLE} people of {LEAST_TYPINGS} typings each")
    background = with_neighbours(fit_population(people), people)
    figures, owner, weight = trials(people, background)
    weights, offset = fit_logistic(figures, owner, weight)
    return replace(background, weights=weights, offset=offset)


def fit_population(people: People) -> Background:
    """Return how these people type, by kind of feature; no weights yet."""
    kinds = kinds_of(next(iter(people.values())).shape[1])
    rows = []
    for kind in KINDS:
        logs = [each[:, kinds == kind] for each in people.values()]
        middle = [np.median(each[-2 * RUN : -RUN], axis=0) for each in logs]
        pairs = list(permutations(range(len(logs)), 2))
        owner = np.concatenate([np.tile(middle[a], EARLY) for a, _ in pairs])
        other = np.concatenate([logs[b][:EARLY].ravel() for _, b in pairs])
        slope, intercept = np.polyfit(owner, other, 1)
        between = np.mean(np.abs(other - intercept - slope * owner))
        rows.append((_strays(logs), intercept, slope, between))
    within, intercepts, slopes, betweens = (np.array(column) for column in zip(*rows, strict=True))
    return Background(
        within=within,
        intercept=intercepts,
        slope=slopes,
        between=betweens,
        tempo=_strays([durations(each)[:, None] for each in people.values()]),
        nearby_own=np.eye(NEARBY),
        nearby_others=np.eye(NEARBY),
        weights=np.zeros(len(FIGURES)),
        offset=0.0,
    )


def with_neighbours(background: Background, people: People) -> Background:
    """Return the background with the covariances of neighbouring deviations."""
    size = next(iter(people.values())).shape[1]
    kind, places = kinds_of(size), neighbourhoods(size)
    own, others = [], []
    for name, logs in people.items():
        early = _early(people, but=name)
        for at in PROFILES_AT[1:]:
            profile = fit_logs(_before(logs, at), background)
            expected = background.intercept[kind] + background.slope[kind] * profile.location
            own.append((logs[at : at + 2 * SOON] - profile.location) / profile.spread)
            others.append((early - expected) / background.between[kind])
    return replace(background, nearby_own=_second_moment(own, places), nearby_others=_second_moment(others, places))


def trials(people: People, background: Background) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return the figures of many comparisons, whether each is of the owner, and how much it weighs (sum 1)."""
    figures, owner, weight = [], [], []
    for part in _parts(people):
        for name, logs in part.items():
            early = _early(part, but=name)
            for at in PROFILES_AT:
                profile = fit_logs(_before(logs, at), background)
                later = logs[at + SOON : at + LATER : LATER_STEP]
                for typed, label in ((np.concatenate([logs[at : at + SOON], later]), 1.0), (early, 0.0)):
                    figures.append(compare(profile, typed, background))
                    owner.append(np.full(len(typed), label))
                    weight.append(np.full(len(typed), 1 / len(typed)))
    weights = np.concatenate(weight)
    return np.concatenate(figures), np.concatenate(owner), weights / weights.sum()


def fit_logistic(figures: FloatVector, owner: FloatVector, weight: FloatVector) -> tuple[FloatVector, float]:
    """Return weights and offset of a ridge logistic regression (Newton's method), standardised inside."""
    mean = weight @ figures
    scale = np.sqrt(weight @ (figures - mean) ** 2) + 1e-6
    design = np.column_stack([(figures - mean) / scale, np.ones(len(figures))])
    ridge = np.diag([RIDGE] * figures.shape[1] + [1e-9])
    beta = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ beta, -40, 40)))
        gradient = design.T @ (weight * (owner - probability)) - ridge @ beta
        curvature = (design.T * (weight * probability * (1 - probability))) @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    weights = beta[:-1] / scale
    return weights, float(beta[-1] - weights @ mean)


def keys_of(logs: FloatVector, first: int, after: int) -> FloatVector:
    """Return the features of the keys from `first` up to `after`, as if they were all that was typed."""
    keys = (logs.shape[-1] + 2) // 3
    bounds = ((first, after), (keys + first, keys + after - 1), (2 * keys - 1 + first, 2 * keys - 2 + after))
    return np.concatenate([logs[..., start:end] for start, end in bounds], axis=-1)


def _parts(people: People) -> Iterator[People]:
    keys = (next(iter(people.values())).shape[1] + 2) // 3
    yield people
    for first, after in ((0, (keys + 1) // 2), (keys // 2, keys)):
        if after - first >= NEARBY:
            yield {name: keys_of(logs, first, after) for name, logs in people.items()}


def _before(logs: FloatVector, at: int) -> FloatVector:
    """Return the WINDOW typings before `at`, newest first."""
    return logs[max(0, at - WINDOW) : at][::-1]


def _early(people: People, *, but: str) -> FloatVector:
    return np.concatenate([logs[:EARLY] for name, logs in people.items() if name != but])


def _second_moment(deviations: list[FloatVector], places: KindVector) -> FloatVector:
    near = np.clip(np.concatenate(deviations), -FAR, FAR)[:, places].reshape(-1, NEARBY)
    return near.T @ near / len(near)


def _strays(people: list[FloatVector]) -> float:
    """Return the median, over people and features, of the mean distance from the median within runs of RUN."""
    runs = [each[: len(each) // RUN * RUN].reshape(-1, RUN, each.shape[1]) for each in people]
    strays = [np.abs(each - np.median(each, axis=1, keepdims=True)).mean(axis=(0, 1)) for each in runs]
    return float(np.median(strays))
