"""How people in general type: what an account's own rhythm is compared with. Pure, and one file that is read once.

Everything is said by *kind* of feature (hold, press-to-press, release-to-press) or by place within three keys in a row,
never by key: a password that nobody else has is scored with the same numbers. On log times:

    within                      how far a person strays from their own median within ten typings (mean distance)
    intercept, slope, between   where somebody else's time lies when the owner's median is m: intercept + slope * m, and
                                how far it scatters about that. A slope of 0 (holds): the owner's time says nothing of
                                others'; 0.7 (gaps): a key that is hard for one is hard for all.
    tempo                       how far a person's whole duration strays
    nearby_own, nearby_others   covariances of five neighbouring deviations (features.neighbourhoods), each divided by
                                its spread: what somebody is late with on one key, they are late with on the next
    weights, offset             from the figures of comparison.py to calibrated log-odds

background.json was fitted by `authsvc train keystroke` on 26 of the 51 people of the CMU fixed-text set (Killourhy &
Maxion, "Comparing Anomaly-Detection Algorithms for Keystroke Dynamics", DSN 2009): one password of ten characters and
Return, one keyboard, one laboratory. The data itself is no part of authsvc. Its version is the hash of its content.
Touch input uses the same numbers, for want of measured ones.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785

from authsvc.risk.keystroke.features import NEARBY, FloatVector

FORMAT = 1
SHIPPED = Path(__file__).with_name("background.json")


@dataclass(frozen=True, eq=False)
class Background:
    """The first four are indexed by the kind of feature (features.KINDS), `weights` by comparison.FIGURES."""

    within: FloatVector
    intercept: FloatVector
    slope: FloatVector
    between: FloatVector
    tempo: float
    nearby_own: FloatVector
    nearby_others: FloatVector
    weights: FloatVector
    offset: float
    version: str = "unsaved"
    trained_on: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def nearby(self) -> tuple[FloatVector, FloatVector, float]:
        """The inverses of both covariances, and half the difference of their log determinants."""
        own, others = (np.asarray(np.linalg.inv(each), np.float64) for each in (self.nearby_own, self.nearby_others))
        return own, others, float(np.linalg.slogdet(own)[1] - np.linalg.slogdet(others)[1]) / 2


def to_json(background: Background, *, names: tuple[str, ...], trained_on: Mapping[str, Any]) -> str:
    """Return the text of a background's file. Args: names of the figures that the weights belong to."""
    content = {
        "format": FORMAT,
        "trained_on": dict(trained_on),
        **{each: _numbers(getattr(background, each)) for each in _VECTORS},
        "tempo": _number(background.tempo),
        "weights": {name: _number(weight) for name, weight in zip(names, background.weights, strict=True)},
        "offset": _number(background.offset),
    }
    return json.dumps(content, indent=1) + "\n"


def from_json(text: str, *, names: tuple[str, ...]) -> Background:
    """Return the background that `to_json` wrote.

    Raises:
        ValueError: it is of another format, or has other figures.
    """
    content = json.loads(text)
    if content.get("format") != FORMAT or set(content["weights"]) != set(names):
        raise ValueError("the background's file is of another version of the code")
    vectors = {each: np.array(content[each], np.float64) for each in _VECTORS}
    shapes = {each.shape for each in vectors.values()}
    if shapes != {(3,), (NEARBY, NEARBY)}:
        raise ValueError("the background's file has vectors of other lengths")
    return Background(
        **vectors,
        tempo=content["tempo"],
        weights=np.array([content["weights"][name] for name in names]),
        offset=content["offset"],
        version=hashlib.sha256(rfc8785.dumps(content)).hexdigest()[:16],
        trained_on=content["trained_on"],
    )


_VECTORS = ("within", "intercept", "slope", "between", "nearby_own", "nearby_others")


def _numbers(values: FloatVector) -> Any:
    return [_numbers(each) for each in values] if values.ndim > 1 else [_number(each) for each in values]


def _number(value: float) -> float:
    return float(f"{value:.6g}")  # more digits would only tell which machine added them up
