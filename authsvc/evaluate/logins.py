"""How often owners are asked for more at a given share of attacks stopped: Freeman's model and ours, side by side.

For each kind of attack and each true-positive rate t, the threshold of a model is the highest that stops at least t of
these attacks; the re-authentication rate is the share of owners' sign-ins at or above it, by how many sign-ins the
account had before. This is the measure of Wiefling et al. (ACM TOPS 2022). Intervals are percentiles of the rate over
users drawn again with replacement, the threshold held.

Everything is scored in order of time by what was known before it. What the weights of our model were fitted on is in
docs/models/history.md; the file that is evaluated is never fitted to.

Limits: of a file with the column `Attacker` (authsvc simulate logins) every figure is a simulated one. An account
takeover that a file does not know of counts as its owner.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from authsvc.evaluate.logins_file import LoginsFile
from authsvc.evaluate.logins_pass import PARTS, Scored, score_all
from authsvc.risk.history.behaviour.weighing import GROUPS, QUIET, WEIGHTS

RATES = (0.95, 0.99, 0.999)
PAST = {"all": (1, None), "1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10-19": (10, 19), "20+": (20, None)}
ROUNDS = 200
GOAL_RATE, GOAL_KIND = 0.99, "targeted"
INPUTS = {
    "freeman": ["network /24, provider, country", "user agent, browser, system, kind of device", "number of sign-ins"],
    "ours": [str(part) for part in PARTS],
    "ours_unknown": ["device cookie", "language", "time_zone", "place", "typing"],
}

Floats = NDArray[np.float64]


def evaluate_logins(path: Path, most: int | None = None) -> dict[str, object]:
    """Return the report.

    Raises:
        ValueError: a column is missing, rows are not in order of time, or nobody attacks or signs in twice.
    """
    file = LoginsFile(path)
    scored = score_all(file.rows(most))
    kinds = [str(kind) for kind in np.unique(scored.attacker) if kind]
    owners = scored.at(scored.attacker == "")
    if not kinds or not len(owners.user):
        raise ValueError(f"{path}: needs owners who sign in twice, and attacks with a right password")
    scores = {"freeman": scored.freeman, "ours": ours(scored)}
    attackers = {kind: _of_kind(scored, scores, scored.attacker == kind) for kind in kinds}
    report: dict[str, object] = {
        "figures": "simulated" if file.attackers else "of this file",
        "sign_ins": len(owners.user),
        "users": len(np.unique(owners.user)),
        "unreadable_rows": file.unreadable,
        "inputs": INPUTS,
        "attackers": attackers,
    }
    if GOAL_KIND in attackers:
        rates = {name: _rate(attackers[GOAL_KIND], name) for name in scores}
        report["goal"] = {
            "what": f"re-authentication at {GOAL_RATE} of {GOAL_KIND} attacks, ours to Freeman's: at most 0.5",
            "ratio": rates["ours"] / rates["freeman"] if rates["freeman"] else None,
        }
    return report


def ours(scored: Scored, weights: Mapping[str, float] = WEIGHTS) -> Floats:
    """Return what weighing.score says of every row, all at once."""
    counted = scored.parts * [weights.get(str(part), 0.0) for part in PARTS]
    counted = np.where(np.abs(counted) < QUIET, 0.0, counted)
    total = np.zeros(len(counted))
    for group in GROUPS.values():
        columns = [place for place, part in enumerate(PARTS) if part in group.parts]
        total += np.clip(counted[:, columns].sum(axis=1), group.least, group.most)
    return total


def threshold(attacks: Floats, rate: float) -> float:
    """Return the highest threshold that stops at least this share of the attacks."""
    return float(np.sort(attacks)[int((1 - rate) * len(attacks) + 1e-9)])


def _of_kind(scored: Scored, scores: Mapping[str, Floats], attack: NDArray[np.bool_]) -> dict[str, object]:
    owner = scored.attacker == ""
    user, past = scored.user[owner], scored.past[owner]
    rates: dict[str, object] = {}
    for rate in RATES:
        asked = {name: each[owner] >= threshold(each[attack], rate) for name, each in scores.items()}
        rates[str(rate)] = {
            name: {label: _interval(user, each, _between(past, bounds)) for label, bounds in PAST.items()}
            for name, each in asked.items()
        }
    return {"attacks": int(attack.sum()), "reauthentication_at_true_positive_rate": rates}


def _between(past: NDArray[np.int64], bounds: tuple[int, int | None]) -> NDArray[np.bool_]:
    least, most = bounds
    return (past >= least) & (past <= (most if most is not None else np.inf))


def _interval(user: NDArray[np.int64], asked: NDArray[np.bool_], among: NDArray[np.bool_]) -> dict[str, object]:
    people, who = np.unique(user[among], return_inverse=True)
    if not len(people):
        return {"rate": None, "low": None, "high": None, "sign_ins": 0}
    number = np.bincount(who).astype(float)
    hits = np.bincount(who, weights=asked[among])
    drawn = np.random.default_rng(1).multinomial(len(people), np.full(len(people), 1 / len(people)), ROUNDS)
    found = (drawn @ hits) / np.maximum(drawn @ number, 1)
    low, high = np.quantile(found, (0.025, 0.975))
    return {
        "rate": float(hits.sum() / number.sum()),
        "low": float(low),
        "high": float(high),
        "sign_ins": int(number.sum()),
    }


def _rate(of_kind: Mapping[str, object], model: str) -> float:
    at: object = of_kind["reauthentication_at_true_positive_rate"]
    for step in (str(GOAL_RATE), model, "all", "rate"):
        assert isinstance(at, dict)
        at = at[step]
    assert isinstance(at, float)
    return at
