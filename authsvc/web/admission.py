"""Admit a request to a lane before it is given a thread (core/lanes.py; security.md, "Work lanes").

    @router.post("/login/password", dependencies=[Depends(admitted(password_lane))])

The dependency is async, so it runs on the event loop and never waits: a full lane is Busy, 503 with Retry-After.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Lane(Protocol):
    def admit(self) -> AbstractContextManager[None]:
        """Hold a place for the length of the block, or raise Busy."""
        ...


def admitted(lane: Lane) -> Callable[[], AsyncIterator[None]]:
    """Return a FastAPI dependency that holds a place in the lane for one request."""

    async def hold() -> AsyncIterator[None]:
        with lane.admit():
            yield

    return hold
