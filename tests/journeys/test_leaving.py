"""Taking one's data along, being erased, and being locked: on both databases, over every table there is."""

import json
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Table,
    func,
    insert,
    or_,
    select,
)

import authsvc.tables  # noqa: F401  # every table there is
from authsvc.accounts.tables import accounts, addresses, devices, sessions
from authsvc.cli.user import app as user_commands
from authsvc.core.audit.sealer import Sealer
from authsvc.core.audit.tables import audit_events
from authsvc.core.audit.verify import verify
from authsvc.core.database import UtcDateTime, metadata
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import ERASED
from authsvc.core.sealing.tables import personal_keys
from authsvc.factors.email_code.tables import email_codes
from authsvc.factors.password.tables import password_failures
from authsvc.login.leaving.inventory import BY_FACTORS, EXPORTED, IN_OWN_WORDS, KEPT, NOT_EXPORTED
from authsvc.login.leaving.store import personal_tables
from tests.support.browser_client import SAME_ORIGIN
from tests.support.commands import Command
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import account_of

EMAIL, OTHER = "ada@example.org", "eve@example.org"
HERE = Origin("req_test", "203.0.113.7", "test")


def erase(service: Running, wanted: str) -> bool:
    with service.services.database.write() as connection:
        return service.services.leaving.erase(connection, wanted, by="operator", origin=HERE, now=service.clock.now())


# -- the schema


def test_every_table_that_names_an_account_is_exported_or_says_why_not() -> None:
    known = set(EXPORTED) | IN_OWN_WORDS | BY_FACTORS | set(NOT_EXPORTED)
    tables = {table.name for table in personal_tables()}
    assert tables - known == set(), "put it into login/leaving/inventory.py"
    assert known - tables == set(), "no such table any more"
    lists = [set(EXPORTED), IN_OWN_WORDS, BY_FACTORS, set(NOT_EXPORTED)]
    assert sum(len(each) for each in lists) == len(known), "a table is in two lists"
    assert set(KEPT) <= tables
    assert all(len(reason) > 20 for reason in [*KEPT.values(), *NOT_EXPORTED.values()])


def test_no_exported_column_is_a_secret_and_all_exist() -> None:
    for name, columns in EXPORTED.items():
        table = metadata.tables[name]
        assert set(columns) <= set(table.c.keys()), name
        secret = [c for c in columns if isinstance(table.c[c].type, LargeBinary) or "hash" in c or "sealed" in c]
        assert secret == [], name


def test_nothing_is_left_of_a_person_in_any_table_but_those_that_are_kept(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    service.sign_up(service.browser(), OTHER)
    gone, stays = account_of(service, EMAIL), account_of(service, OTHER)
    with service.services.database.write() as connection:
        for wanted in (gone, stays):
            fill(connection, wanted, service.clock.now())
    before = rows_of(service, gone)
    assert all(before.values()), f"no row to erase in {[name for name, count in before.items() if not count]}"
    kept_by_the_other = rows_of(service, stays)
    assert erase(service, gone)
    after = rows_of(service, gone)
    assert {name for name, count in after.items() if count} == set(KEPT)
    assert rows_of(service, stays) == kept_by_the_other
    with service.services.database.read() as connection:
        buried = connection.execute(select(accounts).where(accounts.c.id == gone)).one()
        assert (buried.status, buried.display_name) == ("erased", "")
        text = " ".join(str(row) for table in metadata.sorted_tables for row in connection.execute(select(table)))
    assert EMAIL not in text
    assert OTHER in text


def test_the_key_is_destroyed_and_the_chain_still_verifies(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    gone = account_of(service, EMAIL)
    erase(service, gone)
    with service.services.database.read() as connection:
        events = connection.execute(select(audit_events).where(audit_events.c.account_id == gone)).all()
        [own] = connection.execute(select(personal_keys).where(personal_keys.c.account_id == gone))
        assert own.sealed_key == ERASED
        opened = [
            service.services.risk.vault.open_json_for(
                connection, gone, event.sealed, context=f"audit_events:{event.event_id}"
            )
            for event in events
            if event.sealed
        ]
    assert opened
    assert set(opened) == {None}
    assert events[-1].tag == "login:account:erased"
    assert events[-1].sealed is None
    database, key = service.services.database, service.services.settings.secrets.audit
    Sealer(database, key, service.clock).run_once()
    report = verify(database, key)
    assert report.holds
    assert report.verified == len(service.events())


def test_the_address_is_free_again_and_the_id_is_not(service: Running) -> None:
    service.sign_up(service.browser(), EMAIL)
    first = account_of(service, EMAIL)
    assert erase(service, first)
    assert not erase(service, first)  # twice is once
    assert "was deleted" in service.mails(EMAIL)[0].text
    service.clock.advance(hours=2)
    service.sign_up(service.browser(), EMAIL)
    assert account_of(service, EMAIL) != first


def test_mail_that_was_not_sent_yet_goes_with_them(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    local.mails()
    browser.open("/login/recovery")
    browser.submit("/login/recovery/address", email=EMAIL)
    erase(local, account_of(local, EMAIL))
    assert local.mails(EMAIL)[0].subject == "Your account was deleted"
    assert not any("get back into your account" in mail.subject for mail in local.mails(EMAIL))
    with local.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(email_codes)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(password_failures)).scalar_one() == 0


def test_a_shared_browser_stays_known_to_the_other_account(local: Running) -> None:
    shared = local.browser()
    local.sign_up(shared, EMAIL)
    shared.open("/account")
    shared.submit("/account/sign-out")
    local.sign_up(shared, OTHER)
    erase(local, account_of(local, EMAIL))
    with local.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(devices)).scalar_one() == 1
    erase(local, account_of(local, OTHER))
    with local.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(devices)).scalar_one() == 0


def test_a_hook_that_fails_undoes_everything(local: Running) -> None:
    local.sign_up(local.browser(), EMAIL)
    wanted = account_of(local, EMAIL)

    def fail(*_: Any) -> None:
        raise RuntimeError("no")

    leaving = type(local.services.leaving)(**{**local.services.leaving.__dict__, "erased": (fail,)})
    with pytest.raises(RuntimeError), local.services.database.write() as connection:
        leaving.erase(connection, wanted, by="operator", origin=HERE, now=local.clock.now())
    assert account_of(local, EMAIL) == wanted
    assert local.sign_in(local.browser(), EMAIL).status_code in (200, 303)


# -- the person's own pages


def test_the_owner_downloads_everything_as_json(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL, typing_consent=True)
    service.shop().begin(browser, prompt="login")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    browser.open("/account/download")
    answer = browser.submit("/account/download")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    data = json.loads(answer.text)
    assert data["account"]["name"] == "Ada Lovelace"
    assert [each["email"] for each in data["addresses"]] == [EMAIL]
    assert data["consents"][0]["purpose"] == "typing"
    assert data["consents"][0]["version"] == 1
    assert data["factors"]["password"]
    assert data["decisions"][0]["looked_at"]["trigger"] == "password"
    assert all(reason["what"] for reason in data["decisions"][0]["reasons"])
    assert any(event.get("personal", {}).get("address") == "203.0.113.7" for event in data["events"])
    assert "$argon2" not in answer.text
    assert len(service.events("login:account:exported")) == 1


def test_downloading_again_and_again_is_slowed_down(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    statuses = []
    for _ in range(6):
        browser.open("/account/download")
        statuses.append(browser.submit("/account/download").status_code)
    assert statuses == [200] * 5 + [429]


def test_the_owner_deletes_the_account_with_a_word(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, EMAIL)
    browser.open("/account/delete")
    assert browser.submit("/account/delete", word="yes").status_code == 400
    assert service.events("web:request:refused")[-1].facts["code"] == "account.word_missing"
    browser.open("/account/delete")
    browser.submit("/account/delete", word=" Delete ")
    assert "Your account is deleted" in browser.answer.text
    assert browser.cookie("__Host-session") is None
    assert service.sign_in(service.browser(), EMAIL).status_code == 400
    with service.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(addresses)).scalar_one() == 0


@pytest.mark.parametrize("path", ["/account/download", "/account/delete"])
def test_both_take_a_fresh_proof(local: Running, path: str) -> None:
    browser = local.browser()
    local.sign_up(browser, EMAIL)
    token = browser.open("/account") and browser._parsed().meta_csrf
    local.clock.advance(minutes=11)
    assert "Confirm that it" in browser.open(path).text
    answer = browser.http.post(path, data={"csrf": token, "word": "delete"}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?flow=")
    account_of(local, EMAIL)  # still there
    assert local.browser().http.post(path, data={"word": "delete"}, headers=SAME_ORIGIN).status_code == 403


# -- locking


def test_a_locked_account_is_refused_like_a_wrong_password(service: Running) -> None:
    browser = service.browser()
    shop = service.sign_up(browser, EMAIL)
    wrong = service.sign_in(service.browser(), EMAIL, password="not the password at all")
    with service.services.database.write() as connection:
        change = service.services.locks.freeze
        wanted = account_id_in(connection)
        assert change(connection, wanted, by="operator", now=service.clock.now())
        assert not change(connection, wanted, by="operator", now=service.clock.now())
    locked = service.sign_in(service.browser(), EMAIL, password=PASSWORD)
    assert locked.status_code == wrong.status_code
    assert sentence(locked.text) == sentence(wrong.text)
    assert shop.refresh(shop.tokens["refresh_token"]).status_code == 400
    assert "Sign in" in browser.open("/account").text
    with service.services.database.write() as connection:
        assert service.services.locks.unfreeze(connection, wanted, by="operator", now=service.clock.now())
        assert not service.services.locks.unfreeze(connection, wanted, by="operator", now=service.clock.now())
    service.clock.advance(minutes=5)
    assert service.sign_in(service.browser(), EMAIL).status_code != locked.status_code
    facts = [event.facts for event in service.events("accounts:account:frozen")]
    assert facts == [{"by": "operator", "sessions_ended": 1}]


def test_locking_stops_what_is_pending(local: Running) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    local.services.recoveries.start_for(EMAIL)
    with local.services.database.write() as connection:
        local.services.locks.freeze(connection, account_id_in(connection), by="operator", now=local.clock.now())
    assert local.events("login:recovery:stopped")[0].facts["reason"] == "frozen"


# -- the command line


@pytest.fixture
def run(local: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("authsvc.app.build_services", lambda _: local.services)
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: local.services.settings)
    return Command(user_commands).run


def test_the_operator_locks_unlocks_exports_and_erases(local: Running, run: Any) -> None:
    local.sign_up(local.browser(), EMAIL)
    wanted = account_of(local, EMAIL)
    assert "is locked now" in run("lock", EMAIL).output
    assert "was locked already" in run("lock", EMAIL).output
    assert "is unlocked now" in run("unlock", EMAIL).output
    assert json.loads(run("export", EMAIL).output)["account"]["sub"] == wanted
    assert run("erase", EMAIL, input="n\n").exit_code == 1
    assert account_of(local, EMAIL) == wanted
    assert "is erased" in run("erase", EMAIL, "--yes").output
    for command in ("lock", "unlock", "export"):
        assert run(command, EMAIL).exit_code == 2
    tags = [event.tag for event in local.events()]
    assert "cli:account:exported" in tags


def test_the_operator_starts_a_recovery(local: Running, run: Any) -> None:
    local.sign_up_with_passkey(local.browser(), EMAIL)
    assert "is told" in run("recover", EMAIL).output
    assert local.events("cli:recovery:started")
    assert str(run("recover", EMAIL).exception).startswith("recovery.pending")


def account_id_in(connection: Connection) -> str:
    found: str = connection.execute(select(accounts.c.id)).scalar_one()
    return found


def sentence(page: str) -> str:
    return page.partition('role="alert"')[2].partition("</p>")[0].rpartition("<p>")[2]


def rows_of(service: Running, wanted: str) -> dict[str, int]:
    with service.services.database.read() as connection:
        return {
            table.name: int(
                connection.execute(
                    select(func.count()).select_from(table).where(table.c.account_id == wanted)
                ).scalar_one()
            )
            for table in personal_tables()
        }


def fill(connection: Connection, wanted: str, now: datetime) -> None:
    """Put a row about the account into each table that names one and has none, whatever its columns are."""
    for table in metadata.sorted_tables:
        if (
            "account_id" in table.c
            and not connection.execute(select(table.c.account_id).where(table.c.account_id == wanted)).first()
        ):
            connection.execute(insert(table).values(row_for(connection, table, wanted, now)))


def row_for(connection: Connection, table: Table, wanted: str, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.c:
        if column.name == "account_id":
            values[column.name] = wanted
        elif column.foreign_keys:
            if not column.nullable:
                values[column.name] = parent_of(connection, next(iter(column.foreign_keys)).column, wanted, now)
        elif not column.nullable and column.server_default is None and column is not table.autoincrement_column:
            values[column.name] = value_for(column.type, now)
    return values


def parent_of(connection: Connection, column: Any, wanted: str, now: datetime) -> Any:
    query = select(column)
    if "account_id" in column.table.c:
        query = query.where(or_(column.table.c.account_id == wanted))
    found = connection.execute(query.limit(1)).scalar_one_or_none()
    if found is None:
        made = row_for(connection, column.table, wanted, now)
        connection.execute(insert(column.table).values(made))
        found = made[column.name]
    return found


def value_for(kind: Any, now: datetime) -> Any:
    match kind:
        case UtcDateTime():
            return now
        case Boolean():
            return False
        case BigInteger() | Integer() | Float():
            return 1
        case LargeBinary():
            return new_bytes(32)
        case JSON():
            return {}
    return new_id("x")[: kind.length or 26]
