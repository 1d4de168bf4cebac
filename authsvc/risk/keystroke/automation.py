"""Signs that no person typed this: a script's even hand, its speed, or a recording played back. Pure.

    automation.zero_variance      holds and gaps all but equal: a loop with a fixed delay
    automation.impossible_speed   half of the keys faster than anybody types
    automation.replayed           the same times as an earlier sign-in, to the last digit or nearly so

The bounds stand below what people do, because a finding asks for a step-up however familiar the rest is. In the 10,400
typings of the CMU set at hand (26 people): standard deviation of the holds at least 2.7 ms, of the gaps 32 ms; median
hold at least 48 ms, median gap 88 ms; the nearest of 20 earlier typings at least 4.4 ms away on average, and (every
second typing) never nearer than 0.29 of how near the earlier ones lie to one another.
Touch keyboards report press and release together, so holds are only looked at for hardware keyboards.

Limits: a script that draws its delays from a distribution passes all three; the rhythm itself has to tell it. A replay
is only found among samples that were kept, which takes the person's consent.
"""

import hashlib
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from authsvc.risk.keystroke.features import FloatVector, features_of, features_s
from authsvc.risk.keystroke.sample import InputKind, TypingSample

ZERO_VARIANCE = "automation.zero_variance"
IMPOSSIBLE_SPEED = "automation.impossible_speed"
REPLAYED = "automation.replayed"
FINDINGS = (ZERO_VARIANCE, IMPOSSIBLE_SPEED, REPLAYED)

MIN_KEYS = 6  # below it even people may be even
SAME_S = 0.0015  # standard deviation of holds and of gaps; a browser's clock ticks in 0.1 to 1 ms
FASTEST_GAP_S = 0.025
FASTEST_HOLD_S = 0.010
NEAR_S = 0.003  # mean distance from an earlier sample: a recording with +-3 ms of noise is still found
NEAR_SHARE = 0.25  # of the usual distance to the nearest: people who vary much can't come that near to themselves
MIN_KEPT = 5  # samples that tell how near is usual


def findings(
    sample: TypingSample | None, earlier: Sequence[TypingSample] = (), *, seen_before: bool = False
) -> tuple[str, ...]:
    """Return the reason codes of what was found, in the order of FINDINGS.

    Args:
        earlier: samples kept of this account and field.
        seen_before: whether the fingerprint of this sample was kept before.
    """
    if sample is None or not sample.usable:
        return ()
    features = features_s(sample)
    keys = len(sample.events)
    enough = keys >= MIN_KEYS
    found = {
        ZERO_VARIANCE: enough and _is_even(features, keys),
        IMPOSSIBLE_SPEED: enough and _is_too_fast(features, keys, sample.input_kind),
        REPLAYED: seen_before or (enough and _is_near(sample, features, earlier)),
    }
    return tuple(code for code in FINDINGS if found[code])


def fingerprint(account_id: str, sample: TypingSample) -> str:
    """Return a digest of the exact times, to be stored as a keyed hash only: it says when the same ones come again."""
    text = ";".join(f"{press},{release}" for press, release in sample.events)
    return hashlib.sha256(f"{account_id}|{sample.field}|{text}".encode()).hexdigest()


def _is_even(features: FloatVector, keys: int) -> bool:
    holds, gaps = features[:keys], features[keys : 2 * keys - 1]
    return bool(holds.std() < SAME_S and gaps.std() < SAME_S)


def _is_too_fast(features: FloatVector, keys: int, kind: InputKind) -> bool:
    holds, gaps = features[:keys], features[keys : 2 * keys - 1]
    held = kind is InputKind.KEYBOARD and median(holds.tolist()) < FASTEST_HOLD_S
    return bool(held or median(gaps.tolist()) < FASTEST_GAP_S)


def _is_near(sample: TypingSample, features: FloatVector, earlier: Iterable[TypingSample]) -> bool:
    keys = len(sample.events)
    same = [each for each in earlier if each.usable and (each.field, len(each.events)) == (sample.field, keys)]
    if not same:
        return False
    independent = 2 * keys - 1  # holds and gaps; the rest follows from them
    kept = features_of(same)[:, :independent]
    distances = np.abs(kept - features[:independent]).mean(axis=1)
    return bool(distances.min() < max(NEAR_S, NEAR_SHARE * _usual_s(kept)))


def _usual_s(kept: FloatVector) -> float:
    """Return the median distance of a kept sample to the nearest other; 0.0 where too few are kept."""
    if len(kept) < MIN_KEPT:
        return 0.0
    apart = np.abs(kept[:, None] - kept).mean(axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))
