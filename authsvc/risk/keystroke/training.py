"""Fit the background population and the calibration of the detector to people's typings. Pure.

The input is one password typed often by each of several people: log times (features.log_times) by person, shape
(repetitions, 3n - 2), oldest first. Whoever is in it must not be in the measurement that follows.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np

from authsvc.risk.keystroke.background import Background
from authsvc.risk.keystroke.detector import mean_ratio
from authsvc.risk.keystroke.features import KINDS, FloatVector, kinds_of
from authsvc.risk.keystroke.profile import WINDOW, fit_logs

EARLY = 5  # somebody else's first repetitions: how an impostor types a password that is new to them
STEP = 20  # a profile is fitted before every twentieth repetition and tried on the next twenty
NEWTON_STEPS = 50

People = Mapping[str, FloatVector]


def train(people: People) -> Background:
    """Return the background of these people, calibrated on them."""
    background = fit_background(people)
    own, others = mean_ratios(people, background)
    gain, offset = calibrate(own, others)
    return replace(background, gain=gain, offset=offset)


def fit_background(people: People) -> Background:
    """Return the background of these people, with an uncalibrated ratio."""
    kinds = kinds_of(next(iter(people.values())).shape[1])
    rows = []
    for kind in KINDS:
        logs = [each[:, kinds == kind] for each in people.values()]
        middle = [np.median(each[-2 * WINDOW : -WINDOW], axis=0) for each in logs]
        pairs = list(permutations(range(len(logs)), 2))
        owner = np.concatenate([np.tile(middle[a], EARLY) for a, _ in pairs])
        other = np.concatenate([logs[b][:EARLY].ravel() for _, b in pairs])
        slope, intercept = np.polyfit(owner, other, 1)
        between = np.mean(np.abs(other - intercept - slope * owner))
        rows.append((np.mean([_strays(each) for each in logs]), intercept, slope, between))
    within, intercepts, slopes, betweens = (np.array(column) for column in zip(*rows, strict=True))
    return Background(within, intercepts, slopes, betweens)


def mean_ratios(people: People, background: Background) -> tuple[FloatVector, FloatVector]:
    """Return the uncalibrated ratios of owners on their own rolling profiles, and of everybody else on them."""
    own, others = [], []
    for name, logs in people.items():
        early = np.concatenate([each[:EARLY] for other, each in people.items() if other != name])
        for start in range(WINDOW, len(logs) - STEP + 1, STEP):
            profile = fit_logs(logs[start - WINDOW : start], background)
            own.append(mean_ratio(profile, logs[start : start + STEP], background))
            others.append(mean_ratio(profile, early, background))
    return np.concatenate(own), np.concatenate(others)


def calibrate(own: FloatVector, others: FloatVector) -> tuple[float, float]:
    """Return gain and offset of a logistic regression in which both classes weigh the same (so: a likelihood ratio)."""
    design = np.column_stack([np.concatenate([own, others]), np.ones(len(own) + len(others))])
    label = np.repeat([1.0, 0.0], [len(own), len(others)])
    weight = np.repeat([0.5 / len(own), 0.5 / len(others)], [len(own), len(others)])
    ridge = 1e-6 * np.eye(2)  # keeps separable classes finite
    beta = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ beta, -40, 40)))
        gradient = design.T @ (weight * (label - probability)) - ridge @ beta
        curvature = (design.T * (weight * probability * (1 - probability))) @ design + ridge
        beta = beta + np.linalg.solve(curvature, gradient)
    return float(beta[0]), float(beta[1])


def _strays(logs: FloatVector) -> float:
    """Return the median, over the features, of the mean distance from the median within runs of WINDOW repetitions."""
    runs = logs[: len(logs) // WINDOW * WINDOW].reshape(-1, WINDOW, logs.shape[1])
    distance = np.abs(runs - np.median(runs, axis=1, keepdims=True))
    return float(np.median(np.mean(distance, axis=(0, 1))))
