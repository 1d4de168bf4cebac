"""How well faces are told apart: genuine and impostor pairs of a folder of pictures, in LFW's layout and pairs format.

    FILE    first line: how many genuine, how many impostor pairs; then a pair a line, separated by tabs:
            NAME  i  j        two pictures of one person
            A  i  B  j        two people

Single protocol: picture i against picture j. Mean protocol (`template`, `probe` above 1): each side is the mean of that
many pictures, the pair's own first, then the person's others in order; no picture is on both sides. A pair whose people
have too few pictures is left out, and counted. `every_impostor` takes every two people of the file, once each, instead
of the listed impostors.

Rates as in rates.py, of distances. A false-match rate that could not be one match among the impostor pairs (1 / rate
pairs at least) is None, with a reason. Intervals are of the false non-matches, over people drawn again, the threshold
held. Relative distances (`cohort`) leave out, for each pair, every prototype that one of its two people is part of.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authsvc.evaluate.face_vectors import Reader, images_of, means_by_person
from authsvc.evaluate.rates import Curve, bootstrap_interval, curve, equal_error_rate, fnmr_at_fmr, threshold_at_fmr
from authsvc.factors.face.matching.cohort import MEMBERS, NEAREST, NONE, nearness_without
from authsvc.factors.face.measured import FloatArray

RATES = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
SEED = 20_260_101


class BadPairs(Exception):
    """The pairs file can't be read, or names what is not there; the message says which line."""


@dataclass(frozen=True)
class Pair:
    """Two pictures, by person and number."""

    one: tuple[str, int]
    other: tuple[str, int]

    @property
    def genuine(self) -> bool:
        return self.one[0] == self.other[0]


@dataclass(frozen=True)
class Protocol:
    """How many pictures a side has, and which impostors are tried."""

    template: int = 1
    probe: int = 1
    every_impostor: bool = False


@dataclass(frozen=True)
class Scored:
    """Two people and the distance between them."""

    people: tuple[str, str]
    distance: float

    @property
    def genuine(self) -> bool:
        return self.people[0] == self.people[1]


@dataclass(frozen=True)
class Prototypes:
    """A cohort for an evaluation, and which row each person is part of."""

    rows: FloatArray
    own: Mapping[str, int]


def read_pairs(file: Path) -> list[Pair]:
    """Return the pairs of a file.

    Raises:
        BadPairs: see the class.
    """
    pairs = []
    for number, line in enumerate(file.read_text().splitlines()[1:], 2):
        parts = line.split("\t")
        try:
            if len(parts) == 3:
                pairs.append(Pair((parts[0], int(parts[1])), (parts[0], int(parts[2]))))
            elif len(parts) == 4:
                pairs.append(Pair((parts[0], int(parts[1])), (parts[2], int(parts[3]))))
            elif line.strip():
                raise ValueError
        except ValueError:
            raise BadPairs(f"line {number} of {file} is no pair") from None
    return pairs


def evaluate(
    reader: Reader,
    images: Path,
    pairs: Sequence[Pair],
    protocol: Protocol,
    *,
    cohort: Path | None = None,
    members: int = MEMBERS,
    groups: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], Curve]:
    """Return the report, and its whole trade-off for a plot.

    Raises:
        BadPairs: a picture is not there, or no pair is left.
    """
    vectors = _vectors(reader, images, pairs, protocol)
    acquired = {
        "failure_to_acquire": reader.failure_to_acquire,
        "ms_per_image": reader.ms_per_image,
        "failures": dict(reader.failures),
    }
    sides = list(_sides(pairs, vectors, protocol))
    prototypes = prototypes_of(means_by_person(reader, cohort), members) if cohort else None
    scored = list(_scored(sides, prototypes))
    report, whole = report_of(scored)
    report |= acquired | {
        "embedder": reader.embedder,
        "cohort": len(prototypes.rows) if prototypes else 0,
    }
    if groups:
        report["groups"] = by_group(scored, groups, report["thresholds"])
    return report, whole


def report_of(scored: Sequence[Scored]) -> tuple[dict[str, Any], Curve]:
    """Return the rates of scored pairs, and the trade-off behind them."""
    genuine = np.array([-each.distance for each in scored if each.genuine])
    impostor = np.array([-each.distance for each in scored if not each.genuine])
    if not len(genuine) or not len(impostor):
        raise BadPairs("no genuine or no impostor pair is left to compare")
    report: dict[str, Any] = {
        "pairs": len(scored),
        "genuine": len(genuine),
        "impostor": len(impostor),
        "eer": equal_error_rate(genuine, impostor),
    }
    thresholds: dict[str, float | None] = {}
    intervals: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, rate in RATES.items():
        key = f"fnmr_at_fmr_{name}"
        if len(impostor) * rate < 1:
            report[key] = thresholds[name] = None
            reasons[key] = f"{len(impostor)} impostor pairs can't carry a rate of {name}: it takes {round(1 / rate)}"
            continue
        report[key] = fnmr_at_fmr(genuine, impostor, rate)
        thresholds[name] = -threshold_at_fmr(genuine, impostor, rate)
        intervals[key] = _interval(scored, thresholds[name])
    return report | {"thresholds": thresholds, "reasons": reasons, "intervals": intervals}, curve(genuine, impostor)


def by_group(
    scored: Sequence[Scored], groups: Mapping[str, str], thresholds: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return both errors in each group, impostors from the same group, at the strictest threshold that was shown."""
    shown = [(name, threshold) for name, threshold in thresholds.items() if threshold is not None]
    if not shown:
        return {}
    name, limit = shown[-1]
    parts: dict[str, list[Scored]] = defaultdict(list)
    for each in scored:
        both = {groups.get(person, "unknown") for person in each.people}
        if len(both) == 1:
            parts[both.pop()].append(each)
    found = {
        group: {
            "genuine": sum(each.genuine for each in part),
            "impostor": sum(not each.genuine for each in part),
            "fnmr": _share([each.distance > limit for each in part if each.genuine]),
            "fmr": _share([each.distance <= limit for each in part if not each.genuine]),
        }
        for group, part in sorted(parts.items())
    }
    return {"at": name, "each": found, "worst": {rate: _worst(found, rate) for rate in ("fnmr", "fmr")}}


def prototypes_of(means: Mapping[str, FloatArray], members: int) -> Prototypes:
    """Return prototypes of `members` people each, who meet as strangers do at a shop: in any order."""
    names = list(np.random.default_rng(SEED).permutation(sorted(means)))
    parts = [names[at : at + members] for at in range(0, len(names) - members + 1, members)]
    if len(parts) <= NEAREST:
        raise BadPairs(f"a cohort takes {members * (NEAREST + 1)} people at least")
    rows = np.array([np.mean([means[name] for name in part], axis=0) for part in parts])
    return Prototypes(rows, {name: row for row, part in enumerate(parts) for name in part})


def _vectors(
    reader: Reader, images: Path, pairs: Sequence[Pair], protocol: Protocol
) -> dict[str, dict[int, FloatArray]]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for pair in pairs:
        for person, number in (pair.one, pair.other):
            wanted[person].add(number)
    found: dict[str, dict[int, FloatArray]] = {}
    for person, numbers in wanted.items():
        files = images_of(images / person) if (images / person).is_dir() else {}
        if missing := numbers - set(files):
            raise BadPairs(f"{images} has no picture {min(missing)} of {person}")
        single = protocol.template == protocol.probe == 1
        read = {number: reader.vector(files[number]) for number in (sorted(numbers) if single else files)}
        found[person] = {number: vector for number, vector in read.items() if vector is not None}
    return found


def _sides(
    pairs: Sequence[Pair], vectors: Mapping[str, Mapping[int, FloatArray]], protocol: Protocol
) -> Iterator[tuple[tuple[str, FloatArray], tuple[str, FloatArray]]]:
    """Yield the two sides of each pair that has enough pictures."""
    chosen = [pair for pair in pairs if pair.genuine or not protocol.every_impostor]
    if protocol.every_impostor:
        first = {person: min(own) for person, own in vectors.items() if own}
        chosen += [Pair((one, first[one]), (other, first[other])) for one, other in combinations(sorted(first), 2)]
    for pair in chosen:
        template = _numbers(
            vectors[pair.one[0]], pair.one[1], protocol.template, {pair.other[1]} if pair.genuine else set()
        )
        probe = _numbers(
            vectors[pair.other[0]], pair.other[1], protocol.probe, set(template) if pair.genuine else set()
        )
        if template and probe:
            yield (
                (pair.one[0], np.mean([vectors[pair.one[0]][each] for each in template], axis=0)),
                (pair.other[0], np.mean([vectors[pair.other[0]][each] for each in probe], axis=0)),
            )


def _numbers(own: Mapping[int, FloatArray], first: int, count: int, taken: set[int]) -> list[int]:
    """Return `count` of a person's pictures, beginning with `first`; none where there are too few."""
    if first not in own:
        return []
    found = [first, *(number for number in sorted(own) if number != first and number not in taken)][:count]
    return found if len(found) == count else []


def _scored(
    sides: Sequence[tuple[tuple[str, FloatArray], tuple[str, FloatArray]]], prototypes: Prototypes | None
) -> Iterator[Scored]:
    for (one, template), (other, probe) in sides:
        apart = float(np.linalg.norm(template - probe))
        if prototypes is not None:
            own: NDArray[np.int_] = np.array([prototypes.own.get(name, NONE) for name in (one, other)])
            near = nearness_without(np.stack([template, probe]), own, prototypes.rows)
            apart /= float(near[0, own[1]] + near[1, own[0]]) / 2
        yield Scored((one, other), apart)


def _interval(scored: Sequence[Scored], threshold: float | None) -> dict[str, float]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in scored:
        if each.genuine and threshold is not None:
            counts[each.people[0]][0] += each.distance > threshold
            counts[each.people[0]][1] += 1

    def missed(people: Sequence[str]) -> float:
        return sum(counts[name][0] for name in people) / sum(counts[name][1] for name in people)

    found = bootstrap_interval(sorted(counts), missed)
    return {"low": found.low, "high": found.high}


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _worst(found: Mapping[str, Mapping[str, float | None]], rate: str) -> str | None:
    known = {group: value for group, each in found.items() if (value := each[rate]) is not None}
    return max(known, key=lambda group: known[group]) if known else None
