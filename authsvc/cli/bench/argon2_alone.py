"""Bare argon2 in a process of its own, because memory of huge pages is decided when a process begins.

echo HASH | GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python -m authsvc.cli.bench.argon2_alone PASSWORD SECONDS
"""

import os
import subprocess
import sys
import threading
import time

from argon2 import PasswordHasher

from authsvc.cli.huge_pages import HUGE_PAGES, NAME

WARM_S = 1.0


def with_huge_pages(stored: str, password: str, seconds: float) -> float:
    """Return verifications per second, on as many threads as there are cores, in a process with huge pages."""
    ran = subprocess.run(
        [sys.executable, "-m", __name__, password, str(seconds)],
        input=stored,
        env={**os.environ, NAME: HUGE_PAGES},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout)


def _rate(stored: str, password: str, seconds: float) -> float:
    hasher, finished, stop = PasswordHasher(), [], threading.Event()

    def loop() -> None:
        while not stop.is_set():
            hasher.verify(stored, password)
            finished.append(time.perf_counter())

    threads = [threading.Thread(target=loop) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    time.sleep(WARM_S)
    start = time.perf_counter()
    time.sleep(seconds)
    end = time.perf_counter()
    stop.set()
    for thread in threads:
        thread.join()
    return sum(start <= moment < end for moment in finished) / (end - start)


if __name__ == "__main__":
    sys.stdout.write(str(_rate(sys.stdin.read().strip(), sys.argv[1], float(sys.argv[2]))))
