"""Lanes: slow CPU work, bounded, so that it never takes the threads that quick endpoints need.

A sync endpoint holds one of the server's 40 threads while it waits. So a request for lane work is *admitted*
before it is given a thread: `admit()` is called on the event loop, doesn't block, and says Busy (503 with
Retry-After) when the lane and its queue are full. Settings keep the sum of all lanes at half of the threads or less.

Two kinds. argon2 releases the GIL, so ThreadLane only bounds how many request threads compute at once. dlib holds
the GIL and is not safe to share between threads, so ProcessLane runs in spawned processes that load models once.
"""

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

from authsvc.core.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")

# A full lane turns everybody away who comes at that moment. Told the same time, they would all come back at once, and
# all but a few be turned away again: so each is told a second more than the one before, as far as SPREAD_S.
RETRY_AFTER_S, SPREAD_S = 2, 8
# How far worker processes step back for the serving one (nice(2)): a capture can wait for some milliseconds, a page
# that somebody looks at can't. With one core to spare it changes nothing.
WORKER_NICE = 5


class _Admission:
    def __init__(self, name: str, workers: int, queue: int) -> None:
        self.name = name
        self.workers = workers
        self.capacity = workers + queue
        self._admitted = threading.BoundedSemaphore(self.capacity)
        self._owners: set[str] = set()
        self._owners_lock = threading.Lock()
        self._later = itertools.cycle(range(SPREAD_S))

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place in the lane for the length of one request.

        Raises:
            Busy: the lane and its queue are full.
        """
        if not self._admitted.acquire(blocking=False):
            raise self._busy()
        try:
            yield
        finally:
            self._admitted.release()

    @contextmanager
    def alone(self, owner: str) -> Iterator[None]:
        """Let each owner hold one place at a time, so that nobody can fill the lane alone. Inside `admit`.

        Raises:
            Busy: another request of this owner holds one.
        """
        with self._owners_lock:
            if owner in self._owners:
                raise self._busy()
            self._owners.add(owner)
        try:
            yield
        finally:
            with self._owners_lock:
                self._owners.discard(owner)

    def _busy(self) -> Busy:
        return Busy(
            f"lanes.{self.name}_full",
            "We are handling as many of these as we can. Please try again in a moment.",
            retry_after_s=RETRY_AFTER_S + next(self._later),
        )


class ThreadLane(_Admission):
    """Work that releases the GIL: runs on the caller's own thread, at most `workers` at once."""

    def __init__(self, name: str, *, workers: int, queue: int) -> None:
        super().__init__(name, workers, queue)
        self._slots = threading.BoundedSemaphore(workers)

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` when one of the lane's slots is free. Call only from an admitted request."""
        with self._slots:
            return work(*args, **kwargs)


class ProcessLane(_Admission):
    """Work that holds the GIL: runs in spawned processes. A crashed worker is replaced, its request gets Busy."""

    def __init__(
        self, name: str, *, workers: int, queue: int, initializer: Callable[[], None], timeout_s: float = 30.0
    ) -> None:
        super().__init__(name, workers, queue)
        self._initializer = initializer
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` (a module-level function with picklable arguments) in a worker process.

        Raises:
            Busy: the worker died or took longer than the lane allows (waiting included), or another request's
                did so and took the pool with it; nothing of its work was kept.
        """
        pool = self._current()
        try:
            future = pool.submit(work, *args, **kwargs)
        except RuntimeError as problem:  # the pool broke, or was ended, since it was picked
            self._discard(pool)
            raise self._busy() from problem
        try:
            return future.result(timeout=self._timeout_s)
        except (BrokenProcessPool, CancelledError, FutureTimeout) as problem:
            self._discard(pool)
            raise self._busy() from problem

    def warm(self) -> None:
        """Let a worker load its models now, so that the first request finds it ready; returns at once."""
        with suppress(RuntimeError):  # the pool broke, or was ended, since it was picked
            self._current().submit(_nothing)

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            _terminate(pool)

    def _current(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self.workers,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_begin_worker,
                    initargs=(self._initializer,),
                )
            return self._pool

    def _discard(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                self._pool = None
        _terminate(broken)


def _begin_worker(initializer: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, which ends its workers
    os.nice(WORKER_NICE)
    threading.Thread(target=_end_with_server, daemon=True).start()
    initializer()


def _end_with_server() -> None:
    """A server that was killed can't end its workers: each would wait for ever, with its models in memory."""
    server = multiprocessing.parent_process()
    assert server is not None
    server.join()
    os._exit(1)


def _nothing() -> None:
    pass


def _terminate(pool: ProcessPoolExecutor) -> None:
    workers = list((pool._processes or {}).values())  # no public way to end a worker that hangs
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
