"""A new address is proven first, both are told, and the old one can put itself back for 72 hours."""

from typing import Any

from sqlalchemy import func, select

from authsvc.accounts.store import find_account_by_email, list_addresses, list_told
from authsvc.accounts.tables import accounts, sessions
from authsvc.login.tables import cases
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.running import PASSWORD, Running

OLD, NEW, THIRD = "ada@example.org", "ada@example.net", "ada@example.com"


def link_to_revert(service: Running, email: str = OLD) -> str:
    for mail in service.mails(email):
        for word in mail.text.split():
            if "/not-me/address?token=" in word:
                return str(word).removeprefix("http://localhost:8000")
    raise AssertionError(f"{email} got no link")


def told(service: Running) -> list[str]:
    with service.services.database.read() as connection:
        account = connection.execute(select(accounts.c.id)).scalar_one()
        return list_told(connection, account, service.clock.now())


def own(service: Running) -> list[str]:
    with service.services.database.read() as connection:
        account = connection.execute(select(accounts.c.id)).scalar_one()
        return [address.email for address in list_addresses(connection, account)]


def live(service: Running) -> int:
    with service.services.database.read() as connection:
        query = select(func.count()).select_from(sessions).where(sessions.c.ended_at.is_(None))
        return int(connection.execute(query).scalar_one())


def changed(service: Running, browser: BrowserClient, email: str = NEW) -> BrowserClient:
    browser.open("/account/address")
    browser.submit("/account/address", email=email)
    browser.submit("/account/address/code", code=service.code_for(email))
    assert browser.answer.status_code == 200, browser.answer.text[:500]
    return browser


def test_the_new_address_is_proven_and_both_are_told(service: Running) -> None:
    browser = service.browser()
    service.sign_up(browser, OLD)
    changed(service, browser)
    assert own(service) == [NEW]
    assert told(service) == [OLD, NEW]
    assert "Was this you?" in service.mails(OLD)[0].subject
    assert any("was changed" in mail.text and "/not-me?token=" in mail.text for mail in service.mails(NEW))
    assert not any("/not-me/address" in mail.text for mail in service.mails(NEW))
    with service.services.database.read() as connection:
        assert connection.execute(select(accounts.c.address_changed_at)).scalar_one() == service.clock.now()
    service.clock.advance(hours=71)
    assert told(service) == [OLD, NEW]
    service.clock.advance(hours=1)
    assert told(service) == [NEW]
    assert service.sign_in(service.browser(), OLD).status_code == 400
    other = service.browser()
    assert service.sign_in(other, NEW, password=PASSWORD).status_code in (200, 303)
    service.sign_up(service.browser(), OLD)  # free again


def test_the_old_address_puts_itself_back_once(service: Running) -> None:
    thief = service.browser()
    service.sign_up(thief, OLD)
    changed(service, thief)
    link = link_to_revert(service)
    service.clock.advance(hours=60)
    owner = service.browser(peer="198.51.100.9")
    assert "Put your old address back?" in owner.open(link).text
    assert own(service) == [NEW]  # looking changes nothing
    owner.submit("/not-me/address")
    assert "Your old address is back" in owner.answer.text
    assert own(service) == [OLD]
    assert told(service) == [OLD]
    assert live(service) == 0
    with service.services.database.read() as connection:
        account = connection.execute(select(accounts)).one()
        case = connection.execute(select(cases)).one()
    assert account.guarded_at == account.address_changed_at == service.clock.now()
    assert case.kind == "address_changed"
    assert owner.open(link).status_code == 410
    assert service.events("login:address_change:reverted")[0].account_id == account.id


def test_a_reset_begun_by_the_new_address_finds_no_account_after_the_revert(local: Running) -> None:
    thief = local.browser()
    local.sign_up(thief, OLD)
    changed(local, thief)
    owner = local.browser()
    owner.open(link_to_revert(local))
    owner.submit("/not-me/address")
    with local.services.database.read() as connection:
        assert find_account_by_email(connection, NEW) is None
        assert find_account_by_email(connection, OLD) is not None


def test_the_first_of_two_changes_undoes_both_and_the_second_link_is_dead(local: Running) -> None:
    thief = local.browser()
    local.sign_up(thief, OLD)
    changed(local, thief, NEW)
    local.clock.advance(minutes=5)
    changed(local, thief, THIRD)
    first, second = link_to_revert(local, OLD), link_to_revert(local, NEW)
    owner = local.browser()
    owner.open(first)
    owner.submit("/not-me/address")
    assert told(local) == [OLD]
    assert owner.open(second).status_code == 410


def test_going_back_to_ones_own_former_address_is_possible(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    changed(local, browser, NEW)
    local.clock.advance(minutes=2)
    changed(local, browser, OLD)
    assert own(local) == [OLD]


def test_who_takes_the_address_back_is_not_put_out_again_by_the_one_in_between(service: Running) -> None:
    thief = service.browser()
    service.sign_up(thief, OLD)
    changed(service, thief, NEW)
    service.clock.advance(minutes=2)
    changed(service, thief, THIRD)
    service.clock.advance(minutes=2)
    changed(service, thief, OLD)  # its owner, who is still signed in, and reads the old mailbox
    assert told(service) == [OLD]
    assert "does not open it any more" in service.mails(THIRD)[0].text
    assert not any("/not-me/address" in mail.text for mail in service.mails(THIRD))
    former = link_to_revert(service, NEW)  # the thief's, of the change from NEW to THIRD
    assert thief.open(former).status_code == 410
    assert own(service) == [OLD]
    thief.open(link_to_revert(service, OLD))  # the owner's own still does what it says
    thief.submit("/not-me/address")
    assert own(service) == [OLD]


def test_the_link_lives_for_72_hours(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    changed(local, browser)
    link = link_to_revert(local)
    local.clock.advance(hours=72)
    assert browser.open(link).status_code == 410
    assert browser.open("/not-me/address?token=nothing").status_code == 410


def test_a_taken_address_gets_the_same_page_and_its_owner_a_mail(local: Running) -> None:
    local.sign_up(local.browser(), NEW)
    browser = local.browser()
    local.sign_up(browser, OLD)
    browser.open("/account/address")
    browser.submit("/account/address", email=NEW)
    assert browser.answer.status_code == 200
    assert "holds a code of 8 digits" in browser.answer.text
    assert "belongs to one already" in local.mails(NEW)[0].text
    assert browser.submit("/account/address/code", code="00000000").status_code == 400
    assert local.events("login:address_change:code_wrong")


def test_an_address_that_was_replaced_lately_is_kept_from_others(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    changed(local, browser)
    stranger = local.browser()
    local.shop().begin(stranger)
    local.prove_address(stranger, OLD)
    answer = stranger.submit("/login/credential/password", password=PASSWORD)
    assert answer.status_code == 409
    assert own(local) == [NEW]


def test_a_proof_that_is_too_old_is_asked_for_first(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    local.clock.advance(minutes=11)
    browser.open("/account/address")
    assert "Confirm that it" in browser.answer.text
    browser.submit("/login/password", password=PASSWORD)
    assert "New e-mail address" in browser.answer.text
    browser.submit("/account/address", email=NEW)
    local.clock.advance(minutes=9, seconds=59)
    code = local.code_for(NEW)
    local.clock.advance(seconds=2)
    browser.submit("/account/address/code", code=code)
    assert "Confirm that it" in browser.answer.text  # and nothing was changed meanwhile
    assert own(local) == [OLD]


def test_a_password_that_was_just_reset_by_mail_changes_no_address(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    with local.services.database.write() as connection:
        connection.execute(accounts.update().values(password_reset_at=local.clock.now()))
    assert browser.open("/account/address").status_code == 403


def test_not_me_drops_what_is_being_proven(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    browser.open("/account/address")
    browser.submit("/account/address", email=NEW)
    with local.services.database.write() as connection:
        account = connection.execute(select(accounts.c.id)).scalar_one()
        local.services.not_me.shield(connection, account, kind="new_device", origin=_here(), now=local.clock.now())
    assert len(local.events("login:address_change:dropped")) == 1
    form = {"csrf": browser._parsed().meta_csrf, "code": local.code_for(NEW)}
    assert browser.http.post("/account/address/code", data=form, headers=SAME_ORIGIN).status_code == 401
    assert own(local) == [OLD]


def test_bad_input_is_refused_with_a_sentence(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    for typed, code in (("no address", "account.address_invalid"), (OLD.upper(), "account.address_unchanged")):
        browser.open("/account/address")
        assert browser.submit("/account/address", email=typed).status_code == 400
        assert local.events("web:request:refused")[-1].facts["code"] == code
    browser.open("/account/address")
    form = {"csrf": browser._parsed().meta_csrf, "code": "12345678"}
    answer = browser.http.post("/account/address/code", data=form, headers=SAME_ORIGIN)
    assert answer.status_code == 409  # nothing was asked for


def test_thinking_better_of_it_keeps_the_address(local: Running) -> None:
    browser = local.browser()
    local.sign_up(browser, OLD)
    browser.open("/account/address")
    browser.submit("/account/address", email=NEW)
    code = local.code_for(NEW)
    browser.submit("/account/address/drop")
    assert OLD in browser.answer.text
    form = {"csrf": browser._parsed().meta_csrf, "code": code}
    assert browser.http.post("/account/address/code", data=form, headers=SAME_ORIGIN).status_code == 409
    assert own(local) == [OLD]


def test_another_session_of_the_same_account_does_not_go_on_with_it(local: Running) -> None:
    one = local.browser()
    local.sign_up(one, OLD)
    one.open("/account/address")
    one.submit("/account/address", email=NEW)
    code = local.code_for(NEW)
    two = local.browser()
    local.sign_in(two, OLD)
    two.open("/account/address")
    form = {"csrf": two._parsed().meta_csrf, "code": code}
    two.http.post("/account/address/code", data=form, headers=SAME_ORIGIN)
    assert own(local) == [OLD]


def _here() -> Any:
    from authsvc.core.origin import Origin

    return Origin("req_test", "203.0.113.7", "test")
