"""In which ways a typing differs from its owner's rhythm: dimensionless figures, whatever the password. Pure.

Of log times x, the owner's location m and spread b, and where somebody else would type, a + c m with spread s:

    z = (x - m) / b         how far from the owner            r = (x - a - c m) / s      how far from somebody else

By kind of feature, each a mean over the keys, clipped so that no slip outweighs the rest:

    ratio       ln(s / b) - |z| + |r|: the log-likelihood ratio of two Laplace models
    near, far, outlying     |z| up to 1, 2.5 and 6: how much is off a little, clearly, wildly
    shift       z with its sign: slower or faster than the owner
    others, others_shift    |r| and r
    shape       |z - mean z|: what is left when the tempo is taken out
    pattern     correlation of x and m over the keys
    nearest     distance to the nearest kept typing
    runs        z times the next key's z
    log         ln(1 + |z|), which follows heavy tails
    steadiness  how far the owner strays, against people in general (says nothing of x: it moves the offset)

And of the whole: `nearby_*`, Gaussian models of five neighbouring deviations of the owner and of others (a
two-covariance model, as PLDA is, kept to three keys in a row so that it holds for every length); `kept_*`, distances to
the kept typings, also against those among themselves; `tempo`, the duration.

The logistic weights over these figures, learnt from other people, are in background.py.
"""

import numpy as np

from authsvc.risk.keystroke.background import Background
from authsvc.risk.keystroke.features import (
    KINDS,
    NEARBY,
    FloatVector,
    kinds_of,
    mean_by_kind,
    neighbourhoods,
    places_of,
)
from authsvc.risk.keystroke.profile import FAR, TypingProfile, distances, durations

BY_KIND = (
    "ratio",
    "near",
    "far",
    "outlying",
    "shift",
    "others",
    "others_shift",
    "shape",
    "pattern",
    "nearest",
    "runs",
    "log",
    "steadiness",
)
OF_THE_WHOLE = (
    "nearby_ratio",
    "nearby_own_log",
    "nearby_others_log",
    "nearby_own",
    "hold_and_gap",
    "kept_mean",
    "kept_nearest",
    "kept_next",
    "kept_mean_excess",
    "kept_nearest_excess",
    "own_spread",
    "own_distance",
    "tempo",
    "tempo_shift",
)
_KIND_NAMES = ("hold", "press_to_press", "release_to_press")
FIGURES = (*(f"{name}.{_KIND_NAMES[kind]}" for name in BY_KIND for kind in KINDS), *OF_THE_WHOLE)

RATIO_CLIP, NEARBY_CLIP, RUN_CLIP, TEMPO_CLIP = 3.0, 4.0, 3.0, 8.0
FLAT = 1e-3  # variance of log times below which there is no pattern to correlate with


def compare(profile: TypingProfile, logs: FloatVector, background: Background) -> FloatVector:
    """Return the figures of typings, shape (typings, 3n - 2) -> (typings, len(FIGURES)); finite for finite input."""
    kind, holds, gaps = places_of(logs.shape[1])
    z = (logs - profile.location) / profile.spread
    others = background.intercept[kind] + background.slope[kind] * profile.location
    between = background.between[kind]
    r = (logs - others) / between
    off, strange = np.abs(z), np.abs(r)
    z_cut, r_cut = np.clip(z, -FAR, FAR), np.clip(r, -FAR, FAR)
    cut = np.clip(z, -RUN_CLIP, RUN_CLIP)
    shift = mean_by_kind(z_cut)
    kept = distances(profile, logs)
    by_kind = (
        mean_by_kind(np.clip(np.log(between / profile.spread) - off + strange, -RATIO_CLIP, RATIO_CLIP)),
        mean_by_kind(np.minimum(off, 1.0)),
        mean_by_kind(np.minimum(off, 2.5)),
        mean_by_kind(np.minimum(off, 6.0)),
        shift,
        mean_by_kind(np.abs(r_cut)),
        mean_by_kind(r_cut),
        mean_by_kind(np.minimum(np.abs(z - shift[:, kind]), FAR)),
        _pattern(profile, logs),
        kept.min(axis=1),
        _runs(cut),
        mean_by_kind(np.log1p(off)),
        np.broadcast_to(profile.steadiness, (len(logs), len(KINDS))),
    )
    hold_and_gap = (cut[:, holds][:, :-1] * cut[:, gaps]).mean(axis=1)
    whole = (
        *_nearby(z_cut, r_cut, background),
        hold_and_gap,
        *_kept(profile, kept.mean(axis=2)),
        *_tempo(profile, logs),
    )
    return np.hstack([*by_kind, np.stack(whole, axis=1)])


def _pattern(profile: TypingProfile, logs: FloatVector) -> FloatVector:
    kind = kinds_of(logs.shape[1])
    typed = logs - mean_by_kind(logs)[:, kind]
    usual = profile.location - mean_by_kind(profile.location)[kind]
    scale = np.sqrt(mean_by_kind(typed * typed) * mean_by_kind(usual * usual) + FLAT)
    correlation: FloatVector = mean_by_kind(typed * usual) / scale
    return correlation


def _runs(cut: FloatVector) -> FloatVector:
    kind = kinds_of(cut.shape[1])
    products = np.zeros_like(cut)
    products[:, :-1] = cut[:, :-1] * cut[:, 1:] * (kind[:-1] == kind[1:])
    return mean_by_kind(products)


def _nearby(z: FloatVector, r: FloatVector, background: Background) -> tuple[FloatVector, ...]:
    own_inverse, others_inverse, determinants = background.nearby
    places = neighbourhoods(z.shape[1])
    z_near, r_near = z[:, places], r[:, places]
    own = ((z_near @ own_inverse) * z_near).sum(axis=2) / NEARBY
    others = ((r_near @ others_inverse) * r_near).sum(axis=2) / NEARBY
    ratio = np.clip((others - own) * NEARBY / 2 + determinants, -NEARBY_CLIP, NEARBY_CLIP)
    return (
        ratio.mean(axis=1),
        np.log1p(own).mean(axis=1),
        np.log1p(others).mean(axis=1),
        np.minimum(own.mean(axis=1), 8.0),
    )


def _kept(profile: TypingProfile, kept: FloatVector) -> tuple[FloatVector, ...]:
    mean, ordered = kept.mean(axis=1), np.sort(kept, axis=1)
    nearest, beside = ordered[:, 0], ordered[:, 1:3].mean(axis=1)
    return (
        mean,
        nearest,
        beside,
        mean - profile.own_distance,
        nearest - profile.own_nearest,
        np.full(len(kept), profile.own_spread),
        np.full(len(kept), profile.own_distance),
    )


def _tempo(profile: TypingProfile, logs: FloatVector) -> tuple[FloatVector, FloatVector]:
    off = np.clip((durations(logs) - profile.tempo) / profile.tempo_spread, -TEMPO_CLIP, TEMPO_CLIP)
    return np.abs(off), off
