"""The list of incidents. Who may look, and that looking leaves evidence: console/service.py.

An incident opens and closes by itself (risk/incidents); here it is only shown, with what was counted around it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from authsvc.console.incidents.chart import Chart, chart_of
from authsvc.console.service import Console, NoPermission, StaffMember
from authsvc.core.origin import Origin
from authsvc.risk.incidents.store import SCRUTINISED, Incident, Measure, list_incidents, list_intervals

MOST = 50
CHARTS = 10  # of the first ones on the page
AROUND = timedelta(hours=6)

MEASURE_WORDS: Final[Mapping[str, str]] = {
    Measure.FAILURES: "Failed sign-ins",
    Measure.CHALLENGES: "Step-ups asked for",
    Measure.NEW_DEVICES: "New devices",
}


@dataclass(frozen=True)
class ShownIncident:
    incident: Incident
    what: str
    chart: Chart | None

    @property
    def raises_scrutiny(self) -> bool:
        return self.incident.measure in SCRUTINISED


@dataclass(frozen=True)
class IncidentList:
    """What the page shows."""

    member: StaffMember
    open: tuple[ShownIncident, ...]
    closed: tuple[ShownIncident, ...]


@dataclass(frozen=True)
class Incidents:
    """What analysts see of attacks on the whole service."""

    console: Console

    def list(self, secret: str | None, *, origin: Origin) -> IncidentList | NoPermission:
        """Return the incidents, open ones first. Raises NotSignedIn: no live staff session."""
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        with console.database.read() as connection:
            shown = []
            for number, incident in enumerate(list_incidents(connection, limit=MOST)):
                begin, end = _window(incident, now)
                intervals = list_intervals(connection, incident.measure, begin, end) if number < CHARTS else []
                what = MEASURE_WORDS.get(incident.measure, incident.measure)
                shown.append(ShownIncident(incident, what, chart_of(intervals)))
        under_way = tuple(each for each in shown if each.incident.closed_at is None)
        over = tuple(each for each in shown if each.incident.closed_at is not None)
        console.record("console:incidents:viewed", member, origin, now, {"open": len(under_way), "shown": len(shown)})
        return IncidentList(member, under_way, over)


def _window(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    return incident.opened_at - AROUND, min(now, (incident.closed_at or now) + AROUND)
