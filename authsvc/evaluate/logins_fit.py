"""Fit what each part of the behaviour model counts for (risk/history/behaviour/weighing.py). Wraps scipy.

Logistic regression of attack against owner on the parts, weights from nought to MOST, both sides weighing as much in
total and each kind of attack as much as another. Fitted on a file of its own, never on one that it is judged by.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from authsvc.evaluate.logins_file import LoginsFile
from authsvc.evaluate.logins_pass import PARTS, Scored, score_all

MOST = 2.0


def fit_file(path: Path) -> dict[str, object]:
    """Return what is written to weights.json.

    Raises:
        ValueError: no attacks, or no owners, that could be scored.
    """
    scored = score_all(LoginsFile(path).rows())
    return {
        "weights": {str(name): round(weight, 4) for name, weight in fit(scored).items()},
        "owners": int((scored.attacker == "").sum()),
        "attacks": int((scored.attacker != "").sum()),
    }


def fit(scored: Scored) -> dict[str, float]:
    """Return a weight for each of PARTS. Raises ValueError: one side is empty."""
    kinds, side, sizes = np.unique(scored.attacker, return_inverse=True, return_counts=True)
    attack = (scored.attacker != "").astype(float)
    if len(kinds) < 2 or not attack.any() or attack.all():
        raise ValueError("a fit needs sign-ins of owners and of attackers")
    share = np.where(kinds == "", 0.5, 0.5 / (kinds != "").sum()) / sizes
    weight = share[side]

    def loss(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, object]:
        logit = scored.parts @ values[:-1] + values[-1]
        wrong = weight * (np.logaddexp(0, logit) - attack * logit)
        slope = weight * (1 / (1 + np.exp(-logit)) - attack)
        return float(wrong.sum()), np.append(scored.parts.T @ slope, slope.sum())

    bounds = [(0.0, MOST)] * len(PARTS) + [(None, None)]
    found = minimize(loss, np.full(len(PARTS) + 1, 0.5), jac=True, method="L-BFGS-B", bounds=bounds)
    return dict(zip(PARTS, map(float, found.x[:-1]), strict=True))
