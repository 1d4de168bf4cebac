"""Was this typed by the owner, or by somebody else who knows the password? Pure.

A log-likelihood ratio of two Laplace models per feature (x: log time, m and b: the owner's location and spread):

    own_i   = -ln 2b_i - |x_i - m_i| / b_i
    other_i = -ln 2s_k - |x_i - (a_k + c_k m_i)| / s_k        another person, who finds the same keys hard
    ratio   = GAIN * mean_i clip(own_i - other_i, -CLIP, CLIP) + OFFSET

The model of others has three numbers per kind of feature, not one per key, so that it holds for a password that nobody
else has. A *mean*, not a sum, is scaled: features overlap (press-to-press is hold plus release-to-press), and a longer
password is not independent evidence n times over. GAIN and OFFSET were fitted by logistic regression on the people
that the background was trained on (background.py); the clip bounds what one slip or one perfect key can say.

Measured on 13 people who are in no training data (CMU set, the last 13 of 26 by name; impostors: the first five
repetitions of the other 12), mean equal-error rate per person: 4.7 % (sd 3.5) for a profile of repetitions 191-200
tried on 201-400; 4.3 % (sd 2.4) for a profile of the last ten that follows from repetition 11 to 400.

The result is finite for every sample: |ratio| <= GAIN * CLIP + |OFFSET|. Calibrated on one password in a laboratory,
not on a deployment: signals/typing_rhythm.py caps it.
"""

import numpy as np

from authsvc.risk.keystroke.background import BACKGROUND, Background
from authsvc.risk.keystroke.features import FloatVector, features_s, kinds_of, log_times
from authsvc.risk.keystroke.profile import TypingProfile
from authsvc.risk.keystroke.sample import TypingSample

CLIP = 3.0


def log_ratio(profile: TypingProfile, sample: TypingSample, background: Background = BACKGROUND) -> float:
    """Return ln P(sample | owner) / P(sample | somebody else), calibrated; positive speaks for the owner.

    Raises:
        ValueError: the profile is of another number of keys.
    """
    logs = log_times(features_s(sample))
    if logs.shape != profile.location.shape:
        raise ValueError("the profile is of another number of keys")
    return background.gain * float(mean_ratio(profile, logs, background)) + background.offset


def mean_ratio(profile: TypingProfile, logs: FloatVector, background: Background = BACKGROUND) -> FloatVector:
    """Return the uncalibrated mean ratio of log times, shape (…, 3n - 2) -> (…)."""
    kind = kinds_of(logs.shape[-1])
    centre = background.intercept[kind] + background.slope[kind] * profile.location
    spread = background.between[kind]
    own = -np.log(2 * profile.spread) - np.abs(logs - profile.location) / profile.spread
    other = -np.log(2 * spread) - np.abs(logs - centre) / spread
    ratio: FloatVector = np.mean(np.clip(own - other, -CLIP, CLIP), axis=-1)
    return ratio
