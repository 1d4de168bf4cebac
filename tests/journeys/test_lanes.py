"""Password work has bounded room, in the running service: who finds it full is told so without a thread.

No time is measured. A hash is held back by an event for as long as the test wants to look around.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.to_thread
import pytest
from pydantic import ValidationError

from authsvc.settings import LaneSettings
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"


@pytest.fixture
def narrow(local_with: Callable[..., Running]) -> Running:
    """authsvc with room for two passwords: one is hashed, one waits."""
    return local_with(lanes={"password_workers": 1, "password_queue": 1, "face_workers": 1, "face_queue": 0})


def ready_to_sign_in(service: Running) -> Callable[[], Any]:
    browser: BrowserClient = service.browser()
    service.shop().begin(browser)
    data = {**browser.form("/login/password"), "email": EMAIL, "password": PASSWORD}
    return lambda: browser.http.post("/login/password", data=data, headers=SAME_ORIGIN)


def test_a_full_lane_takes_no_thread_and_others_are_answered(narrow: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow.sign_up(narrow.browser(), EMAIL)
    first, second, third = (ready_to_sign_in(narrow) for _ in range(3))
    hasher, lane = narrow.services.passwords.hasher, narrow.services.password_lane
    hashing, waiting, go_on = threading.Event(), threading.Event(), threading.Event()
    verify, run = hasher.verify, type(lane).run

    def held_back(stored: str | None, password: str) -> bool:
        hashing.set()
        assert go_on.wait(30)
        return verify(stored, password)

    def noted(self: Any, work: Any, *args: Any) -> Any:
        if hashing.is_set():
            waiting.set()
        return run(self, work, *args)

    monkeypatch.setattr(hasher, "verify", held_back)
    monkeypatch.setattr(type(lane), "run", noted)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert hashing.wait(30)
        other = pool.submit(second)
        assert waiting.wait(30)

        threads = []
        run_sync = anyio.to_thread.run_sync

        async def counted(work: Any, *args: Any, **options: Any) -> Any:
            threads.append(work)
            return await run_sync(work, *args, **options)

        with monkeypatch.context() as counting:
            counting.setattr(anyio.to_thread, "run_sync", counted)
            refused = third()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert "Please try again in a moment" in refused.text
        assert threads == []

        outside = narrow.browser().http
        for path in ("/health/live", "/health/ready", "/oauth2/jwks", "/"):
            assert outside.get(path).status_code == 200
        go_on.set()
        assert [each.result(timeout=30).status_code for each in (one, other)] == [303, 303]
    assert third().status_code == 303  # there is room again


def test_choosing_a_password_waits_in_the_same_lane(narrow: Running) -> None:
    browser = narrow.browser()
    narrow.shop().begin(browser)
    narrow.prove_address(browser, EMAIL)
    with narrow.services.password_lane.admit(), narrow.services.password_lane.admit():
        assert browser.submit("/login/credential/password", password=PASSWORD).status_code == 503
    assert "login:account:created" not in narrow.tags()


@pytest.mark.parametrize(
    "lanes",
    [
        {"password_workers": 20},
        {"password_workers": 4, "password_queue": 12},
        {"password_workers": 1, "password_queue": 15},
        {"password_workers": 2, "password_queue": 12, "face_workers": 3},
        {"password_workers": 2, "password_queue": 12, "face_queue": 6},
    ],
)
def test_settings_refuse_lanes_of_more_than_half_the_threads(lanes: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="at most half of the 40 threads"):
        LaneSettings(**lanes)


def test_settings_take_lanes_of_exactly_half() -> None:
    assert LaneSettings(password_workers=2, password_queue=13, face_workers=1, face_queue=4)
