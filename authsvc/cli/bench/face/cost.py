"""What a verification of three frames costs, beside the same frames through plain face_recognition calls.

Ours is all that a worker does for a capture, from the bytes to the distance: decode, find, five points, pose, quality,
look, attack score, vectors, comparison with a template. Plain is what a program without authsvc does with the same
three files: load_image_file, face_locations, face_encodings with the 5-point model, their mean, one distance.

Both run in this process and take turns, in an order that changes, so that whatever else the machine does hits both;
each round gives a ratio, and the median of the ratios is reported. face_locations looks at a picture of twice the size
by default (`number_of_times_to_upsample=1`); since somebody who cares for time would turn that off, it is measured
without as well, and that ratio is the one to keep.
"""

import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from authsvc.cli.bench.face.frames import FRAMES, frames_of
from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.embedder.embedder import CannotEmbed
from authsvc.factors.face.measured import FloatArray, Measured
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames

ROUNDS = 15


@dataclass(frozen=True)
class _Spent:
    wall_ms: float
    cpu_ms: float


def measure_cost(frames_dir: Path | None = None, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return medians in milliseconds and the ratios. Args: frames_dir: three or more .jpg of one face."""
    frames = frames_of(frames_dir)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        try:
            begin_worker(EmbedderChoice(folder=Path(folder)))
        except CannotEmbed as problem:
            raise NotMeasured(str(problem)) from None
        built_s = time.perf_counter() - started
        started = time.perf_counter()
        begin_worker(EmbedderChoice(folder=Path(folder)))
        loaded_s = time.perf_counter() - started
    works = {"ours": _ours(frames), "plain": _plain(frames, upsample=0), "plain_default": _plain(frames, upsample=1)}
    for work in works.values():
        work()
    spent: dict[str, list[_Spent]] = {name: [] for name in works}
    for number in range(rounds):
        order = list(works) if number % 2 else list(reversed(works))
        for name in order:
            spent[name].append(_timed(works[name]))
    return {
        "face_frames": "files" if frames_dir else "drawn",
        "face_frames_each": FRAMES,
        "face_rounds": rounds,
        "face_verification_ms": _median(spent["ours"]),
        "face_recognition_ms": _median(spent["plain"]),
        "face_recognition_default_ms": _median(spent["plain_default"]),
        "face_ratio": _ratio(spent["ours"], spent["plain"]),
        "face_ratio_cpu": _ratio(spent["ours"], spent["plain"], cpu=True),
        "face_ratio_default": _ratio(spent["ours"], spent["plain_default"]),
        "face_models_first_start_s": round(built_s, 2),
        "face_models_load_s": round(loaded_s, 2),
    }


def _ours(frames: Sequence[bytes]) -> Callable[[], object]:
    template = _mean(_vectors(frames))
    return lambda: float(np.linalg.norm(template - _mean(_vectors(frames))))


def _vectors(frames: Sequence[bytes]) -> list[FloatArray]:
    found = measure_frames(tuple(frames))
    if not isinstance(found, Measured):
        raise NotMeasured(f"frame {found.frame} can't be used: {found.code}")
    return found.embeddings


def _plain(frames: Sequence[bytes], *, upsample: int) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, which it imports, warns of its own end
        library: Any = import_module("face_recognition")

    def vectors() -> list[FloatArray]:
        found = []
        for frame in frames:
            image = library.load_image_file(io.BytesIO(frame))
            boxes = library.face_locations(image, number_of_times_to_upsample=upsample)
            if len(boxes) != 1:
                raise NotMeasured(f"face_recognition finds {len(boxes)} faces in a frame")
            found.append(library.face_encodings(image, boxes, model="small")[0])
        return found

    template = _mean(vectors())
    return lambda: float(np.linalg.norm(template - _mean(vectors())))


def _mean(vectors: Sequence[FloatArray]) -> FloatArray:
    mean: FloatArray = np.mean(np.stack(vectors), axis=0)
    return mean


def _timed(work: Callable[[], object]) -> _Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return _Spent((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000)


def _median(spent: Sequence[_Spent]) -> float:
    return round(statistics.median(each.wall_ms for each in spent), 1)


def _ratio(ours: Sequence[_Spent], plain: Sequence[_Spent], *, cpu: bool = False) -> float:
    pairs = zip(ours, plain, strict=True)
    ratios = [one.cpu_ms / other.cpu_ms if cpu else one.wall_ms / other.wall_ms for one, other in pairs]
    return round(statistics.median(ratios), 3)
