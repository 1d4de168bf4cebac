"""How right the probabilities of decisions are: Brier score, ECE and a reliability diagram, against labels only.

Three sources, and the report says which:

    labels     what analysts said of a deployment's decisions. Customers' words are counted, and nothing is judged by
               them. Analysts look at what looks odd, so the share of attacks is far above the base rate: figures are of
               these decisions and of no others.
    file       a CSV with the columns `probability` and `label` (1 or 0; compromised or safe), and, if there is one,
               `account`, over which intervals are drawn.
    simulated  sign-ins of `authsvc simulate logins`, scored by what the behaviour model can see of them under the
               policy that ships. Called simulated everywhere; says nothing of a deployment.

Where there are fewer than LEAST labels of either side, figures are null and nothing is drawn.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from authsvc.accounts.levels import Level
from authsvc.evaluate.calibration import Calibration, calibration
from authsvc.evaluate.logins_file import LoginsFile
from authsvc.evaluate.logins_pass import PARTS, score_all
from authsvc.evaluate.rates import Interval
from authsvc.risk.context import BehaviourFacts, RiskContext, Trigger
from authsvc.risk.feedback.labels import Labelled
from authsvc.risk.policy import Policy, assess

LEAST = 10  # labels of each side
ATTACK, OWNER = ("1", "1.0", "true", "compromised"), ("0", "0.0", "false", "safe")


@dataclass(frozen=True)
class Judged:
    """Probabilities, what came true, and whose they are."""

    source: str
    weights: str
    said: Sequence[float]
    attack: Sequence[bool]
    people: Sequence[str]
    beside: Mapping[str, object] = field(default_factory=dict)


def evaluate(judged: Judged) -> tuple[dict[str, object], Calibration | None]:
    """Return the report, and what to draw: None where there are too few labels."""
    attacks = sum(judged.attack)
    sides = {"attack": attacks, "owner": len(judged.attack) - attacks}
    report: dict[str, object] = {"source": judged.source, "weights": judged.weights, "labels": sides, **judged.beside}
    if min(sides.values()) < LEAST:
        report["missing"] = f"calibration is reported against labels only, from {LEAST} of each side on"
        return {**report, "brier": None, "ece": None, "bins": None}, None
    found = calibration(np.array(judged.said), np.array(judged.attack, np.float64), judged.people)
    bins = [{"said": each.said, "came_true": _interval(each.came_true), "labels": each.count} for each in found.bins]
    return {**report, "brier": _interval(found.brier), "ece": _interval(found.ece), "bins": bins}, found


def of_labels(labelled: Sequence[Labelled], weights: str, left_out: Mapping[str, int]) -> Judged:
    """Return what analysts labelled, with the probabilities as they were decided."""
    said = [each for each in labelled if each.attack is not None and not each.by_customer]
    return Judged(
        "labels",
        weights,
        [each.probability for each in said],
        [bool(each.attack) for each in said],
        [each.account_id or each.decision_id for each in said],
        {
            "by_label": dict(sorted(Counter(str(each.label) for each in labelled).items())),
            "labelled_by_analysts": len({each.labelled_by for each in said}),
            "left_out": dict(left_out),
        },
    )


def of_file(path: Path) -> Judged:
    """Return what a file holds.

    Raises:
        ValueError: a column is missing, or a value makes no sense; the message names the line.
    """
    rows = list(_rows(path))
    return Judged("file", "not known", [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def of_simulated(path: Path, policy: Policy, most: int | None = None) -> Judged:
    """Return what the engine says of simulated sign-ins.

    Raises:
        ValueError: it can't be read, or was not simulated.
    """
    file = LoginsFile(path)
    scored = score_all(file.rows(most))
    if not file.attackers:
        raise ValueError(f"{path}: the column Attacker of `authsvc simulate logins` is missing")
    said = [
        assess(policy, _context(row, int(past))).probability
        for row, past in zip(scored.parts, scored.past, strict=True)
    ]
    beside = {"not_simulated": ["device cookie", "typing", "failures", "language", "time zone"]}
    attack = [bool(kind) for kind in scored.attacker]
    return Judged("simulated", policy.weights.source, said, attack, [str(user) for user in scored.user], beside)


def _context(parts: Sequence[float], past: int) -> RiskContext:
    known = tuple(sorted((str(name), float(part)) for name, part in zip(PARTS, parts, strict=True) if part))
    return RiskContext(Trigger.PASSWORD, Level.PWD, behaviour=BehaviourFacts(known), sign_ins=past)


def _rows(path: Path) -> Iterator[tuple[float, bool, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"probability", "label"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: the columns {', '.join(sorted(missing))} are missing")
        for row in reader:
            label = (row["label"] or "").strip().lower()
            try:
                probability = float(row["probability"] or "")
            except ValueError:
                probability = -1.0
            if not 0 <= probability <= 1 or label not in ATTACK + OWNER:
                raise ValueError(f"{path}, line {reader.line_num}: needs a probability from 0 to 1, and a label")
            yield probability, label in ATTACK, row.get("account") or f"line {reader.line_num}"


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.rate, "low": interval.low, "high": interval.high}
