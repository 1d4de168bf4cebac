"""A thread that does the same work again and again, until it is stopped."""

import threading
from collections.abc import Callable

STOP_TIMEOUT_S = 20


class PeriodicThread:
    """Begins `work` every so many seconds. The work lets nothing escape: what it raises would end the thread."""

    def __init__(self, name: str, every_s: float, work: Callable[[], object], *, once_more: bool = False) -> None:
        """Args: once_more when it is stopped, too."""
        self._every_s, self._work, self._once_more = every_s, work, once_more
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the work in hand, and end."""
        self._stop.set()
        self._thread.join(timeout=STOP_TIMEOUT_S)

    def _loop(self) -> None:
        while not self._stop.wait(self._every_s):
            self._work()
        if self._once_more:
            self._work()
