"""How well captures of a camera are told apart, person by person, with a cohort and without.

    DIR/PERSON/NAME_N.jpg      frames in the order of their last number; what stands before it names the session

A capture is the mean of FRAMES consecutive frames of one session. Genuine: two captures of one person from different
sessions, since frames of one session are alike. Impostor: two captures of different people. Reported for

    plain         the distance
    own cohort    relative to prototypes of the folder's other people: for each pair, without the two that are compared
    given cohort  relative to prototypes of people in another folder

each with the rates of face.py, and by person at the threshold of the strictest rate: how often a person is refused,
how often a stranger passes for them or they for a stranger; the worst of all. `limit` looks at one plain threshold,
such as the one that ships. Few people stand behind such a set: look at the persons, not only at the mean.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np

from authsvc.evaluate.face import SEED, BadPairs, Scored, prototypes_of, report_of
from authsvc.evaluate.face_vectors import Reader, means_by_person
from authsvc.evaluate.rates import Curve
from authsvc.factors.face.matching.cohort import NEAREST, Cohort
from authsvc.factors.face.matching.score import distance, mean_of, one_face, parts_match, relative_distance
from authsvc.factors.face.measured import FloatArray

FRAMES = 3
DRAWS = 100  # of people for a prototype
MIXTURES = 10_000
FRAME = re.compile(r"^(?P<session>.*?)_?(?P<number>\d+)\.jpe?g$", re.IGNORECASE)


@dataclass(frozen=True)
class Capture:
    """A few frames, and their mean."""

    person: str
    session: str
    parts: tuple[FloatArray, ...] = field(repr=False)

    @cached_property
    def vector(self) -> FloatArray:
        return mean_of(self.parts)


def read_captures(reader: Reader, folder: Path) -> list[Capture]:
    """Return all captures of a folder; a frame that shows no single face is passed over."""
    captures = []
    for person in sorted(each for each in folder.iterdir() if each.is_dir()):
        for session, files in sorted(_sessions(person).items()):
            vectors = [found for file in files if (found := reader.vector(file)) is not None]
            for at in range(0, len(vectors) - FRAMES + 1, FRAMES):
                captures.append(Capture(person.name, session, tuple(vectors[at : at + FRAMES])))
    return captures


def evaluate(
    reader: Reader, live: Path, *, cohort: Path | None, members: int, own_members: int, limit: float
) -> tuple[dict[str, Any], dict[str, Curve]]:
    """Return the report, and the trade-offs for a plot.

    Raises:
        BadPairs: nobody has captures of two sessions, or there is only one person.
    """
    captures = read_captures(reader, live)
    failed = reader.failure_to_acquire
    kinds = {"plain": list(_plain(captures))}
    if len({each.person for each in captures}) >= 2 + NEAREST * own_members:
        kinds["own cohort"] = list(_by_own_cohort(captures, own_members))
    if cohort is not None:
        rows = prototypes_of(means_by_person(reader, cohort), members).rows
        kinds["given cohort"] = list(_by_cohort(captures, _as_cohort(rows)))
    report: dict[str, Any] = {
        "people": len({each.person for each in captures}),
        "captures": len(captures),
        "embedder": reader.embedder,
        "failure_to_acquire": failed,
        "at_limit": {"limit": limit} | _rates(kinds["plain"], limit),
    }
    report["mixtures"] = mixtures(captures, limit)
    if len({each.person for each in captures}) > members:
        report["prototypes"] = told_apart(captures, members, limit)
    curves = {}
    for kind, scored in kinds.items():
        found, curves[kind] = report_of(scored)
        shown = [threshold for threshold in found["thresholds"].values() if threshold is not None]
        report[kind] = found | ({"people": by_person(scored, shown[-1])} if shown else {})
    return report, curves


def told_apart(captures: Sequence[Capture], members: int, limit: float) -> dict[str, Any]:
    """Return how near a prototype of `members` of these people lies to them, and to the others.

    It is no one's template where both are alike. `within`: share of captures nearer than `limit`; a member's first
    capture is in the prototype and is not counted.
    """
    people = sorted({each.person for each in captures})
    own = {person: [each.vector for each in captures if each.person == person] for person in people}
    draw = np.random.default_rng(SEED)
    apart: dict[str, list[float]] = {"members": [], "others": []}
    for _ in range(DRAWS):
        chosen = list(draw.permutation(people)[:members])
        prototype = np.mean([own[person][0] for person in chosen], axis=0)
        for person in people:
            kind = "members" if person in chosen else "others"
            apart[kind] += [distance(prototype, vector) for vector in own[person][1:]]
    return {"of": members} | {
        kind: {"median": float(np.median(found)), "within": float(np.mean(np.array(found) <= limit))}
        for kind, found in apart.items()
    }


def mixtures(captures: Sequence[Capture], limit: float) -> dict[str, Any]:
    """Return how often two frames of an owner and one of a stranger pass as one face and match the owner's template.

    The template is of another session. `by_mean`: as if only the mean counted; `passed`: as it is decided, by each
    frame, too; `owners_lost`: share of the owners' own matches that looking at each frame refuses.
    """
    draw = np.random.default_rng(SEED)
    genuine = [pair for pair in _pairs(captures) if pair[0].person == pair[1].person]
    matched = [pair for pair in genuine if distance(pair[0].vector, pair[1].vector) <= limit]
    if not matched:
        return {}
    lost = [not parts_match(template.vector, probe.parts, limit) for template, probe in matched]
    by_mean = passed = 0
    for _ in range(MIXTURES):
        template, probe = genuine[int(draw.integers(len(genuine)))]
        stranger = captures[int(draw.integers(len(captures)))]
        while stranger.person == template.person:
            stranger = captures[int(draw.integers(len(captures)))]
        parts = (*probe.parts[:-1], stranger.parts[-1])
        matches = one_face(parts) and distance(template.vector, mean_of(parts)) <= limit
        by_mean += matches
        passed += matches and parts_match(template.vector, parts, limit)
    return {"of": MIXTURES, "by_mean": by_mean / MIXTURES, "passed": passed / MIXTURES} | {
        "owners_lost": float(np.mean(lost))
    }


def by_person(scored: Sequence[Scored], threshold: float) -> dict[str, Any]:
    """Return both errors of each person at a threshold, and who fares worst."""
    parts: dict[str, list[Scored]] = defaultdict(list)
    for each in scored:
        for person in set(each.people):
            parts[person].append(each)
    found = {person: _rates(part, threshold) for person, part in sorted(parts.items())}
    return found | {"worst": {rate: max(each[rate] or 0.0 for each in found.values()) for rate in ("fnmr", "fmr")}}


def _rates(scored: Sequence[Scored], threshold: float) -> dict[str, float | None]:
    genuine = [each.distance > threshold for each in scored if each.genuine]
    impostor = [each.distance <= threshold for each in scored if not each.genuine]
    return {
        "fnmr": sum(genuine) / len(genuine) if genuine else None,
        "fmr": sum(impostor) / len(impostor) if impostor else None,
    }


def _pairs(captures: Sequence[Capture]) -> Iterator[tuple[Capture, Capture]]:
    for one, other in combinations(captures, 2):
        if one.person != other.person or one.session != other.session:
            yield one, other


def _plain(captures: Sequence[Capture]) -> Iterator[Scored]:
    for one, other in _pairs(captures):
        yield Scored((one.person, other.person), distance(one.vector, other.vector))


def _by_cohort(captures: Sequence[Capture], cohort: Cohort) -> Iterator[Scored]:
    for one, other in _pairs(captures):
        yield Scored((one.person, other.person), relative_distance(one.vector, other.vector, cohort))


def _by_own_cohort(captures: Sequence[Capture], members: int) -> Iterator[Scored]:
    parts: dict[str, list[Capture]] = defaultdict(list)
    for each in captures:
        parts[each.person].append(each)
    enrolled = {person: own[0].vector for person, own in parts.items()}  # one capture, as at an enrolment
    for one, other in combinations_with_replacement(sorted(parts), 2):
        cohort = _as_cohort(_means([vector for name, vector in enrolled.items() if name not in (one, other)], members))
        both = parts[one] if one == other else parts[one] + parts[other]
        yield from (each for each in _by_cohort(both, cohort) if each.genuine == (one == other))


def _means(vectors: Sequence[FloatArray], members: int) -> FloatArray:
    return np.array(
        [np.mean(vectors[at : at + members], axis=0) for at in range(0, len(vectors) - members + 1, members)]
    )


def _as_cohort(rows: FloatArray) -> Cohort:
    if len(rows) < NEAREST:
        raise BadPairs(f"a cohort has {NEAREST} prototypes at least")
    return Cohort(tuple(str(number) for number in range(len(rows))), rows)


def _sessions(person: Path) -> dict[str, list[Path]]:
    found: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for file in person.iterdir():
        if match := FRAME.match(file.name):
            found[match["session"]].append((int(match["number"]), file))
    return {session: [file for _, file in sorted(files)] for session, files in found.items()}
