"""What an analyst asks to see: the filter, the place in the list, and both as a query string. Pure.

The list is read by keyset: a page begins right after the last row of the page before, (at, id) descending. New
decisions arrive above it, so that no row is shown twice or left out, and page 1,000 costs what page 1 costs.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from authsvc.core.errors import BadInput
from authsvc.risk.policy import Outcome

OWN_PAGES: Final = "~"  # decisions on sign-ins to authsvc's own pages, which belong to no client
ANY: Final = ""
DEFAULT_WINDOW: Final = "7d"
WINDOWS: Final[Mapping[str, timedelta | None]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
DECISIONS: Final = tuple(outcome.value for outcome in Outcome)
MAX_TEXT = 320  # the longest address there can be, and longer than any code or client id


@dataclass(frozen=True)
class Filter:
    """As the page's form sends it; an empty string asks for any."""

    window: str = DEFAULT_WINDOW
    decision: str = ANY
    reason: str = ANY
    client: str = ANY
    account: str = ANY  # an e-mail address, exactly

    def __post_init__(self) -> None:
        """Raises BadInput: `console.filter_invalid`: a value that the form does not offer."""
        known = self.window in WINDOWS and self.decision in (ANY, *DECISIONS)
        short = max(len(self.reason), len(self.client), len(self.account)) <= MAX_TEXT
        # PostgreSQL's text knows no NUL.
        if not (known and short) or "\x00" in self.reason + self.client + self.account:
            raise BadInput("console.filter_invalid", "This list can't be filtered by that.")

    def since(self, now: datetime) -> datetime | None:
        """Return the time from which on decisions are shown; None for all."""
        length = WINDOWS[self.window]
        return None if length is None else now - length

    @property
    def is_default(self) -> bool:
        return self == Filter()

    def query(self, before: "Place | None" = None) -> str:
        """Return the filter, and a place in its list, as a query string with its question mark; "" for the default."""
        pairs = {name: value for name, value in self.__dict__.items() if value != getattr(Filter, name)}
        if before is not None:
            pairs["before"] = before.as_text()
        return "?" + urlencode(pairs) if pairs else ""


@dataclass(frozen=True)
class Place:
    """A row's place in the list."""

    at: datetime
    decision_id: str

    def as_text(self) -> str:
        plain = f"{self.at.astimezone(UTC).isoformat()}|{self.decision_id}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def parse_place(text: str) -> Place | None:
    """Return the place that `as_text` wrote; None for an empty text.

    Raises:
        BadInput: `console.place_invalid`: it was not written by us.
    """
    if not text:
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        at, _, decision_id = plain.partition("|")
        place = Place(datetime.fromisoformat(at).astimezone(UTC), decision_id)
    except (ValueError, OverflowError, binascii.Error) as problem:
        raise _invalid() from problem
    if place.as_text() != text or "\x00" in decision_id:
        raise _invalid()
    return place


def _invalid() -> BadInput:
    return BadInput("console.place_invalid", "This page of the list does not exist. Begin again at the newest.")
