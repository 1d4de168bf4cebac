"""What each group of reasons is worth, and what its bound is for: the behaviour signals with one thing left out. Pure.

For each kind of attack the report gives the share of owners' sign-ins that are asked for more when 99 % of the attacks
are stopped, under

    all            every group, each within its bounds (signals/groups.py)
    without GROUP  the same without one group
    only GROUP     one group alone
    unbounded      parts with their weights, without the groups' bounds
    independent    parts added up at full weight, as if each said something of its own

and, of owners' sign-ins, how strongly parts of one group go together (mean absolute correlation), beside parts of
different groups: what goes together must not count twice.

Limits: only what a file of sign-ins holds: place, device, hour, line. Of a simulated file every figure is simulated.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from authsvc.evaluate.logins import threshold
from authsvc.evaluate.logins_file import LoginsFile
from authsvc.evaluate.logins_pass import PARTS, Scored, score_all
from authsvc.risk.history.behaviour.weighing import QUIET, WEIGHTS
from authsvc.risk.signals.groups import GROUP_OF, GROUPS

STOPPED = 0.99

Floats = NDArray[np.float64]


def evaluate_ablation(path: Path, most: int | None = None) -> dict[str, object]:
    """Return the report.

    Raises:
        ValueError: as evaluate_logins.
    """
    file = LoginsFile(path)
    scored = score_all(file.rows(most))
    kinds = [str(kind) for kind in np.unique(scored.attacker) if kind]
    if not kinds or not (scored.attacker == "").any():
        raise ValueError(f"{path}: needs owners who sign in twice, and attacks with a right password")
    said = _by_group(scored)
    groups = [group.name for group in GROUPS if group.name in said]
    bounded = {name: _bounded(name, said[name].sum(axis=1)) for name in groups}
    variants: dict[str, Floats] = {"all": _sum(bounded.values())}
    variants |= {f"without {name}": _sum(v for other, v in bounded.items() if other != name) for name in groups}
    variants |= {f"only {name}": bounded[name] for name in groups}
    variants["unbounded"] = _sum(each.sum(axis=1) for each in said.values())
    variants["independent"] = scored.parts.sum(axis=1)
    return {
        "figures": "simulated" if file.attackers else "of this file",
        "owners_asked_when_stopping": STOPPED,
        "sign_ins": int((scored.attacker == "").sum()),
        "asked": {name: {kind: _asked(scored, values, kind) for kind in kinds} for name, values in variants.items()},
        "parts": {name: [str(part) for part in PARTS if _group_of(str(part)) == name] for name in groups},
        "correlation_of_owners": _correlation(scored, said),
    }


def table(report: Mapping[str, object]) -> list[str]:
    """Return the report as lines of Markdown."""
    asked = report["asked"]
    assert isinstance(asked, dict)
    kinds = sorted(next(iter(asked.values())))
    lines = [f"| | {' | '.join(kinds)} |", f"| --- |{' ---: |' * len(kinds)}"]
    return lines + [f"| {name} | {' | '.join(f'{of[kind]:.1%}' for kind in kinds)} |" for name, of in asked.items()]


def _group_of(part: str) -> str:
    return GROUP_OF[f"behaviour.{part}"].name


def _by_group(scored: Scored) -> dict[str, Floats]:
    counted = scored.parts * [WEIGHTS.get(str(part), 0.0) for part in PARTS]
    counted = np.where(np.abs(counted) < QUIET, 0.0, counted)
    names = [_group_of(str(part)) for part in PARTS]
    of_group = {name: [place for place, each in enumerate(names) if each == name] for name in dict.fromkeys(names)}
    return {name: counted[:, columns] for name, columns in of_group.items()}


def _bounded(name: str, values: Floats) -> Floats:
    group = next(each for each in GROUPS if each.name == name)
    return np.clip(values, group.least, group.most)


def _sum(values: Iterable[Floats]) -> Floats:
    return np.asarray(np.sum(np.stack(list(values)), axis=0))


def _asked(scored: Scored, values: Floats, kind: str) -> float:
    limit = threshold(values[scored.attacker == kind], STOPPED)
    return float((values[scored.attacker == ""] >= limit).mean())


def _correlation(scored: Scored, said: Mapping[str, Floats]) -> dict[str, float | None]:
    owner = scored.attacker == ""
    columns = [(name, values[owner, place]) for name, values in said.items() for place in range(values.shape[1])]
    within: list[float] = []
    across: list[float] = []
    for (left, first), (right, second) in combinations(columns, 2):
        if first.std() > 0 and second.std() > 0:
            (within if left == right else across).append(abs(float(np.corrcoef(first, second)[0, 1])))
    return {name: float(np.mean(each)) if each else None for name, each in (("within", within), ("across", across))}
