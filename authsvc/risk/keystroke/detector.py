"""Was this typed by the owner, or by somebody else who knows the password? Pure, beside reading the shipped background.

    log-odds = offset + sum of weight_f * figure_f          figures: comparison.py; weights: background.json

A logistic regression over likelihood ratios and distances that have no unit, fitted on other people's typings with both
classes weighing the same: so a log-likelihood ratio, ln P(typing | owner) / P(typing | somebody else). Other people are
those of the background: an impostor knows the password and types it for the first times.

How right it is, on people who are in no training data, with the command that measures it: docs/models/keystroke.md.

The result is finite for every sample, |log-odds| <= MOST. Calibrated on one password in a laboratory, not on a
deployment: signals/typing_rhythm.py caps it.
"""

from functools import cache

import numpy as np

from authsvc.risk.keystroke.background import SHIPPED, Background, from_json
from authsvc.risk.keystroke.comparison import FIGURES, compare
from authsvc.risk.keystroke.features import FloatVector, features_s, log_times
from authsvc.risk.keystroke.profile import TypingProfile
from authsvc.risk.keystroke.sample import TypingSample

MOST = 12.0


@cache
def shipped() -> Background:
    """Return the background that this version of authsvc came with."""
    return from_json(SHIPPED.read_text(), names=FIGURES)


def log_ratio(profile: TypingProfile, sample: TypingSample, background: Background) -> float:
    """Return ln P(sample | owner) / P(sample | somebody else), calibrated; positive speaks for the owner.

    Raises:
        ValueError: the profile is of another number of keys.
    """
    logs = log_times(features_s(sample))
    if logs.shape != profile.location.shape:
        raise ValueError("the profile is of another number of keys")
    return float(log_ratios(profile, logs[None], background)[0])


def log_ratios(profile: TypingProfile, logs: FloatVector, background: Background) -> FloatVector:
    """Return the log-odds of log times, shape (typings, 3n - 2) -> (typings,)."""
    odds: FloatVector = compare(profile, logs, background) @ background.weights + background.offset
    return np.clip(odds, -MOST, MOST)
