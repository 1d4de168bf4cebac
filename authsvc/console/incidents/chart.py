"""The geometry of an incident's chart: what was counted, and the band that was expected. Pure.

Drawn with SVG attributes, because the pages allow no inline style.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from authsvc.risk.incidents.store import Interval

WIDTH, HEIGHT = 560, 120
LEAST_TOP = 10.0


@dataclass(frozen=True)
class Chart:
    """Points of polylines in a box of WIDTH by HEIGHT; `top` is the count at its upper edge."""

    seen: str
    expected: str
    band: str
    top: int
    begins: datetime
    ends: datetime


def chart_of(intervals: Sequence[Interval]) -> Chart | None:
    """Return the chart of intervals in order of time; None where two are not at hand."""
    if len(intervals) < 2:
        return None
    top = max(LEAST_TOP, *(each.seen for each in intervals), *(each.high for each in intervals))
    step = WIDTH / (len(intervals) - 1)

    def points(values: Sequence[float]) -> list[str]:
        return [f"{place * step:.1f},{HEIGHT * (1 - value / top):.1f}" for place, value in enumerate(values)]

    upper = points([each.high for each in intervals])
    lower = points([each.low for each in intervals])
    return Chart(
        seen=" ".join(points([each.seen for each in intervals])),
        expected=" ".join(points([each.expected for each in intervals])),
        band=" ".join([*upper, *reversed(lower)]),
        top=round(top),
        begins=intervals[0].at,
        ends=intervals[-1].at,
    )
