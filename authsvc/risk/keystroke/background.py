"""How people in general type a password: what the owner's profile is compared with. Pure.

Per kind k of feature, on log times:
    within                      how far a person strays from their own median within ten repetitions (mean distance)
    intercept, slope, between   where somebody else's time lies when the owner's median is m: intercept + slope * m, and
                                how far it scatters about that. A slope of 0 (holds): the owner's time says nothing of
                                others'; 0.7 (gaps): a key that is hard for one is hard for all.
    gain, offset                from the detector's mean ratio to calibrated log-odds

BACKGROUND was fitted by training.py on 13 of the 26 people (s002 to s028) of that part of the CMU fixed-text set which
the project may use (Killourhy & Maxion, "Comparing Anomaly-Detection Algorithms for Keystroke Dynamics", DSN 2009): one
password of ten characters, one keyboard, one laboratory. The data itself is no part of authsvc. Touch input uses
the same numbers, for want of measured ones.
"""

from dataclasses import dataclass

import numpy as np

from authsvc.risk.keystroke.features import FloatVector


@dataclass(frozen=True)
class Background:
    """Arrays are indexed by the kind of feature (features.KINDS)."""

    within: FloatVector
    intercept: FloatVector
    slope: FloatVector
    between: FloatVector
    gain: float = 1.0
    offset: float = 0.0


BACKGROUND = Background(
    within=np.array([0.0992, 0.1575, 0.0805]),
    intercept=np.array([-2.4978, -0.0354, 0.0894]),
    slope=np.array([-0.0098, 0.6773, 0.7539]),
    between=np.array([0.2588, 0.4945, 0.3160]),
    gain=6.239,
    offset=-0.342,
)
