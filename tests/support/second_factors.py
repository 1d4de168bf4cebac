"""Second factors for accounts under test, set up as the account page sets them up, and a phone that shows codes."""

from dataclasses import dataclass

import pyotp

from authsvc.accounts.store import find_account_by_email
from authsvc.core.origin import Origin
from tests.support.running import Running

HERE = Origin("req_test", "203.0.113.7", "test")
SESSION = "ses_test"


@dataclass
class Phone:
    """An authenticator app: pyotp on the test's clock."""

    service: Running
    secret: str

    def code(self, *, steps: int = 0) -> str:
        """Return what it shows now, or so many steps from now."""
        return pyotp.TOTP(self.secret).at(self.service.clock.now(), counter_offset=steps)

    def wrong_code(self) -> str:
        """Return a code that is right in no step near now."""
        near = {self.code(steps=steps) for steps in range(-3, 4)}
        return next(
            code
            for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
            if code not in near
        )


def account_of(service: Running, email: str) -> str:
    with service.services.database.read() as connection:
        account = find_account_by_email(connection, email)
    assert account is not None
    return account.id


def enrol_app(service: Running, email: str) -> Phone:
    """Give the account an authenticator app; its next code is one that was not used."""
    totp, account_id, now = service.services.totp, account_of(service, email), service.clock.now()
    with service.services.database.write() as connection:
        begun = totp.begin_enrolment(connection, account_id, session_id=SESSION, account_name=email, now=now)
    phone = Phone(service, begun.secret.replace(" ", ""))
    with service.services.database.write() as connection:
        checked = totp.confirm_enrolment(connection, account_id, phone.code(), session_id=SESSION, origin=HERE, now=now)
    assert checked.right
    service.clock.advance(seconds=30)
    return phone


def make_recovery_codes(service: Running, email: str) -> tuple[str, ...]:
    """Give the account recovery codes."""
    with service.services.database.write() as connection:
        return service.services.recovery_codes.make_new_set(
            connection, account_of(service, email), origin=HERE, now=service.clock.now()
        )
