"""The account API, route by route: who gets in, what is found, what is done once, and what nobody gets."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.accounts.invited.tables import invited_accounts
from authsvc.accounts.store import find_account, grant_role
from authsvc.core.database import Database
from authsvc.core.outbox.tables import outbox
from authsvc.core.sealing.service import ERASED
from authsvc.core.sealing.tables import personal_keys
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.receiver import Receiver, receiving
from tests.support.running import PASSWORD, Running, running
from tests.support.service_client import ServiceClient, assert_problem

EMAIL = "ada@example.org"
READ, WRITE, FREEZE, EXPORT, ERASE = (
    f"accounts:{each}" for each in ("read", "write", "freeze", "export", "erase")
)  # fmt: skip

# method, path, scope
ROUTES = [
    ("GET", "", READ),
    ("POST", "/search", READ),
    ("GET", "/{id}", READ),
    ("POST", "", WRITE),
    ("POST", "/{id}/freeze", FREEZE),
    ("POST", "/{id}/unfreeze", FREEZE),
    ("GET", "/{id}/export", EXPORT),
    ("DELETE", "/{id}", ERASE),
]
EVERY_ROUTE = pytest.mark.parametrize(("method", "path", "scope"), ROUTES, ids=[f"{m} {p}" for m, p, _ in ROUTES])
BODIES: dict[str, dict[str, Any]] = {
    "/search": {"json": {"email": EMAIL}},
    "": {"json": {"email": "new@example.org", "name": "New"}, "headers": {"Idempotency-Key": "k1"}},
}


@pytest.fixture
def service(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> Iterator[Running]:
    url = sqlite_only_database.url.render_as_string()
    started = running(make_settings(database={"url": url}, webhooks={"allow_private": True}), clock)
    yield started
    started.services.close()


@pytest.fixture
def shop(service: Running) -> ServiceClient:
    return ServiceClient(service)


def sign_up(service: Running, email: str = EMAIL) -> str:
    """Return the id of a fresh account."""
    return str(service.sign_up(service.browser(), email).claims()["sub"])


def call(shop: ServiceClient, method: str, path: str, account_id: str, token: str | None = None) -> Any:
    body = BODIES.get(path, {}) if method == "POST" else {}
    return shop.call(method, path.replace("{id}", account_id), token=token, **body)


# -- who gets in


@EVERY_ROUTE
def test_each_route_wants_its_own_scope(
    shop: ServiceClient, service: Running, method: str, path: str, scope: str
) -> None:
    account_id = sign_up(service)
    others = " ".join(each for each in (READ, WRITE, FREEZE, EXPORT, ERASE) if each != scope)
    refused = call(shop, method, path, account_id, shop.token(others))
    assert_problem(refused, 403, "api.scope_missing")
    assert refused.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    event = service.events("api:access:refused")[-1]
    assert event.facts == {"client": shop.client.id, "scope": scope}
    assert call(shop, method, path, account_id, shop.token(scope)).status_code in (200, 201, 204)


@EVERY_ROUTE
def test_no_route_without_a_token(shop: ServiceClient, method: str, path: str, scope: str) -> None:
    answers = {
        "none": {},
        "basic": {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()},
        "bare": {"Authorization": shop.token()},
    }
    for headers in answers.values():
        refused = shop.http.request(method, "/v1/accounts" + path, headers=headers, json={})
        assert_problem(refused, 401, "api.no_token")
        assert refused.headers["www-authenticate"] == "Bearer"


@EVERY_ROUTE
def test_no_route_with_a_token_that_is_not_for_here(
    shop: ServiceClient, service: Running, method: str, path: str, scope: str
) -> None:
    person = service.sign_up(service.browser(), EMAIL)
    expired, disabled = shop.token(), ServiceClient(service)
    of_disabled = disabled.token()
    service.services.clients.disable_client(disabled.client.id)
    service.clock.advance(seconds=300)
    for token in (
        expired,
        of_disabled,
        person.tokens["access_token"],
        person.tokens["id_token"],
        person.tokens["refresh_token"],
        "x",
        "a.b.c",
        forged(shop.token()),
        unsigned(shop.token()),
        "é",
        "x" * 9000,
        shop.token() + " x",
    ):
        refused = shop.http.request(
            method, "/v1/accounts" + path, headers={"Authorization": f"Bearer {token}".encode()}, json={}
        )
        assert_problem(refused, 401, "api.token_invalid")
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def forged(token: str) -> str:
    """Return a token with another client in it, and the signature of the first."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = claims["client_id"] = "cli_other"
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"


def unsigned(token: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def test_a_token_in_the_url_or_the_body_is_none(shop: ServiceClient) -> None:
    assert_problem(shop.http.get(f"/v1/accounts?access_token={shop.token()}"), 401, "api.no_token")


def test_two_authorization_headers_are_none(shop: ServiceClient) -> None:
    headers = [("Authorization", f"Bearer {shop.token()}"), ("Authorization", "Bearer x")]
    assert_problem(shop.http.get("/v1/accounts", headers=headers), 401, "api.no_token")


def test_bad_tokens_are_limited_per_address_and_requests_per_client(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> None:
    url = sqlite_only_database.url.render_as_string()
    limits = {"token_per_address": "2 per 1 minute", "api_per_client": "3 per 1 minute"}
    started = running(make_settings(database={"url": url}, limits=limits), clock)
    one, other = ServiceClient(started), ServiceClient(started)
    token, others = one.token(), other.token()
    assert [one.call("GET", token=token).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert other.call("GET", token=others).status_code == 200
    assert [one.call("GET", token="bad").status_code for _ in range(3)] == [401, 401, 429]
    refused = one.call("GET", token="bad")
    assert_problem(refused, 429, "limits.too_many")
    assert int(refused.headers["retry-after"]) > 0
    started.services.close()


def test_an_api_token_opens_nothing_else(shop: ServiceClient) -> None:
    headers = {"Authorization": f"Bearer {shop.token()}"}
    assert shop.http.get("/oauth2/userinfo", headers=headers).status_code == 401
    assert shop.http.post("/v1/face/captures", headers=headers, json={}).status_code in (401, 404)


# -- finding


def test_an_account_is_found_by_its_whole_address_or_its_id(shop: ServiceClient, service: Running) -> None:
    account_id = sign_up(service)
    (found,) = shop.search(" ADA@Example.org ")
    assert found == {
        "id": account_id,
        "status": "active",
        "name": "Ada Lovelace",
        "email": EMAIL,
        "email_verified": True,
        "created_at": found["created_at"],
    }
    assert datetime.fromisoformat(found["created_at"]) == service.clock.now()
    answer = shop.call("GET", f"/{account_id}")
    assert answer.json() == found
    assert answer.headers["cache-control"] == "no-store"
    searched, read = service.events("api:accounts:searched")[-1], service.events("api:account:read")[-1]
    assert searched.facts == {"client": shop.client.id, "found": True}
    assert read.facts == {"client": shop.client.id, "account": account_id}
    assert searched.account_id == read.account_id == account_id
    assert EMAIL.encode() not in searched.sealed


@pytest.mark.parametrize(
    "email", ["ada", "ada@", "@example.org", "%@example.org", "*", "", "a@b@c", "x" * 321, "a\x00@b.c"]
)
def test_nothing_is_found_by_a_part(shop: ServiceClient, service: Running, email: str) -> None:
    sign_up(service)
    answer = shop.call("POST", "/search", json={"email": email})
    if answer.status_code == 200:  # an address, though a strange one, and nobody's
        assert answer.json() == {"accounts": []}
    else:
        assert answer.status_code == 400
        assert answer.json()["code"] in ("account.address_invalid", "request.invalid")


def test_nobody_is_found_where_nobody_is(shop: ServiceClient) -> None:
    assert shop.search("nobody@example.org") == []
    for account_id in ("acc_nobody", "x", "%00", "..", "a" * 65):
        answer = shop.call("GET", f"/{account_id}")
        assert answer.status_code in (400, 404), answer.text
        assert answer.json()["code"] in ("api.account_unknown", "request.invalid", "request.not_found")


def test_the_list_has_pages_and_nothing_about_a_person(shop: ServiceClient, service: Running) -> None:
    ids = []
    for number in range(5):
        ids.append(sign_up(service, f"ada{number}@example.org"))
        service.clock.advance(seconds=1)
    seen, after, pages = [], None, 0
    while True:
        page = shop.call("GET", params={"limit": 2, **({"after": after} if after else {})}).json()
        assert all(set(each) == {"id", "status", "created_at"} for each in page["accounts"])
        seen += [each["id"] for each in page["accounts"]]
        pages, after = pages + 1, page["after"]
        if after is None:
            break
    assert (seen, pages) == (ids, 3)
    shop.call("POST", f"/{ids[2]}/freeze")
    frozen = shop.call("GET", params={"status": "frozen"}).json()
    assert [each["id"] for each in frozen["accounts"]] == [ids[2]]
    assert service.events("api:accounts:listed")[-1].facts == {"client": shop.client.id, "found": 1}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"limit": "0"}, "request.invalid"),
        ({"limit": "201"}, "request.invalid"),
        ({"limit": "x"}, "request.invalid"),
        ({"status": "everything"}, "request.invalid"),
        ({"after": "acc_nobody"}, "api.place"),
        ({"after": "\x00"}, "api.place"),
        ({"after": "x" * 65}, "request.invalid"),
    ],
)
def test_what_the_list_can_not_be_asked(shop: ServiceClient, params: dict[str, str], code: str) -> None:
    assert_problem(shop.call("GET", params=params), 400, code)


def test_the_operators_people_are_not_there(shop: ServiceClient, service: Running) -> None:
    account_id = sign_up(service)
    with service.services.database.write() as connection:
        grant_role(connection, account_id, "analyst", service.clock.now())
    assert shop.search(EMAIL) == []
    assert shop.call("GET").json()["accounts"] == []
    for method, path, _ in ROUTES:
        if "{id}" in path:
            assert_problem(call(shop, method, path, account_id), 404, "api.account_unknown")
    with service.services.database.read() as connection:
        account = find_account(connection, account_id)
    assert account is not None
    assert account.status == "active"


# -- inviting


def test_an_invited_person_proves_the_address_and_gets_the_promised_id(shop: ServiceClient, service: Running) -> None:
    answer = shop.invite(EMAIL)
    assert answer.status_code == 201
    invited = answer.json()
    assert (invited["status"], invited["email_verified"], invited["name"]) == ("invited", False, "Ada Lovelace")
    assert shop.search(EMAIL) == [invited]
    assert shop.call("GET", f"/{invited['id']}").json() == invited
    assert shop.call("GET").json()["accounts"] == []  # no account yet

    (mail,) = service.mails(EMAIL)
    assert "Tea server" in mail.subject
    assert "Ada Lovelace" not in mail.text  # nothing of what the client sent
    link = next(line.strip() for line in mail.text.splitlines() if "/login/join?token=" in line)
    browser = service.browser()
    browser.open(link)
    form = browser.form("/login/create")
    assert (form["email"], form["name"]) == (EMAIL, "Ada Lovelace")
    browser.submit("/login/create", name=form["name"], email=form["email"])
    browser.submit("/login/code", code=service.code_for(EMAIL))
    browser.submit("/login/credential/password", password=PASSWORD)
    assert "Ada Lovelace" in browser.open("/account").text

    (account,) = shop.search(EMAIL)
    assert account["id"] == invited["id"]
    assert (account["status"], account["email_verified"]) == ("active", True)
    with service.services.database.read() as connection:
        assert connection.execute(select(invited_accounts)).all() == []
    again = service.browser().open(link)
    assert again.status_code == 410
    assert "invited.over" in again.text


def test_who_signs_up_at_the_shop_gets_the_promised_id_too(shop: ServiceClient, service: Running) -> None:
    invited = shop.invite(EMAIL).json()
    assert sign_up(service) == invited["id"]


def test_an_invitation_gives_nobody_a_way_in_and_expires(shop: ServiceClient, service: Running) -> None:
    invited = shop.invite(EMAIL).json()
    service.sign_in(service.browser(), EMAIL)
    assert service.events("login:sign_in:completed") == []
    service.clock.advance(days=30)
    assert shop.search(EMAIL) == []
    assert_problem(shop.call("GET", f"/{invited['id']}"), 404, "api.account_unknown")
    fresh = shop.invite(EMAIL).json()
    assert fresh["id"] != invited["id"]


def test_the_same_key_gives_the_same_account_and_one_mail(shop: ServiceClient, service: Running) -> None:
    answers = [shop.invite(EMAIL, key="one-and-only") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(service.mails(EMAIL)) == 1
    assert len(service.events("api:account:invited")) == 1
    other = ServiceClient(service, name="Another")
    assert_problem(other.invite(EMAIL, key="one-and-only"), 409, "api.already_invited")  # keys are each client's own


def test_a_key_is_for_one_request(shop: ServiceClient) -> None:
    assert shop.invite(EMAIL, key="k").status_code == 201
    assert_problem(shop.invite("bob@example.org", key="k"), 409, "api.idempotency_reused")
    assert_problem(shop.invite(EMAIL, name="Other", key="k"), 409, "api.idempotency_reused")
    assert_problem(shop.invite(EMAIL, key="another"), 409, "api.already_invited")


def test_what_was_refused_can_be_sent_again_with_its_key(shop: ServiceClient, service: Running) -> None:
    account_id = sign_up(service)
    assert_problem(shop.invite(EMAIL, key="k"), 409, "account.address_taken")
    shop.call("DELETE", f"/{account_id}")
    assert shop.invite(EMAIL, key="k").status_code == 201


def test_a_mailbox_can_not_be_filled(shop: ServiceClient) -> None:
    codes = []
    for _ in range(6):
        answer = shop.invite(EMAIL)
        codes.append(answer.status_code)
        if answer.status_code == 201:
            assert shop.call("DELETE", f"/{answer.json()['id']}").status_code == 204
    assert codes == [201] * 5 + [429]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"email": EMAIL, "name": "Ada"}, {}, "api.idempotency_key"),
        ({"email": EMAIL, "name": "Ada"}, {"Idempotency-Key": "with space"}, "api.idempotency_key"),
        ({"email": EMAIL, "name": "Ada"}, {"Idempotency-Key": "x" * 256}, "api.idempotency_key"),
        ({"email": EMAIL}, {"Idempotency-Key": "k"}, "request.invalid"),
        ({"name": "Ada"}, {"Idempotency-Key": "k"}, "request.invalid"),
        ({"email": EMAIL, "name": "Ada", "status": "active"}, {"Idempotency-Key": "k"}, "request.invalid"),
        ({"email": 7, "name": "Ada"}, {"Idempotency-Key": "k"}, "request.invalid"),
        ({"email": EMAIL, "name": "x" * 101}, {"Idempotency-Key": "k"}, "request.invalid"),
        ({"email": EMAIL, "name": " "}, {"Idempotency-Key": "k"}, "account.name_invalid"),
        ({"email": EMAIL, "name": "A\u202eda"}, {"Idempotency-Key": "k"}, "account.name_invalid"),
        ({"email": EMAIL, "name": "A\x00da"}, {"Idempotency-Key": "k"}, "account.name_invalid"),
        ({"email": "ada", "name": "Ada"}, {"Idempotency-Key": "k"}, "account.address_invalid"),
        ([], {"Idempotency-Key": "k"}, "request.invalid"),
        (None, {"Idempotency-Key": "k"}, "request.invalid"),
    ],
)
def test_who_can_not_be_invited(
    shop: ServiceClient, service: Running, body: Any, headers: dict[str, str], code: str
) -> None:
    assert_problem(shop.call("POST", json=body, headers=headers), 400, code)
    with service.services.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []


def test_a_body_that_is_no_json(shop: ServiceClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert_problem(shop.call("POST", content=b"{", headers=headers), 400, "request.malformed_json")
    assert_problem(shop.call("POST", content=b"x" * 70_000, headers=headers), 413, "request.too_large")


def test_two_keys_are_none(shop: ServiceClient) -> None:
    token = shop.token()
    headers = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = shop.http.post("/v1/accounts", headers=headers, json={"email": EMAIL, "name": "Ada"})
    assert_problem(answer, 400, "api.idempotency_key")


# -- freezing, exporting, erasing


def test_a_frozen_account_lets_nobody_in_until_it_is_opened(shop: ServiceClient, service: Running) -> None:
    browser = service.browser()
    person = service.sign_up(browser, EMAIL)
    account_id = person.claims()["sub"]
    answer = shop.call("POST", f"/{account_id}/freeze")
    assert (answer.status_code, answer.json()["status"]) == (200, "frozen")
    assert person.refresh(person.tokens["refresh_token"]).status_code == 400
    assert shop.call("POST", f"/{account_id}/freeze").json()["status"] == "frozen"  # twice is once
    (event,) = service.events("accounts:account:frozen")
    assert event.facts["by"] == shop.client.id
    assert service.sign_in(service.browser(), EMAIL).status_code != 303
    assert shop.call("POST", f"/{account_id}/unfreeze").json()["status"] == "active"
    assert len(service.events("accounts:account:unfrozen")) == 1


def test_a_client_opens_nothing_but_what_it_froze_itself(shop: ServiceClient, service: Running) -> None:
    account_id, other, locks = sign_up(service), ServiceClient(service), service.services.locks
    now = service.clock.now()
    shop.call("POST", f"/{account_id}/freeze")
    assert_problem(other.call("POST", f"/{account_id}/unfreeze"), 409, "api.frozen_by_another")
    with service.services.database.write() as connection:
        assert locks.freeze(connection, account_id, now=now)  # the operator takes it over
        assert not locks.freeze(connection, account_id, now=now)
    assert shop.call("POST", f"/{account_id}/freeze").json()["status"] == "frozen"
    assert_problem(shop.call("POST", f"/{account_id}/unfreeze"), 409, "api.frozen_by_another")
    assert [event.facts["by"] for event in service.events("accounts:account:frozen")] == [shop.client.id, "operator"]
    assert service.events("accounts:account:unfrozen") == []
    with service.services.database.write() as connection:
        assert locks.unfreeze(connection, account_id, now=now)
    shop.call("POST", f"/{account_id}/freeze")
    assert shop.call("POST", f"/{account_id}/unfreeze").json()["status"] == "active"


def test_an_export_has_what_is_kept_and_no_secret(shop: ServiceClient, service: Running) -> None:
    account_id = sign_up(service)
    answer = shop.call("GET", f"/{account_id}/export")
    assert answer.status_code == 200
    assert answer.json()["account"]["sub"] == account_id
    assert EMAIL in answer.text
    assert "$argon2" not in answer.text
    (event,) = service.events("api:account:exported")
    assert (event.account_id, event.facts) == (account_id, {"client": shop.client.id})


def test_an_erased_account_is_gone_with_what_waited_for_it(shop: ServiceClient, service: Running) -> None:
    account_id = sign_up(service)
    service.mails()
    assert shop.call("DELETE", f"/{account_id}").status_code == 204
    assert shop.call("DELETE", f"/{account_id}").status_code == 204
    assert len(service.events("login:account:erased")) == 1
    assert service.events("login:account:erased")[0].facts["by"] == shop.client.id
    assert shop.search(EMAIL) == []
    gone = shop.call("GET", f"/{account_id}").json()
    assert (gone["status"], gone["name"], gone["email"]) == ("erased", "", None)
    for method, path in (("POST", "freeze"), ("POST", "unfreeze"), ("GET", "export")):
        assert_problem(shop.call(method, f"/{account_id}/{path}"), 410, "api.account_erased")
    with service.services.database.read() as connection:
        keys = select(personal_keys.c.sealed_key).where(personal_keys.c.account_id == account_id)
        assert connection.execute(keys).scalar_one() == ERASED  # looking at it afterwards made no new one
    assert sign_up(service) != account_id


def test_an_invitation_can_be_withdrawn_with_its_mail_and_nothing_else_be_done_to_it(
    shop: ServiceClient, service: Running
) -> None:
    account_id = shop.invite(EMAIL).json()["id"]
    for method, path in (("POST", "freeze"), ("POST", "unfreeze"), ("GET", "export")):
        assert_problem(shop.call(method, f"/{account_id}/{path}"), 409, "api.not_joined")
    assert shop.call("DELETE", f"/{account_id}").status_code == 204
    assert service.mails(EMAIL) == []
    assert service.events("api:invitation:withdrawn")[0].facts == {"client": shop.client.id, "account": account_id}
    assert_problem(shop.call("DELETE", f"/{account_id}"), 404, "api.account_unknown")
    assert sign_up(service) != account_id


# -- events


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def test_a_shop_hears_of_the_whole_life_of_an_account(
    shop: ServiceClient, service: Running, receiver: Receiver
) -> None:
    secret = service.services.webhooks.set_url(shop.client.id, receiver.url)
    assert secret is not None
    account_id = sign_up(service)
    shop.call("POST", f"/{account_id}/freeze")
    shop.call("POST", f"/{account_id}/unfreeze")
    shop.call("DELETE", f"/{account_id}")
    while service.services.webhook_worker.run_once():
        pass
    told = sorted((each.event["type"], each.event["data"]["sub"]) for each in receiver.received)
    kinds = ("account.changed", "account.changed", "account.created", "account.erased")
    assert told == [(kind, account_id) for kind in kinds]
    assert all(each.is_signed_by(secret) for each in receiver.received)
    sent = "".join(each.body.decode() for each in receiver.received)
    assert EMAIL not in sent
    assert "Lovelace" not in sent


def test_no_shop_hears_of_the_operators_people(shop: ServiceClient, service: Running) -> None:
    become_analyst(service, shop)
    with service.services.database.read() as connection:
        assert "webhook" not in connection.execute(select(outbox.c.topic)).scalars().all()


def test_an_operators_person_takes_no_id_that_a_shop_was_promised(shop: ServiceClient, service: Running) -> None:
    """The shop would know the `sub` of somebody in the console, and see by its answer who they became."""
    promised = shop.invite("analyst@example.org").json()
    become_analyst(service, shop)
    assert shop.call("GET", f"/{promised['id']}").json() == promised
    with service.services.database.read() as connection:
        assert find_account(connection, promised["id"]) is None


def become_analyst(service: Running, shop: ServiceClient) -> None:
    service.services.webhooks.set_url(shop.client.id, "http://localhost:9/hook")
    browser, authenticator = service.browser(), service.authenticator()
    browser.open(service.services.staff.invite("analyst").removeprefix("http://localhost:8000"))
    browser.submit("/enrol")
    service.prove_address(browser, "analyst@example.org")
    options = browser.post_json("/login/passkey/create/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.create(options)}
    assert browser.post_json("/login/passkey/create/verify", body).status_code == 200
    assert len(service.events("login:role:granted")) == 1


def test_a_disabled_client_hears_nothing(shop: ServiceClient, service: Running, receiver: Receiver) -> None:
    service.services.webhooks.set_url(shop.client.id, receiver.url)
    sign_up(service)
    service.services.clients.disable_client(shop.client.id)
    while service.services.webhook_worker.run_once():
        pass
    assert receiver.received == []


# -- the description


def test_the_description_has_every_route_with_its_security(shop: ServiceClient) -> None:
    document = shop.http.get("/openapi.json").json()
    described = {
        (method.upper(), path.removeprefix("/v1/accounts").replace("account_id", "id"))
        for path, methods in document["paths"].items()
        if path.startswith("/v1/accounts")
        for method in methods
    }
    assert described == {(method, path) for method, path, _ in ROUTES}
    assert all(path.startswith("/v1/") for path in document["paths"])  # pages and OAuth are not an API of ours
    flows = document["components"]["securitySchemes"]["Service"]["flows"]["clientCredentials"]
    assert set(flows["scopes"]) == {READ, WRITE, FREEZE, EXPORT, ERASE}
    assert flows["tokenUrl"] == "/oauth2/token"
