"""Which warnings close the password: those named as exceptions exist, and everything else does."""

from authsvc.accounts.alerts.service import AlertKind
from authsvc.login.account.activity.sentences import SENTENCES
from authsvc.login.alerts.concern import NOT_BY_PASSWORD, concerns_password


def test_each_exception_is_a_warning_or_an_event_that_exists() -> None:
    assert {kind.value for kind in AlertKind} | SENTENCES.keys() >= NOT_BY_PASSWORD


def test_what_nobody_has_thought_about_closes_the_password() -> None:
    assert concerns_password("some:new:event")
    assert {kind for kind in AlertKind if not concerns_password(kind.value)} == {
        AlertKind.RECOVERY_STARTED,
        AlertKind.REFRESH_REUSED,
    }
