"""Lanes: a full one says Busy at once, slots bound what runs together, a crashed process is replaced."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from authsvc.core.errors import Busy
from authsvc.core.lanes import RETRY_AFTER_S, SPREAD_S, ProcessLane, ThreadLane


def test_a_full_lane_is_busy_at_once_and_free_again_afterwards():
    lane = ThreadLane("password", workers=1, queue=1)
    with lane.admit(), lane.admit():
        with pytest.raises(Busy) as refusal, lane.admit():
            pass
        assert refusal.value.code == "lanes.password_full"
        assert refusal.value.retry_after_s >= 1
    with lane.admit(), lane.admit():
        pass


def test_those_who_are_turned_away_together_do_not_all_come_back_at_once():
    lane = ThreadLane("password", workers=1, queue=0)
    told: list[int] = []
    with lane.admit():
        for _ in range(2 * SPREAD_S):
            with pytest.raises(Busy) as refusal, lane.admit():
                pass
            told.append(refusal.value.retry_after_s)
    assert sorted(told) == sorted(2 * [*range(RETRY_AFTER_S, RETRY_AFTER_S + SPREAD_S)])


def test_a_place_is_given_back_when_the_request_fails():
    lane = ThreadLane("password", workers=1, queue=0)
    with pytest.raises(ZeroDivisionError), lane.admit():
        _ = 1 / 0
    with lane.admit():
        pass


def test_no_more_threads_work_at_once_than_the_lane_has_workers():
    lane = ThreadLane("password", workers=2, queue=6)
    lock, running, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    def request() -> None:
        with lane.admit():
            lane.run(work)

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


@pytest.fixture(scope="module")
def lane() -> Iterator[ProcessLane]:
    # The wait covers the start of a spawned interpreter on a machine that does other things too.
    lane = ProcessLane("face", workers=1, queue=3, initializer=_load, timeout_s=60)
    yield lane
    lane.close()


def test_work_runs_in_another_process_that_was_initialised(lane):
    pid, loaded = lane.run(_report)
    assert pid != os.getpid()
    assert loaded


def test_a_worker_steps_back_for_the_serving_process(lane):
    assert lane.run(os.nice, 0) > os.nice(0)


def test_an_exception_of_the_work_comes_back_and_the_process_stays(lane):
    before, _ = lane.run(_report)
    with pytest.raises(ZeroDivisionError):
        lane.run(_fail)
    assert lane.run(_report)[0] == before


def test_a_crashed_process_is_replaced_and_its_request_is_told_to_come_back(lane):
    before, _ = lane.run(_report)
    with pytest.raises(Busy):
        lane.run(_crash)
    after, loaded = lane.run(_report)
    assert after != before
    assert loaded


def test_requests_that_waited_behind_a_crash_are_told_to_come_back(lane):
    lane.run(_report)
    outcomes: list[str] = []

    def request(work: object) -> None:
        try:
            lane.run(work)
            outcomes.append("done")
        except Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=request, args=(work,)) for work in (_crash_later, _report, _report)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join(timeout=60)
    assert outcomes.count("busy") >= 1
    assert len(outcomes) == 3  # nobody got another exception, nobody waits for ever
    assert lane.run(_report)[1]


def test_work_that_takes_too_long_is_ended_with_its_process():
    lane = ProcessLane("face", workers=1, queue=0, initializer=_load, timeout_s=60)
    try:
        pid, _ = lane.run(_report)
        lane._timeout_s = 0.2
        with pytest.raises(Busy):
            lane.run(_hang)
        assert _ends(pid)
    finally:
        lane.close()


def test_a_closed_lane_leaves_no_process():
    lane = ProcessLane("face", workers=1, queue=0, initializer=_load, timeout_s=60)
    pid, _ = lane.run(_report)
    lane.close()
    assert _ends(pid)


def test_a_server_that_is_killed_leaves_no_process():
    server = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    assert _ends(pid)


def test_warming_a_lane_whose_pool_was_just_ended_does_nothing(lane, monkeypatch):
    ended = ProcessPoolExecutor(1)
    ended.shutdown()
    monkeypatch.setattr(lane, "_current", lambda: ended)
    lane.warm()


KILLED = """
import os, time
from authsvc.core.lanes import ProcessLane
lane = ProcessLane("face", workers=1, queue=0, initializer=time.process_time)
print(lane.run(os.getpid), flush=True)
time.sleep(600)
"""

_loaded = False


def _load() -> None:
    global _loaded
    _loaded = True


def _report() -> tuple[int, bool]:
    return os.getpid(), _loaded


def _fail() -> None:
    _ = 1 / 0


def _crash() -> None:
    os._exit(1)


def _crash_later() -> None:
    time.sleep(0.5)
    os._exit(1)


def _hang() -> None:
    time.sleep(600)


def _ends(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
