"""How often something can be done in a second, by several threads, in a window that begins when all are under way."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

WARM_S = 2.0
ROUND_S = 10.0


@dataclass(frozen=True)
class Round:
    """What one window saw."""

    done: int  # in the window
    seconds: float
    all: int  # with those before and after it


def run(workers: int, work: Callable[[int], object]) -> Round:
    """Let `workers` threads repeat the work; count what they finish in the window.

    What is begun last is not counted: while the last ones finish, some cores have nothing to do.
    """
    stop = threading.Event()
    finished: list[float] = []

    def loop(index: int) -> None:
        while not stop.is_set():
            work(index)
            finished.append(time.perf_counter())

    with ThreadPoolExecutor(workers) as pool:
        loops = [pool.submit(loop, index) for index in range(workers)]
        stop.wait(WARM_S)
        start = time.perf_counter()
        stop.wait(ROUND_S)
        end = time.perf_counter()
        stop.set()
        for each in loops:
            each.result()
    return Round(sum(start <= moment < end for moment in finished), end - start, len(finished))


def rate(rounds: list[Round]) -> float:
    """Return how many were done in a second."""
    return sum(each.done for each in rounds) / sum(each.seconds for each in rounds)
