"""The app is removed beside sign-ins with the password that was short beside it, on PostgreSQL: none comes after it."""

import time

import pytest
from sqlalchemy import select

from authsvc.login.tables import flows
from tests.journeys.test_short_password import EMAIL, SHORT, TOO_SHORT, choose, set_up_app
from tests.support.browser_client import SAME_ORIGIN
from tests.support.races import FREE_TRIES, THREADS, at_once
from tests.support.running import Running

pytestmark = pytest.mark.postgresql


@pytest.mark.parametrize("after_s", [0, 0.05, 0.3])  # before, while, and after most of them are decided
def test_no_sign_in_with_it_comes_after_the_app_is_gone(service: Running, after_s: float) -> None:
    owner = service.browser()
    service.sign_up(owner, EMAIL)
    owner.open("/account")
    set_up_app(service, owner)
    choose(owner, SHORT)
    owner.open("/account/authenticator/remove")
    removal = owner.form("/account/authenticator/remove")
    browsers = [service.browser() for _ in range(FREE_TRIES)]
    for browser in browsers:
        service.shop().begin(browser)
    forms = [browser.form("/login/password") for browser in browsers]

    def work(number: int) -> int:
        if number == 0:
            time.sleep(after_s)
            return owner.http.post("/account/authenticator/remove", data=removal, headers=SAME_ORIGIN).status_code
        if number >= THREADS - FREE_TRIES:
            index = number - (THREADS - FREE_TRIES)
            data = {**forms[index], "email": EMAIL, "password": SHORT, "typing": ""}
            return browsers[index].http.post("/login/password", data=data, headers=SAME_ORIGIN).status_code
        return 303

    assert set(at_once(work)) == {303}  # to the shop, to a step-up, or to the page that says that it has to be changed
    (removed,) = service.events("totp:factor:removed")
    # The account's lock puts them in a row, and their events with them.
    assert [each.id for each in service.events("login:sign_in:completed") if each.id > removed.id] == []
    assert [each.id for each in service.events(TOO_SHORT) if each.id < removed.id] == []
    with service.services.database.read() as connection:
        open_flows = select(flows.c.state).where(flows.c.expires_at > service.clock.now())
        assert not {"step_up", "step_up_code"} & set(connection.execute(open_flows).scalars())
