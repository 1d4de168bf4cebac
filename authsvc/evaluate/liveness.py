"""How well attack detection tells people from pictures of them (ISO/IEC 30107-3; liveness_figures.py has the terms).

Per frame, and per capture of five consecutive frames of one session. A frame without a single face is a failure to
acquire; the pipeline's own refusals for quality are not applied.

The shipped model was trained on the development people: of them it says nothing. `leave_out` trains again, on the
others of the same folders, and is the figure for people never seen: "person" leaves out one at a time, "half" tries
each half on the other (up to HALVES of them).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from zlib import crc32

import numpy as np

from authsvc.evaluate.liveness_controls import control_figures
from authsvc.evaluate.liveness_figures import Report, Trial, at_operating_point, det_curves, figures, over_splits, share
from authsvc.evaluate.presentations import CAPTURE, SeenPresentation, captures, list_presentations, see
from authsvc.evaluate.rates import Curve
from authsvc.evaluate.recapture import on_a_screen
from authsvc.factors.face.liveness.attack import shipped_model
from authsvc.factors.face.liveness.classifier import AttackModel
from authsvc.factors.face.liveness.training import VARIANTS, TrainingFrame, train, variants_of

HALVES = 70  # all of eight people


@dataclass(frozen=True)
class JudgedFrame:
    """`attack`: the name of its kind; None for the person."""

    person: str
    session: str
    attack: str | None
    features: np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Acquired:
    """`asked`: how many frames there are of each kind ("live" among them)."""

    frames: tuple[JudgedFrame, ...]
    asked: Mapping[str, int]

    def failure_to_acquire(self) -> Report:
        got = {kind: sum((frame.attack or "live") == kind for frame in self.frames) for kind in self.asked}
        return {kind: share(asked - got[kind], asked) for kind, asked in self.asked.items()}


def acquire(live: Path, attacks: Mapping[str, Path], variants: int = 0) -> Acquired:
    """Find the faces in all frames and compute their features, and of so many variants (training.py).

    Raises:
        ValueError: a folder has no frames, or in none of them a face is found.
    """
    presentations = list_presentations(live, None)
    for name, folder in attacks.items():
        presentations += list_presentations(folder, name)
    asked: dict[str, int] = {}
    frames = []
    for each, seen in see(presentations):
        kind = each.attack or "live"
        asked[kind] = asked.get(kind, 0) + 1
        if seen and (frame := judged_frame(seen, variants)):
            frames.append(frame)
    for kind in asked:
        if not any((frame.attack or "live") == kind for frame in frames):
            raise ValueError(f"no face was found in any frame of {kind}")
    return Acquired(tuple(frames), asked)


def judged_frame(seen: SeenPresentation, variants: int = 0) -> JudgedFrame | None:
    of = seen.of
    features = variants_of(seen.image, seen.face.landmarks, f"{of.session}/{of.path.name}", variants)
    return None if features is None else JudgedFrame(of.person, of.session, of.attack, features)


def evaluate(
    live: Path,
    attacks: Mapping[str, Path],
    *,
    leave_out: str | None = None,
    controls: bool = False,
    simulate_screen: bool = False,
) -> tuple[Report, dict[str, Curve]]:
    """Return the report and, for each kind of attack, its trade-off per frame (of left-out halves: pooled over splits).

    Args:
        leave_out: None judges the shipped model; "person" or "half" see the module.

    Raises:
        ValueError: folders are empty, or there are too few people to leave some out.
    """
    acquired = acquire(live, attacks, VARIANTS if leave_out else 0)
    report, trials = _judge_left_out(acquired, leave_out) if leave_out else _judge_shipped(acquired)
    report["failure_to_acquire"] = acquired.failure_to_acquire()
    if controls:
        report["controls"] = {"figure": "eer per frame, one person left out", **control_figures(live, attacks)}
    if simulate_screen:
        report["supplement"] = {"simulated-screen": _simulated_screen(live)}
    return report, det_curves(trials)


def train_on(live: Path, attacks: Mapping[str, Path]) -> AttackModel:
    """Return a model trained on all of these people.

    Raises:
        ValueError: folders are empty, or show fewer than two people.
    """
    return train([_as_training(frame) for frame in acquire(live, attacks, VARIANTS).frames])


def _judge_shipped(acquired: Acquired) -> tuple[Report, list[Trial]]:
    model = shipped_model()
    per_frame = trials_of(model, acquired.frames)
    return {"model": model.version, **figures(per_frame, trials_of(model, acquired.frames, CAPTURE))}, per_frame


def _judge_left_out(acquired: Acquired, leave_out: str) -> tuple[Report, list[Trial]]:
    people = sorted({frame.person for frame in acquired.frames})
    held = [(person,) for person in people] if leave_out == "person" else _halves(people)
    splits = [_judge_split(acquired.frames, out) for out in held]
    per_frame = [trial for frames, _ in splits for trial in frames]
    if leave_out == "person":
        found = figures(per_frame, [trial for _, five in splits for trial in five])
    else:
        found = over_splits([figures(frames, five, drawn=0) for frames, five in splits])
    return {"model": "trained on the others", "left_out": leave_out, "splits": len(splits), **found}, per_frame


def _judge_split(frames: Sequence[JudgedFrame], out: tuple[str, ...]) -> tuple[list[Trial], list[Trial]]:
    """Return the trials of the people left out, per frame and per capture."""
    model = train([_as_training(frame) for frame in frames if frame.person not in out])
    left_out = [frame for frame in frames if frame.person in out]
    return trials_of(model, left_out), trials_of(model, left_out, CAPTURE)


def _simulated_screen(live: Path) -> Report:
    """Return how many of the people's frames the shipped model still takes for a person on a simulated screen."""
    frames = []
    for each, seen in see(list_presentations(live, None)):
        if seen is None:
            continue
        shown = on_a_screen(seen.image, crc32(f"{each.person}/{each.path.name}".encode()))
        if frame := judged_frame(SeenPresentation(replace(each, attack="simulated-screen"), seen.face, shown)):
            frames.append(frame)
    return {"apcer": at_operating_point(trials_of(shipped_model(), frames), 0)}


def trials_of(model: AttackModel, frames: Sequence[JudgedFrame], size: int = 1) -> list[Trial]:
    """Return what a model says of each frame, or of each capture of `size` frames."""
    log_odds = model.frames(np.stack([frame.features[0] for frame in frames]))
    if size == 1:
        return [Trial(frame.person, frame.attack, float(s)) for frame, s in zip(frames, log_odds, strict=True)]
    groups = captures(range(len(frames)), [frame.session for frame in frames], size)
    return [Trial(frames[own[0]].person, frames[own[0]].attack, model.capture(log_odds[list(own)])) for own in groups]


def _as_training(frame: JudgedFrame) -> TrainingFrame:
    if len(frame.features) != 1 + VARIANTS:
        raise ValueError("features without variants can't be trained on")
    return TrainingFrame(frame.person, frame.session, frame.attack is not None, frame.features)


def _halves(people: Sequence[str]) -> list[tuple[str, ...]]:
    halves = list(combinations(people, len(people) // 2))
    if len(halves) <= HALVES:
        return halves
    drawn = np.random.default_rng(1).choice(len(halves), HALVES, replace=False)  # reproducible on purpose
    return [halves[place] for place in sorted(drawn)]
