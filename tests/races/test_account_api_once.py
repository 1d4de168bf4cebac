"""Sixteen at once on PostgreSQL: an invitation, an account and an erasure of the account API happen once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.invited.store import consume_invited
from authsvc.accounts.invited.tables import invited_accounts
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.accounts.tables import accounts
from tests.support.races import THREADS, at_once, waits_for_a_lock
from tests.support.running import PASSWORD, Running
from tests.support.service_client import ACCOUNTS, ServiceClient

pytestmark = pytest.mark.postgresql

EMAIL = "ada@example.org"


@pytest.fixture
def shop(service: Running) -> ServiceClient:
    return ServiceClient(service)


def test_sixteen_with_one_key_invite_one_person_once(shop: ServiceClient, service: Running) -> None:
    headers = {"Authorization": f"Bearer {shop.token()}", "Idempotency-Key": "one"}
    body = {"email": EMAIL, "name": "Ada"}
    answers = at_once(lambda _: shop.http.post(ACCOUNTS, headers=headers, json=body))
    assert [answer.status_code for answer in answers] == [201] * THREADS
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert service.count(invited_accounts) == 1
    assert len(service.mails(EMAIL)) == 1
    assert len(service.events("api:account:invited")) == 1


def test_sixteen_with_keys_of_their_own_invite_one_person_once(shop: ServiceClient, service: Running) -> None:
    token, body = shop.token(), {"email": EMAIL, "name": "Ada"}

    def invite(number: int) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-{number}"}
        return shop.http.post(ACCOUNTS, headers=headers, json=body)

    answers = at_once(invite)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 201
    assert statuses.count(201) == 1
    assert set(statuses[1:]) <= {409, 429}
    assert service.count(invited_accounts) == 1
    assert len(service.mails(EMAIL)) == 1


def test_sixteen_finish_one_sign_up_and_one_takes_the_promised_id(shop: ServiceClient, service: Running) -> None:
    invited = shop.invite(EMAIL).json()
    browser = service.browser()
    service.shop().begin(browser)
    service.prove_address(browser, EMAIL)
    form = {**browser.form("/login/credential/password"), "password": PASSWORD}
    same_origin = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}
    at_once(lambda _: browser.http.post("/login/credential/password", data=form, headers=same_origin))
    with service.services.database.read() as connection:
        assert list(connection.execute(select(accounts.c.id)).scalars()) == [invited["id"]]
    assert service.count(invited_accounts) == 0


def test_sixteen_erase_one_account_once(shop: ServiceClient, service: Running) -> None:
    account_id = service.sign_up(service.browser(), EMAIL).claims()["sub"]
    headers = {"Authorization": f"Bearer {shop.token()}"}
    answers = at_once(lambda _: shop.http.delete(f"{ACCOUNTS}/{account_id}", headers=headers))
    assert [answer.status_code for answer in answers] == [204] * THREADS
    assert len(service.events("login:account:erased")) == 1


def test_somebody_who_joins_while_the_invitation_is_withdrawn_is_erased(shop: ServiceClient, service: Running) -> None:
    """An answer of 204 says that there is no account. The sign-up has taken the invitation, and not committed yet."""
    account_id = shop.invite(EMAIL).json()["id"]
    headers = {"Authorization": f"Bearer {shop.token()}"}
    database, now = service.services.database, service.clock.now()
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            assert consume_invited(connection, EMAIL, now=now) == account_id
            insert_account(connection, Account(account_id, b"handle", "Ada", "active", now))
            insert_address(connection, Address("adr_1", account_id, EMAIL, now, verified_at_sign_up=True))
            answer = pool.submit(lambda: shop.http.delete(f"{ACCOUNTS}/{account_id}", headers=headers))
            assert waits_for_a_lock(database)
        assert answer.result().status_code == 204
    assert shop.call("GET", f"/{account_id}").json()["status"] == "erased"
    assert not service.events("api:invitation:withdrawn")


def test_sixteen_freeze_one_account_once(shop: ServiceClient, service: Running) -> None:
    account_id = service.sign_up(service.browser(), EMAIL).claims()["sub"]
    headers = {"Authorization": f"Bearer {shop.token()}"}
    answers = at_once(lambda _: shop.http.post(f"{ACCOUNTS}/{account_id}/freeze", headers=headers))
    assert [answer.json()["status"] for answer in answers] == ["frozen"] * THREADS
    assert len(service.events("accounts:account:frozen")) == 1
