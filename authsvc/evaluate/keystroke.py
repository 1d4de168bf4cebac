"""How right the typing detector is, on people who are in no training data.

Each subject in turn is the owner; impostors are the first five repetitions of every other subject. Scores are the
log-odds of risk/keystroke/detector.py with the background that ships: nothing is trained on the file.

    classic     enrol on repetitions 1 to 200 (the profile keeps the newest WINDOW), test 201 to 400
    recent      enrol on 191 to 200, test 201 to 400
    shop        enrol on 1 to 10, then 11 to 400 in order. A genuine typing of at least ACCEPTED_AT is taken into the
                profile; impostors are tried on the profile of the moment at every IMPOSTORS_EVERY-th repetition,
                from the first on, and all of an owner's trials make one curve

ACCEPTED_AT is where signals/typing_rhythm.py begins to speak against the owner. authsvc itself learns more, namely from
whoever completes the sign-in, by another proof if need be.

EER and FNMR are of each subject, with a threshold of their own, then averaged; `one_threshold` has one for all, as a
deployment does. Calibration weighs owners and impostors alike.

Forged typings know the password and the population, not the owner: `drawn` draws each hold and gap from the log-normal
distribution of all other subjects at that key; `typical` plays the other subjects' median rhythm, as steadily as a
person does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from authsvc.evaluate.rates import bootstrap_interval, equal_error_rate, fnmr_at_fmr
from authsvc.evaluate.typings_file import Typings
from authsvc.risk.keystroke.automation import REPLAYED, findings
from authsvc.risk.keystroke.background import Background, to_json
from authsvc.risk.keystroke.comparison import FIGURES
from authsvc.risk.keystroke.detector import log_ratios, shipped
from authsvc.risk.keystroke.features import FloatVector, log_times
from authsvc.risk.keystroke.profile import WINDOW, TypingProfile, fit_logs
from authsvc.risk.keystroke.sample import InputKind, TypedField, TypingSample
from authsvc.risk.keystroke.training import EARLY, keys_of, train
from authsvc.risk.signals.typing_rhythm import QUIET

ACCEPTED_AT = -QUIET
IMPOSTORS_EVERY = 10
FIRST, ENROLLED, LAST = 10, 200, 400
FORGED = 100  # typings of each kind against each subject
BINS = 10
JITTERS_MS = (1, 2, 3, 5, 10, 20)
STEADY = 0.1  # log units, standard deviation: how evenly a person repeats a rhythm


class Protocol(StrEnum):
    CLASSIC = "classic"
    RECENT = "recent"
    SHOP = "shop"


NEEDED = {Protocol.CLASSIC: ENROLLED + 1, Protocol.RECENT: ENROLLED + 1, Protocol.SHOP: FIRST + 1}
ENROL = {Protocol.CLASSIC: "1-200", Protocol.RECENT: "191-200", Protocol.SHOP: "1-10, then what was accepted"}


@dataclass(frozen=True)
class Scores:
    """The log-odds of one owner's trials."""

    own: FloatVector
    others: FloatVector
    drawn: FloatVector
    typical: FloatVector


def evaluate_keystroke(typings: Typings, protocol: Protocol) -> dict[str, Any]:
    """Return the report.

    Raises:
        ValueError: there are too few subjects or repetitions.
    """
    background = shipped()
    scores = score_all(typings, protocol, background)
    rates = {name: _eer(each) for name, each in scores.items()}
    interval = bootstrap_interval(list(rates), lambda names: float(np.mean([rates[name] for name in names])))
    worst = max(rates, key=rates.__getitem__)
    own, others = _together(scores)
    return {
        "protocol": protocol.value,
        "subjects": len(scores),
        "enrol": ENROL[protocol],
        "eer_mean": interval.rate,
        "eer_sd": float(np.std(list(rates.values()))),
        "eer_interval_95_over_people": [interval.low, interval.high],
        "eer_median": float(np.median(list(rates.values()))),
        "eer_worst": {"subject": worst, "eer": rates[worst]},
        "fnmr_at_fmr_1e-2": _mean(scores, lambda each: fnmr_at_fmr(each.own, each.others, 0.01)),
        "one_threshold": {"eer": equal_error_rate(own, others), "fnmr_at_fmr_1e-2": fnmr_at_fmr(own, others, 0.01)},
        "eer_forged": _mean(scores, lambda each: equal_error_rate(each.own, each.drawn)),
        "eer_forged_typical": _mean(scores, lambda each: equal_error_rate(each.own, each.typical)),
        "calibration": calibration(own, others),
        "replays": replays(typings),
        "trials": {"own": len(own), "others": len(others), "accepted_at": ACCEPTED_AT},
        "keys": typings.keys,
        "model": background.version,
        "subjects_in_training": len(set(typings.digests()) & set(background.trained_on.get("digests", ()))),
    }


def score_all(typings: Typings, protocol: Protocol, background: Background) -> dict[str, Scores]:
    """Return every owner's scores.

    Raises:
        ValueError: there are too few subjects or repetitions.
    """
    logs = typings.logs()
    if len(logs) < 2:
        raise ValueError("one subject has no impostors: at least 2 are needed")
    for name, each in logs.items():
        if len(each) < NEEDED[protocol]:
            raise ValueError(f"{name} has {len(each)} repetitions; {protocol.value} takes {NEEDED[protocol]}")
    return {name: _score(typings, logs, name, protocol, background) for name in logs}


def train_background(typings: Typings, *, source: str) -> str:
    """Return the text of a background's file, fitted to all that is in `typings`.

    Raises:
        ValueError: there are too few subjects or repetitions.
    """
    rows = sum(len(each) for each in typings.people.values())
    trained_on = {"source": source, "people": len(typings.people), "typings": rows, "digests": typings.digests()}
    return to_json(train(typings.logs()), names=FIGURES, trained_on=trained_on)


def cross_validate(typings: Typings, *, halves: int, seed: int = 1) -> dict[str, Any]:
    """Return error rates of models trained on one half of the people and tried on the other, both ways.

    `other_keys`: trained on the first half of the keys as well, and tried on the last half, of the other people;
    `same_keys`: trained on the last half, for comparison.
    """
    random, found = np.random.default_rng(seed), []
    for _ in range(halves):
        order = [list(typings.people)[n] for n in random.permutation(len(typings.people))]
        middle = len(order) // 2
        found += [_half(typings, order[:middle], order[middle:]), _half(typings, order[middle:], order[:middle])]
    means = {key: [each[key] for each in found] for key in found[0]}
    return {key: {"mean": float(np.mean(each)), "sd": float(np.std(each))} for key, each in means.items()}


def calibration(own: FloatVector, others: FloatVector) -> dict[str, float]:
    """Return how far the log-odds can be taken at their word: owners and impostors weigh the same."""
    odds = np.concatenate([own, others])
    owner = np.repeat([1.0, 0.0], [len(own), len(others)])
    weight = np.repeat([0.5 / len(own), 0.5 / len(others)], [len(own), len(others)])
    said = 1 / (1 + np.exp(-odds))
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [abs(float(weight[bins == n] @ (owner - said)[bins == n])) for n in range(BINS)]
    lost = np.logaddexp(0, np.where(owner == 1, -odds, odds)) / np.log(2)
    return {"brier": float(weight @ (owner - said) ** 2), "ece": float(sum(gaps)), "cllr_bits": float(weight @ lost)}


def replays(typings: Typings) -> dict[str, Any]:
    """Return how often an earlier typing is known again: as it was, shaken, and the owner's honest own."""
    random = np.random.default_rng(1)
    caught = {each: [0, 0] for each in (0, *JITTERS_MS)}
    honest = [0, 0]
    for features in typings.people.values():
        for at in range(WINDOW, len(features), WINDOW):
            events = [_events(row) for row in features[at - WINDOW : at]]
            kept = [_sample(each) for each in events]
            honest[0] += REPLAYED in findings(_sample(_events(features[at])), kept)
            honest[1] += 1
            for jitter_ms, count in caught.items():
                noise = random.uniform(-jitter_ms / 1000, jitter_ms / 1000, events[-1].shape)
                count[0] += REPLAYED in findings(_sample(_in_order(events[-1] + noise)), kept)
                count[1] += 1
    return {
        "caught_by_jitter_ms": {str(each): hits / max(of, 1) for each, (hits, of) in caught.items()},
        "honest_taken_for_replays": honest[0] / max(honest[1], 1),
        "trials": honest[1],
    }


def _half(typings: Typings, trained: Sequence[str], tried: Sequence[str]) -> dict[str, float]:
    keys = typings.keys
    first, last = ({name: keys_of(each, *part) for name, each in typings.people.items()} for part in _parts_of(keys))
    rest = Typings({name: typings.people[name] for name in tried})
    rest_last = Typings({name: last[name] for name in tried})

    def tried_on(people: Mapping[str, FloatVector], on: Typings, protocol: Protocol) -> dict[str, Scores]:
        background = train({name: log_times(people[name]) for name in trained})
        return score_all(on, protocol, background)

    found: dict[str, float] = {}
    for protocol in (Protocol.RECENT, Protocol.SHOP):
        scores = tried_on(typings.people, rest, protocol)
        own, others = _together(scores)
        found[protocol.value] = _mean(scores, _eer)
        found[f"{protocol.value}_fnmr_at_fmr_1e-2"] = _mean(
            scores, lambda each: fnmr_at_fmr(each.own, each.others, 0.01)
        )
        found[f"{protocol.value}_forged"] = _mean(scores, lambda each: equal_error_rate(each.own, each.drawn))
        found[f"{protocol.value}_forged_typical"] = _mean(scores, lambda each: equal_error_rate(each.own, each.typical))
        found[f"{protocol.value}_ece"] = calibration(own, others)["ece"]
    for name, people in (("other_keys_recent", first), ("same_keys_recent", last)):
        found[name] = _mean(tried_on(people, rest_last, Protocol.RECENT), _eer)
    return found


def _parts_of(keys: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, (keys + 1) // 2), (keys // 2, keys)


def _score(
    typings: Typings, logs: Mapping[str, FloatVector], name: str, protocol: Protocol, background: Background
) -> Scores:
    own = logs[name][:LAST]
    others = np.concatenate([each[:EARLY] for other, each in logs.items() if other != name])
    drawn, typical = _forged(typings, name)
    if protocol is not Protocol.SHOP:
        since = ENROLLED - FIRST if protocol is Protocol.RECENT else 0
        profile = _profile(own[since:ENROLLED], background)
        tried = (own[ENROLLED:], others, drawn, typical)
        return Scores(*(log_ratios(profile, each, background) for each in tried))
    kept = list(own[:FIRST])
    profile = _profile(np.array(kept), background)
    genuine: list[float] = []
    against: list[tuple[FloatVector, ...]] = []
    for n, typed in enumerate(own[FIRST:]):
        if n % IMPOSTORS_EVERY == 0:
            against.append(tuple(log_ratios(profile, each, background) for each in (others, drawn, typical)))
        genuine.append(float(log_ratios(profile, typed[None], background)[0]))
        if genuine[-1] >= ACCEPTED_AT:
            kept.append(typed)
            profile = _profile(np.array(kept[-WINDOW:]), background)
    return Scores(np.array(genuine), *(np.concatenate(each) for each in zip(*against, strict=True)))


def _profile(oldest_first: FloatVector, background: Background) -> TypingProfile:
    return fit_logs(oldest_first[-WINDOW:][::-1], background)


def _forged(typings: Typings, name: str) -> tuple[FloatVector, FloatVector]:
    """Return FORGED typings of both kinds, as log times; the same ones at every run."""
    random = np.random.default_rng(sorted(typings.people).index(name))
    independent = 2 * typings.keys - 1
    known = np.concatenate([each[:, :independent] for other, each in typings.people.items() if other != name])
    logs = np.log(np.maximum(known, 0.001))
    shape = (FORGED, independent)
    drawn = logs.mean(axis=0) + logs.std(axis=0) * random.standard_normal(shape)
    typical = np.median(logs, axis=0) + STEADY * random.standard_normal(shape)
    return _complete(np.exp(drawn), typings.keys), _complete(np.exp(typical), typings.keys)


def _complete(features: FloatVector, keys: int) -> FloatVector:
    holds, presses = features[:, :keys], features[:, keys:]
    return log_times(np.hstack([holds, presses, presses - holds[:, :-1]]))


def _events(features: FloatVector) -> FloatVector:
    keys = (len(features) + 2) // 3
    press = np.concatenate([[0.0], np.cumsum(features[keys : 2 * keys - 1])])
    return np.stack([press, press + features[:keys]], axis=1)


def _in_order(events: FloatVector) -> FloatVector:
    events = events - events[0, 0]
    press = np.maximum.accumulate(events[:, 0])
    return np.stack([press, np.maximum(events[:, 1], press)], axis=1)


def _sample(events: FloatVector) -> TypingSample:
    times = tuple((round(press * 1e6), round(release * 1e6)) for press, release in events.tolist())
    return TypingSample(TypedField.PASSWORD, InputKind.KEYBOARD, times)


def _together(scores: Mapping[str, Scores]) -> tuple[FloatVector, FloatVector]:
    own = np.concatenate([each.own for each in scores.values()])
    return own, np.concatenate([each.others for each in scores.values()])


def _eer(scores: Scores) -> float:
    return equal_error_rate(scores.own, scores.others)


def _mean(scores: Mapping[str, Scores], figure: Callable[[Scores], float]) -> float:
    return float(np.mean([figure(each) for each in scores.values()]))
