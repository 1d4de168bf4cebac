"""A sign-in that waits for its second proof ends with "this wasn't me", and with a lock: it was begun before either."""

import pytest
from sqlalchemy import select

from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.tables import accounts, sessions
from authsvc.core.origin import Origin
from tests.support.browser_client import BrowserClient
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import account_of

EMAIL = "ada@example.org"
HERE = Origin("req_test", "203.0.113.7", "test")


def waiting_for_the_mailbox(service: Running) -> BrowserClient:
    """Return a thief's browser, with password and mailbox, one step before the end."""
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=2)
    thief = service.browser(peer="198.51.100.66")
    service.shop().begin(thief, acr_values="urn:authsvc:acr:pwd_email")
    thief.submit("/login/password", email=EMAIL, password=PASSWORD)
    if "/login/step-up/email" in thief.answer.text:
        thief.submit("/login/step-up/email")
    assert "/login/code" in thief.answer.text
    return thief


def goes_on(service: Running, thief: BrowserClient) -> bool:
    thief.submit("/login/code", code=service.code_for(EMAIL), follow=False)
    with service.services.database.read() as connection:
        live = connection.execute(
            select(sessions.c.id).where(sessions.c.ended_at.is_(None), sessions.c.created_at == service.clock.now())
        )
        return live.first() is not None


def test_nobody_is_asked_for_less(service: Running) -> None:
    assert goes_on(service, waiting_for_the_mailbox(service))


@pytest.mark.parametrize("kind", [AlertKind.RECOVERY_STARTED, AlertKind.NEW_DEVICE, AlertKind.REFRESH_REUSED])
def test_not_me_ends_what_waits_and_its_guard_is_not_lifted_by_it(service: Running, kind: AlertKind) -> None:
    thief = waiting_for_the_mailbox(service)
    account_id, now = account_of(service, EMAIL), service.clock.now()
    with service.services.database.write() as connection:
        service.services.not_me.shield(connection, account_id, kind=kind.value, origin=HERE, now=now)
    assert not goes_on(service, thief)
    with service.services.database.read() as connection:
        assert connection.execute(select(accounts.c.guarded_at)).scalar_one() == now


def test_a_sign_in_from_before_a_lock_does_not_go_on_after_it(service: Running) -> None:
    thief = waiting_for_the_mailbox(service)
    account_id, now = account_of(service, EMAIL), service.clock.now()
    with service.services.database.write() as connection:
        assert service.services.locks.freeze(connection, account_id, by="operator", now=now)
    with service.services.database.write() as connection:
        assert service.services.locks.unfreeze(connection, account_id, by="operator", now=now)
    assert not goes_on(service, thief)
