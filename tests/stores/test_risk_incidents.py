"""Incidents on both databases: they open, raise everyone's scrutiny, close, and are counted once by many nodes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.risk.forecast import INTERVAL, READY_AFTER, Baseline
from authsvc.risk.history.look_up import find_history
from authsvc.risk.incidents.service import AttackWatch
from authsvc.risk.incidents.store import (
    Incident,
    Measure,
    find_baseline,
    insert_incident,
    list_incidents,
    list_intervals,
)
from authsvc.risk.incidents.tables import risk_baselines, risk_incidents, risk_intervals
from authsvc.risk.tables import sign_in_failures
from tests.support.clocks import SettableClock

QUIET = Baseline(level=4.0, intervals=READY_AFTER)


def begin(database: Database, audit: Audit, clock: SettableClock) -> AttackWatch:
    watch = AttackWatch(audit)
    run(watch, database, clock)
    with database.write() as connection:
        connection.execute(update(risk_baselines).values(state=QUIET.to_json()))
    return watch


def run(watch: AttackWatch, database: Database, clock: SettableClock) -> None:
    with database.write() as connection:
        watch.run(connection, clock.now())


def fail(database: Database, at: datetime, times: int) -> None:
    rows = [
        {"id": new_id("sif"), "at": at, "account_index": new_bytes(32), "source_index": new_bytes(32)}
        for _ in range(times)
    ]
    with database.write() as connection:
        connection.execute(insert(sign_in_failures), rows)


def incidents(database: Database) -> list[Incident]:
    with database.read() as connection:
        return list_incidents(connection, limit=10)


def seen_by_decisions(database: Database, audit: Audit, clock: SettableClock) -> int:
    with database.read() as connection:
        history = find_history(
            connection,
            audit.vault,
            "acc_nobody",
            origin=Origin("req_1", "203.0.113.7", ""),
            country=None,
            with_profile=False,
            now=clock.now(),
        )
    return history.failures.incidents


def test_a_flood_opens_one_incident_that_closes_when_it_is_over(
    database: Database, audit: Audit, clock: SettableClock
) -> None:
    watch = begin(database, audit, clock)
    for flood in (200, 300):
        fail(database, clock.now() + timedelta(seconds=40), flood)
        clock.advance(minutes=6)
        run(watch, database, clock)
        clock.advance(minutes=-1)
    [incident] = incidents(database)
    assert (incident.measure, incident.closed_at) == (Measure.FAILURES, None)
    assert incident.peak == 300 > incident.high > incident.expected
    assert seen_by_decisions(database, audit, clock) == 1
    for _ in range(3):
        clock.advance(minutes=5)
        run(watch, database, clock)
    clock.advance(minutes=2)
    run(watch, database, clock)
    [closed] = incidents(database)
    assert closed.closed_at is not None
    assert seen_by_decisions(database, audit, clock) == 0
    with database.read() as connection:
        events = connection.execute(select(audit_events.c.tag, audit_events.c.facts).order_by(audit_events.c.id)).all()
        told = [event for event in events if event.tag.startswith("risk:incident")]
        counted = list_intervals(connection, Measure.FAILURES, incident.opened_at, clock.now())
    assert [event.tag for event in told] == ["risk:incident:opened", "risk:incident:closed"]
    assert told[1].facts["incident"] == incident.id
    assert told[1].facts["seen"] == 300
    assert [each.seen for each in counted[:2]] == [200, 300]


def test_the_crowd_of_a_first_week_opens_none(database: Database, audit: Audit, clock: SettableClock) -> None:
    watch = begin(database, audit, clock)
    with database.write() as connection:
        young = Baseline(level=4.0, intervals=READY_AFTER - 10)
        connection.execute(update(risk_baselines).values(state=young.to_json()))
    fail(database, clock.now() + timedelta(seconds=40), 3000)
    clock.advance(minutes=6)
    run(watch, database, clock)
    assert incidents(database) == []
    assert seen_by_decisions(database, audit, clock) == 0


def test_challenges_do_not_keep_the_scrutiny_up_that_makes_them(
    database: Database, audit: Audit, clock: SettableClock
) -> None:
    now = clock.now()
    with database.write() as connection:
        for measure in Measure:
            insert_incident(connection, Incident(new_id("inc"), measure, now, now, None, 4.0, 20.0, 200, 0))
    assert seen_by_decisions(database, audit, clock) == 2


def test_what_is_usual_opens_none(database: Database, audit: Audit, clock: SettableClock) -> None:
    watch = begin(database, audit, clock)
    for _ in range(6):
        fail(database, clock.now() + timedelta(seconds=40), 5)
        clock.advance(minutes=5)
        run(watch, database, clock)
    assert incidents(database) == []


def test_an_open_incident_that_nobody_looks_after_stops_to_count(
    database: Database, audit: Audit, clock: SettableClock
) -> None:
    watch = begin(database, audit, clock)
    fail(database, clock.now() + timedelta(seconds=40), 200)
    clock.advance(minutes=6)
    run(watch, database, clock)
    assert seen_by_decisions(database, audit, clock) == 1
    clock.advance(hours=2)
    assert seen_by_decisions(database, audit, clock) == 0


def test_an_outage_and_a_clock_that_jumped_are_skipped(database: Database, audit: Audit, clock: SettableClock) -> None:
    watch = begin(database, audit, clock)
    for jump in (timedelta(days=3), timedelta(days=-40)):
        fail(database, clock.now() + jump / 2, 500)
        clock.advance(seconds=jump.total_seconds())
        run(watch, database, clock)
        with database.read() as connection:
            found = find_baseline(connection, Measure.FAILURES)
        assert found is not None
        assert abs(found[0] - clock.now()) < 2 * INTERVAL
    assert incidents(database) == []


def test_many_nodes_count_an_interval_once(database: Database, audit: Audit, clock: SettableClock) -> None:
    watch = begin(database, audit, clock)
    fail(database, clock.now() + timedelta(seconds=40), 200)
    clock.advance(minutes=6)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run, watch, database, clock) for _ in range(8)]:
            done.result()
    assert len(incidents(database)) == 1
    with database.read() as connection:
        intervals = connection.execute(
            select(risk_intervals.c.seen).where(risk_intervals.c.measure == Measure.FAILURES)
        ).scalars()
        assert sorted(intervals) in ([200], [0, 200])
        assert connection.execute(select(risk_incidents.c.peak)).scalar_one() == 200
