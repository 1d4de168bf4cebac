"""How many captures in a row may fail to match before a face waits, and before it is switched off. Pure.

NIST SP 800-63B-4, 3.2.3: after 5 failures in a row, or 10 where attack detection is in place, the next attempt waits
30 seconds; after 50, or 100, the face is refused until another factor succeeds. Here the larger figures are for
captures that *passed* attack detection; one that did not, or never got so far, counts for the smaller ones.

Failures are counted before anything is measured and given back when nothing could be compared, so that N at once count
as N. A match forgets them all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE, FREE_UNPROVEN = 10, 5
WAIT = timedelta(seconds=30)
OFF, OFF_UNPROVEN = 100, 50


@dataclass(frozen=True)
class Failures:
    """In a row. `live` passed attack detection, `unproven` did not, or are being measured."""

    live: int
    unproven: int
    last_at: datetime


def wait_until(failures: Failures) -> datetime | None:
    """Return before when no capture is taken; None where none has to wait."""
    slowed = failures.unproven >= FREE_UNPROVEN or failures.live + failures.unproven >= FREE
    return failures.last_at + WAIT if slowed else None


def switched_off(failures: Failures) -> bool:
    """Return whether no capture is taken until another factor has succeeded."""
    return failures.unproven >= OFF_UNPROVEN or failures.live + failures.unproven >= OFF
