"""What happens to a worker's memory over many captures, and how long a worker takes to be ready.

A face lane of one worker measures captures as they come in life: three people, frames of several sizes, one in ten not
usable (a file that is cut off, a wall without a face). Its resident memory is read after WARM captures, when libraries
have taken what they keep, and after the last; Linux only.
"""

import io
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.cli.drawn_face import PERSONS, draw, encode_jpeg
from authsvc.core.errors import Busy
from authsvc.core.lanes import ProcessLane
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames

WARM = 100
SIZES = ((640, 480), (480, 640), (1280, 960), (800, 600))
EVERY_BAD = 10
PATIENCE_S = 60  # a busy machine is no reason to end a measurement


def measure_worker(captures: int = 2000) -> dict[str, Any]:
    """Return the worker's megabytes before and after, and the seconds until a worker is ready.

    Args:
        captures: how many are measured after the WARM ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        begin = partial(begin_worker, EmbedderChoice(folder=Path(folder)))
        lane = ProcessLane("face", workers=1, queue=0, initializer=begin, timeout_s=PATIENCE_S)
        try:
            lane.run(_resident_mb)  # the first start writes the network as a graph
            lane.close()
            started = time.perf_counter()
            lane.run(_resident_mb)
            ready_s = time.perf_counter() - started
            return {"face_worker_ready_s": round(ready_s, 2), **_memory(lane, captures)}
        except Busy:
            raise NotMeasured("a face worker did not start, died, or took too long") from None
        finally:
            lane.close()


def _memory(lane: ProcessLane, captures: int) -> dict[str, Any]:
    made = _captures()
    before, refused, started = 0.0, 0, time.perf_counter()
    for number in range(WARM + captures):
        if number == WARM:
            before = lane.run(_resident_mb)
        refused += hasattr(lane.run(measure_frames, made[number % len(made)]), "code")
    after = lane.run(_resident_mb)
    return {
        "face_worker_captures": captures,
        "face_worker_refused": refused,
        "face_worker_s": round(time.perf_counter() - started, 1),
        "face_worker_mb_before": round(before, 1),
        "face_worker_mb_after": round(after, 1),
        "face_worker_growth": round(after / before - 1, 4),
    }


def _captures() -> list[tuple[bytes, ...]]:
    made = [
        tuple(_resized(name, number, size) for number in range(3)) for name in sorted(PERSONS) for size in SIZES * 3
    ]
    wall = encode_jpeg(np.full((480, 640, 3), 150, np.uint8))
    for at in range(0, len(made), EVERY_BAD):
        made[at] = (*made[at][:2], wall if at % 2 else made[at][2][:5000])
    return made


def _resized(name: str, number: int, size: tuple[int, int]) -> bytes:
    drawn = Image.fromarray(draw(PERSONS[name], number))
    if size[0] < size[1]:  # held upright: the middle of it
        drawn = drawn.crop((140, 0, 500, 480))
    buffer = io.BytesIO()
    drawn.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _resident_mb() -> float:
    """Return the resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmRSS in /proc/self/status")
