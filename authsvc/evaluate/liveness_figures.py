"""The figures of ISO/IEC 30107-3 for presentations whose log-odds are known. Pure.

    APCER   share of attack presentations that pass as a person, for each kind of attack; of all kinds the worst counts
    BPCER   share of persons' presentations that are taken for an attack

At the shipped operating point, and as a trade-off: the equal-error rate, and APCER where BPCER is at most 5 %. The
first interval (Clopper-Pearson) takes presentations for independent, which those of one person are not; the second
draws people again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from authsvc.evaluate.presentations import CAPTURE
from authsvc.evaluate.rates import Curve, bootstrap_interval, curve, equal_error_rate, exact_interval

OPERATING_POINT = 0.0  # settings.FaceSettings.attack_limit; log-odds from which on a presentation is refused
PER_CAPTURE = f"per_capture_of_{CAPTURE}"
Report = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One presentation, a frame or a capture, and the log-odds that it is an attack."""

    person: str
    attack: str | None
    log_odds: float


def figures(frames: Sequence[Trial], five: Sequence[Trial], drawn: int = 1000) -> Report:
    """Return all figures, those of captures first. Args: drawn: how often people are drawn again; 0 for never."""
    per_frame, per_capture = _rates(frames, drawn), _rates(five, drawn)
    headline = {name: per_capture[name] for name in ("eer", "apcer_at_bpcer_5")}
    by_person = _by_person(frames, five)
    return {
        **headline,
        "per_frame": per_frame,
        PER_CAPTURE: per_capture,
        "by_person": by_person,
        "worst_person": max(by_person, key=lambda person: float(by_person[person]["worst"])),
    }


def _rates(trials: Sequence[Trial], drawn: int) -> Report:
    kinds = _kinds(trials)
    live = [trial for trial in trials if trial.attack is None]
    if not live or not kinds:
        raise ValueError("too few frames one after another for a capture")
    bpcer = at_operating_point(live, drawn)
    attacks: dict[str, Report] = {}
    for kind in kinds:
        own = [trial for trial in trials if trial.attack == kind]
        passed = at_operating_point(own, drawn)
        eer, apcer = _trade_off(live, own)
        attacks[kind] = {"eer": eer, "apcer_at_bpcer_5": apcer, "apcer": passed, "bpcer": bpcer, "trials": len(own)}
    worst = {name: max(float(each[name]) for each in attacks.values()) for name in ("eer", "apcer_at_bpcer_5")}
    return {**worst, "live": len(live), "attacks": attacks}


def _trade_off(live: Sequence[Trial], attack: Sequence[Trial]) -> tuple[float, float]:
    genuine, impostor = [-trial.log_odds for trial in live], [-trial.log_odds for trial in attack]
    both = curve(genuine, impostor)
    return equal_error_rate(genuine, impostor), float(both.fmr[both.fnmr <= 0.05].min())


def at_operating_point(trials: Sequence[Trial], drawn: int) -> Report:
    """Return how many of these presentations, all of people or all attacks, are taken for the other."""
    wrong = [_is_wrong(trial) for trial in trials]
    found = share(sum(wrong), len(wrong))
    if not drawn:
        return found
    by_person: dict[str, list[bool]] = {}
    for trial, is_wrong in zip(trials, wrong, strict=True):
        by_person.setdefault(trial.person, []).append(is_wrong)

    def rate(people: Sequence[str]) -> float:
        return float(np.mean(np.concatenate([by_person[person] for person in people])))

    people = bootstrap_interval(sorted(by_person), rate, rounds=drawn)
    return {**found, "interval_over_people": [people.low, people.high]}


def _is_wrong(trial: Trial) -> bool:
    taken_for_attack = trial.log_odds >= OPERATING_POINT
    return taken_for_attack == (trial.attack is None)


def share(hits: int, of: int) -> Report:
    """Return a rate and its exact interval."""
    exact = exact_interval(hits, of)
    return {"rate": exact.rate, "wrong": hits, "of": of, "interval": [exact.low, exact.high]}


def _by_person(frames: Sequence[Trial], five: Sequence[Trial]) -> dict[str, Report]:
    found: dict[str, Report] = {}
    for person in sorted({trial.person for trial in frames}):
        per = {"frame": _wrong_by_kind(frames, person), "capture": _wrong_by_kind(five, person)}
        found[person] = {**per, "worst": max(per["frame"].values(), default=0.0)}
    return found


def _wrong_by_kind(trials: Sequence[Trial], person: str) -> dict[str, float]:
    own: dict[str, list[bool]] = {}
    for trial in trials:
        if trial.person == person:
            own.setdefault(trial.attack or "live", []).append(_is_wrong(trial))
    return {kind: float(np.mean(wrong)) for kind, wrong in own.items()}


def over_splits(splits: Sequence[Report]) -> Report:
    """Return mean and worst of each figure; splits share people, so there is no interval to be had from them."""
    found: Report = {name: float(np.mean([each[name] for each in splits])) for name in ("eer", "apcer_at_bpcer_5")}
    for level in ("per_frame", PER_CAPTURE):
        kinds = splits[0][level]["attacks"]
        found[level] = {kind: _spread([each[level]["attacks"][kind] for each in splits]) for kind in kinds}
    return found


def _spread(found: Sequence[Report]) -> Report:
    figures: dict[str, list[float]] = {name: [each[name] for each in found] for name in ("eer", "apcer_at_bpcer_5")}
    figures |= {name: [each[name]["rate"] for each in found] for name in ("apcer", "bpcer")}
    return {name: {"mean": float(np.mean(all_)), "worst": max(all_)} for name, all_ in figures.items()}


def det_curves(trials: Iterable[Trial]) -> dict[str, Curve]:
    """Return one trade-off for each kind of attack; scores turned round, so that a person's are high."""
    known = list(trials)
    live = [-trial.log_odds for trial in known if trial.attack is None]
    return {kind: curve(live, [-t.log_odds for t in known if t.attack == kind]) for kind in _kinds(known)}


def _kinds(trials: Sequence[Trial]) -> list[str]:
    return sorted({trial.attack for trial in trials if trial.attack is not None})
