"""Sixteen threads that start together, and what their tests ask of the answers."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import httpx2 as httpx
from sqlalchemy import text

from authsvc.core.database import Database
from tests.support.browser_client import SAME_ORIGIN, BrowserClient

THREADS = 16
FREE_TRIES = 5  # of the browsers that the account does not know, before the first wait
T = TypeVar("T")


def at_once(work: Callable[[int], T]) -> list[T]:
    """Run the work in sixteen threads that start together; each is told its number."""
    start = Barrier(THREADS)

    def run(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def posted(browser: BrowserClient, path: str, **typed: str) -> Callable[[int], httpx.Response]:
    """Return a way to send the form of the current page that posts to `path`, again and again."""
    data = {**browser.form(path), **typed}
    return lambda _: browser.http.post(path, data=data, headers=SAME_ORIGIN)


def statuses(answers: list[httpx.Response]) -> list[int]:
    """Return the status codes in order; fail with the text of the first that is the service's own fault."""
    found = sorted(answer.status_code for answer in answers)
    assert found[-1] < 500, next(answer.text[:500] for answer in answers if answer.status_code >= 500)
    return found


def waits_for_a_lock(database: Database) -> bool:
    """Return whether somebody comes to wait for a lock, on PostgreSQL."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.read() as connection:
            if connection.execute(query).scalar_one():
                return True
        time.sleep(0.01)
    return False
