"""Sixteen at once on PostgreSQL: a recovery is stopped or finished, an address goes back once, a person goes once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import accounts, addresses
from authsvc.core.origin import Origin
from authsvc.factors.passkey.tables import passkeys
from authsvc.login.address.tables import address_changes
from authsvc.login.recovery.tables import recoveries
from authsvc.login.tables import cases
from tests.journeys.test_recovery import flow_of, mailbox_proven
from tests.support.races import THREADS, at_once, posted, statuses
from tests.support.running import Running
from tests.support.second_factors import account_of

pytestmark = pytest.mark.postgresql

EMAIL, NEW = "ada@example.org", "ada@example.net"
HERE = Origin("req_test", "203.0.113.7", "test")


@pytest.fixture
def limits() -> dict[str, str]:
    return {
        "mail_per_recipient": "100 per 1 hour",
        "recovery_per_address": "100 per 1 hour",
        "recovery_per_account": "100 per 1 hour",
    }


def test_sixteen_starts_are_one_recovery(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    browser = mailbox_proven(service, service.browser())
    assert set(statuses(at_once(posted(browser, "/login/recovery/wait")))) == {303}
    assert service.count(recoveries) == 1
    assert len(service.events("login:recovery:started")) == 1
    assert len([mail for mail in service.mails(EMAIL) if "get back into" in mail.text and "not-me" in mail.text]) == 1


def test_it_is_stopped_or_finished_and_finished_once(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    wanted = account_of(service, EMAIL)
    mailbox_proven(service, service.browser()).submit("/login/recovery/wait")
    service.clock.advance(hours=71)
    service.mails()
    service.clock.advance(hours=1)
    steps = []
    for _ in range(THREADS // 2):
        browser = mailbox_proven(service, service.browser())
        flow = flow_of(browser)
        options = browser.post_json("/login/recovery/passkey/options", {"flow": flow}).json()["publicKey"]
        steps.append((browser, {"flow": flow, "credential": service.authenticator().create(options)}))

    def work(number: int) -> bool:
        if number % 2:
            with service.services.database.write() as connection:
                stop = service.services.recoveries.stop
                return stop(connection, wanted, reason="session", origin=HERE, now=service.clock.now())
        browser, body = steps[number // 2]
        answer = browser.post_json("/login/recovery/passkey/verify", body)
        assert answer.status_code in (200, 403), answer.text
        return bool(answer.status_code == 200)

    done = at_once(work)
    assert done.count(True) == 1
    finished = any(done[0::2])
    assert service.count(passkeys) == 1  # the old one, or the new one in its place
    assert len(service.events("login:recovery:finished")) == int(finished)
    assert len(service.events("login:recovery:stopped")) == int(not finished)
    with service.services.database.read() as connection:
        recovered_at = connection.execute(select(accounts.c.recovered_at)).scalar_one()
    assert (recovered_at is not None) == finished


def test_a_second_warning_goes_out_once(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    mailbox_proven(service, service.browser()).submit("/login/recovery/wait")
    with service.services.database.read() as connection:
        recovery = connection.execute(select(recoveries.c.id)).scalar_one()
    at_once(lambda _: service.services.recoveries.remind({"recovery": recovery}))
    sent = [event for event in service.events("accounts:alert:sent") if event.facts["kind"] == "recovery_started"]
    assert len(sent) == 2  # at the start, and this one


def changed(service: Running) -> str:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    browser.open("/account/address")
    browser.submit("/account/address", email=NEW)
    answers = at_once(posted(browser, "/account/address/code", code=service.code_for(NEW)))
    assert set(statuses(answers)) <= {303, 400, 409}
    assert len(service.events("login:address_change:made")) == 1
    text = next(mail.text for mail in service.mails(EMAIL) if "/not-me/address" in mail.text)
    return next(word for word in text.split() if "/not-me/address" in word).removeprefix("http://localhost:8000")


def test_an_address_is_changed_once_and_put_back_once(service: Running) -> None:
    link = changed(service)
    owner = service.browser()
    owner.open(link)
    assert statuses(at_once(posted(owner, "/not-me/address"))) == [200] + [410] * (THREADS - 1)
    assert service.count(cases) == 1
    assert service.count(address_changes, address_changes.c.reverted_at.is_not(None)) == 1
    with service.services.database.read() as connection:
        rows = connection.execute(select(addresses.c.email, addresses.c.retired_at)).all()
    assert [tuple(row) for row in rows] == [(EMAIL, None)]


def test_a_person_is_erased_once(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    wanted = account_of(service, EMAIL)

    def work(_: int) -> bool:
        with service.services.database.write() as connection:
            return service.services.leaving.erase(
                connection, wanted, by="operator", origin=HERE, now=service.clock.now()
            )

    assert at_once(work).count(True) == 1
    assert len(service.events("login:account:erased")) == 1


def test_an_account_is_locked_once(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    wanted = account_of(service, EMAIL)

    def work(_: int) -> bool:
        with service.services.database.write() as connection:
            return service.services.locks.freeze(connection, wanted, by="operator", now=service.clock.now())

    assert at_once(work).count(True) == 1
    assert len(service.events("accounts:account:frozen")) == 1


def test_an_expired_recovery_makes_room_for_one_new_one(service: Running) -> None:
    service.sign_up_with_passkey(service.browser(), EMAIL)
    mailbox_proven(service, service.browser()).submit("/login/recovery/wait")
    with service.services.database.write() as connection:
        connection.execute(update(recoveries).values(expires_at=service.clock.now() - timedelta(seconds=1)))
    service.clock.advance(hours=1)
    browser = mailbox_proven(service, service.browser())
    at_once(posted(browser, "/login/recovery/wait"))
    assert service.count(recoveries) == 2
    assert service.count(recoveries, recoveries.c.stop_reason == "expired") == 1
