"""What others feel meanwhile: a process of its own asks for quick things, one request after another."""

import http.client
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

QUICK = ("/health/live", "/health/ready", "/oauth2/jwks", "/.well-known/openid-configuration")
PAUSE_S = 0.01
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Felt:
    """Milliseconds of each answer, and how many requests were not answered with 200."""

    spent_ms: Sequence[float]
    failed: int

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.spent_ms, n=100)[98]


class Others:
    """Begin, then end to learn what they felt."""

    def __init__(self, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop, (self._here, there) = context.Event(), context.Pipe(duplex=False)
        self._process = context.Process(target=_ask, args=(port, self._stop, there), daemon=True)
        self._process.start()
        there.close()  # if the process dies, reading ends
        self._here.recv()  # it has begun

    def end(self) -> Felt:
        self._stop.set()
        felt: Felt = self._here.recv()
        self._process.join()
        return felt


def _ask(port: int, stop: Any, there: Any) -> None:
    spent_ms: list[float] = []
    failed = 0
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_S)
    there.send(None)
    while not stop.is_set():
        for path in QUICK:
            started = time.perf_counter()
            try:
                connection.request("GET", path, headers={"X-Forwarded-For": "198.51.100.250"})
                response = connection.getresponse()
                response.read()
                failed += response.status != 200
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it again
                failed += 1
            spent_ms.append((time.perf_counter() - started) * 1000)
            time.sleep(PAUSE_S)
    there.send(Felt(spent_ms, failed))
