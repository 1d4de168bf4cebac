"""Sixteen at once on PostgreSQL: a one-time password and a recovery code prove once, and each guess is counted."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from authsvc.accounts.tables import alerts, sessions
from authsvc.factors.recovery_code.tables import recovery_code_sets, recovery_codes
from authsvc.factors.tables import typed_tries
from authsvc.factors.totp.tables import totp_secrets
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.races import THREADS, at_once, waits_for_a_lock
from tests.support.running import PASSWORD, Running
from tests.support.second_factors import HERE, SESSION, Phone, account_of, enrol_app, make_recovery_codes

pytestmark = pytest.mark.postgresql

EMAIL = "ada@example.org"


@pytest.fixture
def service(service: Running) -> Running:
    """authsvc with an account."""
    service.sign_up(service.browser(), EMAIL)
    return service


def asked_for_a_second(service: Running, kind: str) -> BrowserClient:
    browser = service.browser()
    service.shop().begin(browser, acr_values="urn:authsvc:acr:mfa")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    browser.submit("/login/step-up/typed", kind=kind)
    return browser


def check(service: Running, kind: str, typed: str) -> str | None:
    """Try a code as the step-up does; return None when it was right."""
    factor = service.services.step_up.typed_factor(kind)
    assert factor is not None
    account_id = account_of(service, EMAIL)
    with service.services.database.write() as connection:
        return factor.check(connection, account_id, typed, origin=HERE, now=service.clock.now()).code


def test_one_code_of_the_app_proves_once(service: Running) -> None:
    phone = enrol_app(service, EMAIL)
    code = phone.code()
    answers = at_once(lambda _: check(service, "totp", code))
    assert answers.count(None) == 1
    assert set(answers) <= {None, "totp.spent", "totp.too_many"}


def test_one_code_in_sixteen_browsers_signs_one_in(service: Running) -> None:
    phone = enrol_app(service, EMAIL)
    browsers = [asked_for_a_second(service, "totp") for _ in range(THREADS)]
    forms = [{**browser.form("/login/code"), "code": phone.code()} for browser in browsers]
    before = service.count(sessions)
    answers = at_once(lambda number: browsers[number].http.post("/login/code", data=forms[number], headers=SAME_ORIGIN))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 303
    assert set(statuses[1:]) <= {400, 429}
    assert service.count(sessions) == before + 1
    assert len(service.events("login:sign_in:completed")) == 2  # the sign-up was the first


def test_one_recovery_code_proves_once(service: Running) -> None:
    code, *_ = make_recovery_codes(service, EMAIL)
    answers = at_once(lambda _: check(service, "recovery_code", code))
    assert sorted(answers, key=str) == [None] + ["recovery_code.spent"] * (THREADS - 1)
    with service.services.database.read() as connection:
        kinds = list(connection.execute(select(alerts.c.kind)).scalars())
        left = service.services.recovery_codes.remaining(connection, account_of(service, EMAIL))
    assert (kinds.count("recovery_code_used"), left) == (1, 9)


def test_one_recovery_code_in_sixteen_browsers_signs_one_in(service: Running) -> None:
    code, *_ = make_recovery_codes(service, EMAIL)
    browsers = [asked_for_a_second(service, "recovery_code") for _ in range(THREADS)]
    forms = [{**browser.form("/login/code"), "code": code} for browser in browsers]
    answers = at_once(lambda number: browsers[number].http.post("/login/code", data=forms[number], headers=SAME_ORIGIN))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * (THREADS - 1)


def test_sixteen_guesses_are_sixteen_tries_or_were_told_to_wait(service: Running) -> None:
    phone = enrol_app(service, EMAIL)
    wrong = phone.wrong_code()
    answers = at_once(lambda _: check(service, "totp", wrong))
    with service.services.database.read() as connection:
        counted = connection.execute(select(typed_tries.c.failures)).scalar_one()
    assert counted == answers.count("totp.wrong") == 6  # five are free, the sixth makes the others wait
    assert answers.count("totp.too_many") == THREADS - 6


def test_one_first_code_sets_one_app_up(service: Running) -> None:
    totp, account_id, now = service.services.totp, account_of(service, EMAIL), service.clock.now()
    with service.services.database.write() as connection:
        begun = totp.begin_enrolment(connection, account_id, session_id=SESSION, account_name=EMAIL, now=now)
    code = Phone(service, begun.secret.replace(" ", "")).code()

    def confirm(_: int) -> bool:
        with service.services.database.write() as connection:
            return totp.confirm_enrolment(connection, account_id, code, session_id=SESSION, origin=HERE, now=now).right

    assert at_once(confirm).count(True) == 1
    assert service.count(totp_secrets) == 1
    assert len(service.events("totp:factor:added")) == 1


def test_of_sixteen_new_sets_one_stays_whole(service: Running) -> None:
    sets = at_once(lambda _: make_recovery_codes(service, EMAIL))
    assert (service.count(recovery_code_sets), service.count(recovery_codes)) == (1, 10)
    good = [codes for codes in sets if check(service, "recovery_code", codes[0]) is None]
    assert len(good) == 1
    assert all(check(service, "recovery_code", code) is None for code in good[0][1:])


def test_using_codes_while_they_are_replaced_and_removed_waits_for_nobody(service: Running) -> None:
    phone = enrol_app(service, EMAIL)
    account_id, database = account_of(service, EMAIL), service.services.database

    def work(number: int) -> None:
        for _ in range(5):
            codes = make_recovery_codes(service, EMAIL)
            check(service, "recovery_code", codes[number % 10])
            check(service, "totp", phone.code())
            with database.write() as connection:
                factor = (service.services.recovery_codes, service.services.totp)[number % 2]
                factor.remove_all(connection, account_id, origin=HERE, now=service.clock.now())

    at_once(work)  # a deadlock would raise
    with database.read() as connection:
        assert service.services.recovery_codes.remaining(connection, account_id) in range(11)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/password/change", {"password": "a thief's own long words 9"}),
        ("/account/recovery-codes", {}),
        ("/account/address", {"email": "thief@example.net"}),
        ("/account/delete", {"word": "delete"}),
    ],
)
def test_nothing_is_changed_in_a_session_that_ends_at_this_moment(
    service: Running, path: str, fields: dict[str, str]
) -> None:
    """A thief's freshly proven browser acts while the owner presses "this wasn't me"."""
    thief, account_id, now = service.browser(), account_of(service, EMAIL), service.clock.now()
    service.sign_in(thief, EMAIL)
    thief.open("/account")
    form = {"csrf": thief._parsed().meta_csrf, **fields}
    before = len(service.tags())
    with ThreadPoolExecutor(1) as pool:
        with service.services.database.write() as connection:
            service.services.not_me.shield(connection, account_id, kind="recovery_started", origin=HERE, now=now)
            late = pool.submit(thief.http.post, path, data=form, headers=SAME_ORIGIN)
            assert waits_for_a_lock(service.services.database)
        assert late.result().status_code == 401
    since = set(service.tags()[before:])
    assert not since & {
        "password:factor:changed",
        "recovery_code:factor:added",
        "login:address_change:asked",
        "login:account:erased",
    }


@pytest.mark.parametrize("kind", ["totp", "recovery_code"])
def test_a_second_proof_waits_for_a_lock_and_is_worth_nothing_after_it(service: Running, kind: str) -> None:
    typed = enrol_app(service, EMAIL).code() if kind == "totp" else make_recovery_codes(service, EMAIL)[0]
    browser = asked_for_a_second(service, kind)
    form = {**browser.form("/login/code"), "code": typed}
    account_id, before = account_of(service, EMAIL), service.count(sessions)
    with ThreadPoolExecutor(1) as pool:
        with service.services.database.write() as connection:
            assert service.services.locks.freeze(connection, account_id, by="operator", now=service.clock.now())
            late = pool.submit(browser.http.post, "/login/code", data=form, headers=SAME_ORIGIN)
            assert waits_for_a_lock(service.services.database)
        assert late.result().status_code != 200
    assert service.count(sessions) == before
