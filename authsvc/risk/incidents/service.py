"""Looks at each five minutes once they are over; opens and closes incidents. Runs with the sweeper, not in requests.

1. count what the five minutes brought, and compare it with its band (risk/forecast.py);
2. claim them in one statement: of many processes one goes on;
3. outside: an incident opens, or goes on; inside for CALM_FOR: it closes. Both leave an event.

While one of failures or new devices is open every decision on a password weighs it (signals/attack.py); one of
challenges only tells analysts. In a deployment's first week none opens. After an outage the time that was missed is
skipped: it says nothing about attacks.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_id
from authsvc.risk.forecast import INTERVAL, Band, Baseline, band, from_json, learned, slot_of
from authsvc.risk.incidents.store import (
    Incident,
    Measure,
    begin_baseline,
    claim_interval,
    count,
    find_baseline,
    find_open_incident,
    insert_incident,
    insert_interval,
    sweep_intervals,
    update_incident,
)

log = structlog.get_logger(__name__)

SETTLED_AFTER = timedelta(seconds=30)  # transactions that began in the interval have ended
MOST_AT_ONCE = 12  # intervals in one run
CALM_FOR = 3


@dataclass(frozen=True)
class AttackWatch:
    """Watches the counts."""

    audit: Audit

    def run(self, connection: Connection, now: datetime) -> None:
        """Look at what is over and was not looked at. In a write transaction."""
        for measure in Measure:
            self._watch(connection, measure, now)
        sweep_intervals(connection, now)

    def _watch(self, connection: Connection, measure: Measure, now: datetime) -> None:
        newest = _floor(now - SETTLED_AFTER)
        found = find_baseline(connection, measure)
        if found is None:
            begin_baseline(connection, measure, newest)
            return
        was, state = found
        try:
            baseline = from_json(state)
        except ValueError:  # somebody changed it; begin to learn anew
            log.exception("risk.baseline_unreadable", measure=measure.value)
            baseline = Baseline()
        if was > newest + INTERVAL or newest - was > MOST_AT_ONCE * INTERVAL:  # a clock that jumped, or an outage
            claim_interval(connection, measure, was=was, through=newest, baseline=baseline)
            return
        while was + INTERVAL <= newest:
            seen = count(connection, measure, was, was + INTERVAL)
            slot = slot_of(was)
            expected = band(baseline, slot)
            outside = baseline.is_ready and expected.left_by(seen)
            baseline = learned(baseline, slot, seen)
            if not claim_interval(connection, measure, was=was, through=was + INTERVAL, baseline=baseline):
                return
            insert_interval(connection, measure, was, seen, expected)
            self._judge(connection, measure, was, seen, expected, outside=outside, now=now)
            was += INTERVAL

    def _judge(
        self,
        connection: Connection,
        measure: Measure,
        at: datetime,
        seen: int,
        expected: Band,
        *,
        outside: bool,
        now: datetime,
    ) -> None:
        incident = find_open_incident(connection, measure)
        if outside:
            ended = at + INTERVAL
            if incident is None:
                made = Incident(new_id("inc"), measure, at, ended, None, expected.expected, expected.high, seen, 0)
                insert_incident(connection, made)
                self._tell(connection, "risk:incident:opened", made, now)
            elif seen > incident.peak:
                grown = replace(incident, expected=expected.expected, high=expected.high, peak=seen)
                update_incident(connection, replace(grown, last_seen_at=ended, calm=0))
            else:
                update_incident(connection, replace(incident, last_seen_at=ended, calm=0))
        elif incident is not None:
            calm = incident.calm + 1
            closed = replace(incident, calm=calm, closed_at=now if calm >= CALM_FOR else None)
            update_incident(connection, closed)
            if closed.closed_at is not None:
                self._tell(connection, "risk:incident:closed", closed, now)

    def _tell(self, connection: Connection, tag: str, incident: Incident, now: datetime) -> None:
        facts = {
            "incident": incident.id,
            "measure": str(incident.measure),
            "seen": incident.peak,
            "expected": round(incident.expected),
            "high": round(incident.high),
        }
        log.warning("risk.incident", tag=tag, **facts)
        self.audit.record(connection, tag, now=now, facts=facts)


def _floor(moment: datetime) -> datetime:
    seconds = int(INTERVAL.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)
