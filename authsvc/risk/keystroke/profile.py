"""An account's own rhythm: a robust centre and spread per feature, from its newest sign-ins. Pure.

A typing that is k typings old weighs 0.5 ** (k / HALF_LIFE); N is what the weights are worth, (sum w)^2 / sum w^2.

    location_i = weighted median of the log times
    spread_i   = (N * mad_i + PRIOR_N * within_k) / (N + PRIOR_N)

mad_i is the weighted mean distance from the median (the maximum-likelihood scale of a Laplace distribution); it is
drawn towards within_k, how far people usually stray on features of kind k, because few typings tell little of a spread.

The newest count most because a rhythm drifts as a password becomes familiar; beyond WINDOW nothing is kept.
A profile is of one account, field, kind of input, version of the password, and number of keys: a sample with a
corrected slip has more keys, and is compared with others like it or with none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from authsvc.risk.keystroke.background import Background
from authsvc.risk.keystroke.features import FloatVector, features_of, log_times, mean_by_kind, places_of
from authsvc.risk.keystroke.sample import TypingSample

READY_AT = 5  # samples before a profile says anything
WINDOW = 20
HALF_LIFE = 6.0  # typings
PRIOR_N = 15.0  # how many samples the population's spread is worth
FAR = 4.0  # spreads; further away is as far
NO_SPREAD = 0.1  # keeps the log of a spread finite


@dataclass(frozen=True)
class TypingProfile:
    """Centre and spread of the log times, shape (3n - 2,) each; and how the kept typings lie among themselves."""

    location: FloatVector
    spread: FloatVector
    kept: FloatVector  # the log times themselves, (typings, 3n - 2)
    steadiness: FloatVector  # by kind: mean log of mad over what is usual
    own_distance: float  # mean distance between two kept typings
    own_nearest: float  # mean distance of each to the nearest other
    own_spread: float  # mean distance to the centre
    tempo: float
    tempo_spread: float


def fit_profile(
    newest_first: Sequence[TypingSample], like: TypingSample, background: Background
) -> TypingProfile | None:
    """Return the profile that `like` can be compared with; None while there are fewer than READY_AT samples.

    Samples of another field, kind of input or number of keys are passed over.
    """
    kin = [
        sample
        for sample in newest_first
        if sample.usable
        and (sample.field, sample.input_kind, len(sample.events)) == (like.field, like.input_kind, len(like.events))
    ][:WINDOW]
    if len(kin) < READY_AT:
        return None
    return fit_logs(log_times(features_of(kin)), background)


def fit_logs(logs: FloatVector, background: Background) -> TypingProfile:
    """Return the profile of log times, newest first, shape (samples, 3n - 2), samples at least 2."""
    kind, _, _ = places_of(logs.shape[1])
    weight = 0.5 ** (np.arange(len(logs)) / HALF_LIFE)
    weight /= weight.sum()
    worth = 1 / float(weight @ weight)
    location = weighted_median(logs, weight)
    off = np.abs(logs - location)
    mad, usual = weight @ off, background.within[kind]
    spread = (worth * mad + PRIOR_N * usual) / (worth + PRIOR_N)
    apart = np.minimum(np.abs(logs[:, None] - logs) / spread, FAR)
    between = mean_by_kind(apart).mean(axis=2)
    count, tempi = len(logs), durations(logs)
    tempo = float(np.median(tempi))
    strays = float(np.abs(tempi - tempo).sum())
    return TypingProfile(
        location=location,
        spread=spread,
        kept=logs,
        steadiness=mean_by_kind(np.log(NO_SPREAD + mad / usual)),
        own_distance=float(between.sum()) / (count * (count - 1)),
        own_nearest=float(np.mean(np.min(between + FAR * np.eye(count), axis=1))),
        own_spread=float(mean_by_kind(np.minimum(off / spread, FAR)).mean()),
        tempo=tempo,
        tempo_spread=(strays + PRIOR_N * background.tempo) / (count + PRIOR_N),
    )


def distances(profile: TypingProfile, logs: FloatVector) -> FloatVector:
    """Return how far typings lie from each kept one, by kind: (m, 3n - 2) -> (m, kept, 3), in clipped spreads."""
    return mean_by_kind(np.minimum(np.abs(logs[:, None] - profile.kept) / profile.spread, FAR))


def durations(logs: FloatVector) -> FloatVector:
    """Return the log of the time from the first press to the last, (m, 3n - 2) -> (m,)."""
    _, _, gaps = places_of(logs.shape[1])
    total: FloatVector = np.log(np.exp(logs[:, gaps]).sum(axis=1))
    return total


def weighted_median(values: FloatVector, weight: FloatVector) -> FloatVector:
    """Return the median over the first axis; weights add up to 1."""
    order = np.argsort(values, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0) >= 0.5 - 1e-9
    columns = np.arange(values.shape[1])
    middle: FloatVector = values[order[reached.argmax(axis=0), columns], columns]
    return middle
