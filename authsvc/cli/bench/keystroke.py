"""`authsvc bench --only keystroke`: what it costs to fit a profile and to score one typing against it, nothing else."""

import time

import numpy as np

from authsvc.risk.keystroke.automation import findings
from authsvc.risk.keystroke.detector import log_ratio, shipped
from authsvc.risk.keystroke.profile import WINDOW, fit_profile
from authsvc.risk.keystroke.sample import InputKind, TypedField, TypingSample

KEYS = 16
ROUNDS = 3000
WARM_UP = 200


def measure_keystroke() -> dict[str, float]:
    """Return milliseconds of processor time: a profile of WINDOW typings, a score against it, a look for programs."""
    random, background = np.random.default_rng(1), shipped()
    kept = [_typing(random) for _ in range(WINDOW)]
    fitted, scored, looked = [], [], []
    for _ in range(WARM_UP + ROUNDS):
        typed = _typing(random)
        start = time.thread_time()
        profile = fit_profile(kept, typed, background)
        after_fit = time.thread_time()
        assert profile is not None  # WINDOW typings of one kind are enough
        log_ratio(profile, typed, background)
        after_score = time.thread_time()
        findings(typed, kept)
        fitted.append(after_fit - start)
        scored.append(after_score - after_fit)
        looked.append(time.thread_time() - after_score)
    found: dict[str, float] = {}
    for name, each in (("profile", fitted), ("score", scored), ("automation", looked)):
        for share, quantile in (("p50", 0.5), ("p99", 0.99)):
            found[f"keystroke_{name}_ms_{share}"] = round(1000 * float(np.quantile(each[WARM_UP:], quantile)), 3)
    return found


def _typing(random: np.random.Generator) -> TypingSample:
    presses = np.concatenate([[0], np.cumsum(random.integers(80_000, 250_000, KEYS - 1))])
    holds = random.integers(60_000, 130_000, KEYS)
    times = tuple((int(press), int(press + hold)) for press, hold in zip(presses, holds, strict=True))
    return TypingSample(TypedField.PASSWORD, InputKind.KEYBOARD, times)
