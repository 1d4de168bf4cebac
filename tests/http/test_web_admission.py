"""A lane's place is held for the length of a request, given back in every case, and never waited for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import Depends

from authsvc.core.lanes import ThreadLane
from authsvc.settings import Settings
from authsvc.web.admission import admitted
from tests.support.edge import Edge, build_edge


@pytest.fixture
def edge(make_settings: Callable[..., Settings], tmp_path: Path) -> Edge:
    return build_edge(make_settings(), tmp_path / "templates")


def test_a_full_lane_is_busy_at_once_and_others_are_still_answered(edge: Edge) -> None:
    lane = ThreadLane("password", workers=1, queue=1)
    inside, leave = threading.Semaphore(0), threading.Event()

    @edge.app.post("/v1/slow", dependencies=[Depends(admitted(lane))])
    def slow() -> str:
        inside.release()
        leave.wait(20)
        return "done"

    with edge.client() as client, ThreadPoolExecutor(2) as pool:
        running = [pool.submit(client.post, "/v1/slow") for _ in range(2)]
        assert inside.acquire(timeout=10)
        assert inside.acquire(timeout=10)
        refused = client.post("/v1/slow")
        assert (refused.status_code, refused.json()["code"]) == (503, "lanes.password_full")
        assert refused.headers["retry-after"] == "2"
        assert client.get("/public").status_code == 200
        leave.set()
        assert [answer.result(timeout=10).status_code for answer in running] == [200, 200]
        assert client.post("/v1/slow").status_code == 200


@pytest.mark.parametrize("error", [None, RuntimeError("boom")])
def test_a_place_is_given_back_however_the_request_ends(edge: Edge, error: Exception | None) -> None:
    lane = ThreadLane("password", workers=1, queue=0)

    @edge.app.post("/v1/work", dependencies=[Depends(admitted(lane))])
    def work() -> str:
        if error is not None:
            raise error
        return "done"

    with edge.client() as client:
        for _ in range(3):
            assert client.post("/v1/work").status_code == (200 if error is None else 500)


def test_a_refused_request_runs_no_endpoint(edge: Edge) -> None:
    lane = ThreadLane("face", workers=1, queue=0)
    ran = []

    @edge.app.post("/v1/work", dependencies=[Depends(admitted(lane))])
    def work() -> None:
        ran.append(1)

    with lane.admit():
        assert edge.client().post("/v1/work").status_code == 503
    assert not ran
