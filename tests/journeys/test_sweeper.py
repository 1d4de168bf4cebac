"""What is over goes without a request having to do it, and one sweep that fails keeps no other from its work."""

from datetime import datetime

from sqlalchemy import Connection, select

from authsvc.core.database import Database
from authsvc.core.sweeper import Sweeper
from authsvc.factors.password.tables import password_failures
from authsvc.login.tables import flows
from authsvc.risk.tables import risk_decisions
from authsvc.wiring.endings import SWEEPS
from tests.journeys.test_sign_in import EMAIL, PASSWORD, typing
from tests.support.clocks import SettableClock
from tests.support.running import Running


def test_one_failing_sweep_does_not_stop_the_others(database: Database, clock: SettableClock) -> None:
    ran: list[datetime] = []

    def breaks(_connection: Connection, _now: datetime) -> None:
        raise RuntimeError("no such table")

    def works(_connection: Connection, now: datetime) -> None:
        ran.append(now)

    Sweeper(database, clock, (breaks, works)).run_once()
    assert ran == [clock.now()]


def test_what_is_over_goes_and_what_still_counts_stays(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    stranger = service.browser(peer="198.51.100.9")
    service.shop().begin(stranger)
    asked = stranger.submit("/login/password", email=EMAIL, password=PASSWORD, typing=typing(typist=2))
    assert "One more proof" in asked.text  # and nobody gives it
    service.shop().begin(stranger)
    stranger.submit("/login/password", email=EMAIL, password="not the password", typing="")
    sweeper = Sweeper(service.services.database, service.clock, SWEEPS)
    sweeper.run_once()
    assert service.count(flows) == 3
    assert service.count(password_failures) == 1
    assert outcomes(service) == ["open"]
    service.clock.advance(hours=2)
    sweeper.run_once()
    assert outcomes(service) == ["abandoned"]
    assert service.count(flows) == 3  # a late step is told that it is late
    service.clock.advance(days=60)
    sweeper.run_once()
    assert (service.count(flows), service.count(password_failures)) == (0, 0)


def outcomes(service: Running) -> list[str]:
    with service.services.database.read() as connection:
        return list(connection.execute(select(risk_decisions.c.outcome)).scalars())
