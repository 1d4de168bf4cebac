""" "This wasn't me" beside sign-ins with the password that it closes, on PostgreSQL: none of them outlives it."""

import time

import pytest

from tests.journeys.test_disowned_password import EMAIL, closed, disown, live_sessions
from tests.support.browser_client import SAME_ORIGIN
from tests.support.races import FREE_TRIES, THREADS, at_once
from tests.support.running import PASSWORD, Running

pytestmark = pytest.mark.postgresql


@pytest.mark.parametrize("after_s", [0, 0.05, 0.3])  # before, while, and after most of them are decided
def test_no_sign_in_with_it_outlives_the_press(service: Running, after_s: float) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=2)
    browsers = [service.browser() for _ in range(FREE_TRIES)]
    for browser in browsers:
        service.shop().begin(browser)
    forms = [browser.form("/login/password") for browser in browsers]

    def work(number: int) -> int:
        if number == 0:
            time.sleep(after_s)
            disown(service)
        if number >= THREADS - FREE_TRIES:
            index = number - (THREADS - FREE_TRIES)
            data = {**forms[index], "email": EMAIL, "password": PASSWORD, "typing": ""}
            return browsers[index].http.post("/login/password", data=data, headers=SAME_ORIGIN).status_code
        return 0

    answers = at_once(work)[-FREE_TRIES:]
    assert set(answers) == {303}  # to the shop, or to the page that says that it has to be changed
    assert closed(service)
    assert live_sessions(service) == 0
