"""Two hundred malformed pictures before a real worker: each is refused with a stable code, and the worker lives on.

And what is promised of such a worker: one that dies is replaced, and none takes more than a core.
"""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import pytest

from authsvc.core.errors import Busy
from authsvc.core.lanes import ProcessLane
from authsvc.factors.face.embedder.choice import EmbedderChoice
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames
from authsvc.factors.face.pipeline.measure import begin_worker, measure_frames
from authsvc.factors.face.refusals import UNUSABLE, FrameRefusal
from authsvc.settings import FaceSettings
from tests.support import pictures
from tests.support.malformed import malformed

DEFAULTS = FaceSettings()
BOUNDS = FrameBounds(DEFAULTS.max_frames, DEFAULTS.max_frame_bytes, DEFAULTS.max_pixels)


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessLane]:
    choice = EmbedderChoice(folder=tmp_path_factory.mktemp("models"))
    lane = ProcessLane("face", workers=1, queue=0, initializer=partial(begin_worker, choice), timeout_s=120)
    yield lane
    lane.close()


def test_there_are_two_hundred() -> None:
    assert len(malformed()) >= 200
    assert len(set(malformed().values())) >= 200


def test_each_is_refused_and_the_worker_stays(lane: ProcessLane) -> None:
    worker = lane.run(os.getpid)
    good = pictures.frame("anna", 0)
    for name, bad in malformed().items():
        refusal = check_frames([good, good, bad], BOUNDS) or lane.run(measure_frames, (bad,))
        assert isinstance(refusal, FrameRefusal), name
        assert refusal.code in UNUSABLE, name
    assert isinstance(lane.run(measure_frames, tuple(pictures.capture("anna"))), Measured)
    assert lane.run(os.getpid) == worker


def test_the_worker_does_not_keep_what_they_asked_for(lane: ProcessLane) -> None:
    for bad in malformed().values():  # also what the header check would have stopped
        if len(bad) and not bad.startswith(b"\xff\xd8"):
            assert lane.run(measure_frames, (bad,)) == FrameRefusal("face.not_an_image", 0)
    assert lane.run(_most_resident_mb) < 1000


def test_a_worker_that_dies_is_replaced_by_one_that_measures(lane: ProcessLane) -> None:
    before = lane.run(os.getpid)
    with pytest.raises(Busy) as refusal:
        lane.run(signal.raise_signal, signal.SIGKILL)
    assert refusal.value.retry_after_s >= 1
    assert isinstance(lane.run(measure_frames, tuple(pictures.capture("bruno"))), Measured)
    assert lane.run(os.getpid) != before


def test_a_worker_has_one_core_and_takes_no_more_threads(lane: ProcessLane) -> None:
    lane.run(measure_frames, tuple(pictures.capture("anna")))
    before = len(lane.run(os.listdir, "/proc/self/task"))
    lane.run(measure_frames, tuple(pictures.capture("bruno")))
    assert len(lane.run(os.listdir, "/proc/self/task")) == before
    assert lane.run(cv2.getNumThreads) == 1


def _most_resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM in /proc/self/status")
