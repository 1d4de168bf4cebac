"""Where rate limits can't be counted, nobody is let in: refused with a clear answer, never served uncounted."""

from authsvc.core.clock import SystemClock
from authsvc.core.limits import Limits
from tests.support.running import PASSWORD, Running

NOBODY_THERE = "redis://127.0.0.1:1/0"
EMAIL = "ada@example.org"


def lose_redis(service: Running) -> None:
    rules = service.services.settings.limits.rules()
    service.services.limits._limiter = Limits(rules, redis_url=NOBODY_THERE, clock=SystemClock())._limiter


def test_nobody_is_let_in_and_everybody_is_told_to_come_back(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    browser = local.browser()
    local.shop().begin(browser)
    lose_redis(local)

    answer = browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "limits.unavailable" in answer.text
    assert browser.cookie("__Host-session") is None
    assert "login:password:failed" not in local.tags()
    assert local.shop().begin(local.browser()).status_code == 503
    assert local.browser().http.get("/oauth2/userinfo").json()["code"] == "limits.unavailable"
