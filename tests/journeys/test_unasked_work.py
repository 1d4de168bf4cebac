"""What a visitor who has proven nothing can make the service write, compute or tell apart: little, and bounded."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from authsvc.login.tables import flows
from tests.journeys.test_sign_in import EMAIL
from tests.support.running import PASSWORD, Running


def rows(service: Running, table: object) -> int:
    with service.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def strict(local_with: Callable[..., Running]) -> Running:
    """authsvc where each limit of one address is three a minute."""
    names = ("flow_per_address", "sign_in_per_address")
    return local_with(limits=dict.fromkeys(names, "3 per 1 minute"))


def test_asking_for_the_account_page_begins_few_flows(strict: Running) -> None:
    browser = strict.browser()
    statuses = [browser.http.get("/account").status_code for _ in range(5)]
    assert statuses == [303, 303, 303, 429, 429]
    assert rows(strict, flows) == 3


def test_asking_for_a_face_enrolment_begins_few_flows(strict: Running) -> None:
    browser = strict.browser()
    strict.sign_up(browser, EMAIL)
    strict.clock.advance(hours=1)
    before = rows(strict, flows)
    statuses = []
    for _ in range(3):
        browser.open("/account")
        statuses.append(browser.submit("/account/face", follow=False).status_code)
    assert 429 in statuses
    assert rows(strict, flows) < before + 3


def test_a_foreign_flow_leaves_few_events(strict: Running) -> None:
    browser, thief = strict.browser(peer="198.51.100.9"), strict.browser()
    strict.shop().begin(browser)
    statuses = [thief.http.get("/login", params={"flow": browser.flow}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    assert len(strict.events("login:flow:foreign")) == 3


def test_choosing_a_password_again_and_again_is_bounded(strict: Running) -> None:
    late, quick = strict.browser(peer="198.51.100.9"), strict.browser(peer="198.51.100.10")
    for browser in (late, quick):
        strict.shop().begin(browser)
        strict.prove_address(browser, EMAIL)
    quick.submit("/login/credential/password", password=PASSWORD)
    before = strict.services.passwords.hasher.computed
    statuses = [late.submit("/login/credential/password", password=PASSWORD).status_code for _ in range(5)]
    assert statuses == [409, 409, 409, 429, 429]
    assert strict.services.passwords.hasher.computed == before + 3
