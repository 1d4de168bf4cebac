"""What a page does after a step: stay and say why, or go on and carry new cookies. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stay:
    """The step did not succeed; the page is shown again with a sentence, and nothing was given away."""

    error: str
    status: int = 400
    code: str | None = None  # for a script: trying again is of no use
    retry_after_s: int | None = None
    members: Mapping[str, str] = field(default_factory=dict)  # further ones of the script's problem document
    locked: bool = False  # passwords are refused until the owner shows up: the page offers a code by mail


@dataclass(frozen=True)
class Go:
    """The step succeeded: where the browser goes, and what it is given to keep."""

    to: str
    session_secret: str | None = None
    staff_secret: str | None = None
    device_cookie: str | None = None


def page_of(flow_id: str) -> str:
    """Return the path of a flow's page; which page it is, its state says."""
    return f"/login?flow={flow_id}"


def resume_of(flow_id: str) -> str:
    """Return the path on which a shop's flow goes on to the shop, however it ended."""
    return f"/oauth2/authorize/resume?flow={flow_id}"


def reset_page_of(flow_id: str) -> str:
    """Return the path of the pages of a forgotten password."""
    return f"/login/reset?flow={flow_id}"


RECOVERY_KIND = "recovery"


def recovery_page_of(flow_id: str) -> str:
    """Return the path of a recovery's page."""
    return f"/login/recovery?flow={flow_id}"
