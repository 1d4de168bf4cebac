"""The incidents over HTTP: who may look, and what is shown."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from authsvc.console.incidents.routes import build_router
from authsvc.console.incidents.service import Incidents
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.risk.forecast import Band
from authsvc.risk.incidents.store import Incident, Measure, insert_incident, insert_interval
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(database: Database, audit: Audit, clock: SettableClock, make_settings: Callable[..., Settings]) -> Desk:
    return open_desk(
        database, audit, clock, make_settings(), lambda console, pages, _: [build_router(Incidents(console), pages)]
    )


def happened(desk: Desk, *, closed: bool) -> None:
    begun = desk.scene.start - timedelta(hours=2)
    over = desk.scene.start if closed else None
    with desk.scene.database.write() as connection:
        insert_incident(
            connection,
            Incident("inc_1", Measure.FAILURES, begun, begun + timedelta(minutes=5), over, 4.2, 17.6, 321, 0),
        )
        for number in range(6):
            at = begun + number * timedelta(minutes=5)
            insert_interval(connection, Measure.FAILURES, at, 321 if not number else 4, Band(4.2, 0.0, 17.6))


@pytest.mark.parametrize("closed", [False, True])
def test_an_incident_is_shown_with_what_was_expected_and_seen(desk: Desk, closed: bool) -> None:
    happened(desk, closed=closed)
    page = desk.client("ines").get("/console/incidents")
    assert page.status_code == 200
    for said in ("Failed sign-ins: 321", "where 4 were expected, at most 18", "inc_1", "<polyline", "forecast-band"):
        assert said in page.text
    begun = desk.scene.start - timedelta(hours=2)
    for edge in (begun, begun + 5 * timedelta(minutes=5)):
        assert f'<time datetime="{edge.isoformat()}">' in page.text  # the chart has no axis of its own
    assert ("Nothing is out of its band" in page.text) == closed
    assert ("weighed more strictly" in page.text) != closed
    with desk.scene.database.read() as connection:
        event = connection.execute(select(audit_events).where(audit_events.c.tag == "console:incidents:viewed")).one()
    assert (event.facts["open"], event.facts["shown"]) == (int(not closed), 1)


def test_without_any_the_page_says_so(desk: Desk) -> None:
    assert "Nothing is out of its band" in desk.client("ines").get("/console/incidents").text


def test_others_are_sent_away(desk: Desk) -> None:
    happened(desk, closed=False)
    assert desk.client(None).get("/console/incidents").headers["location"] == "/console/sign-in"
    refused = desk.client("sam").get("/console/incidents")
    assert refused.status_code == 403
    assert "weighed more strictly" not in refused.text
