"""Rules for passwords, the delay after failures, and the cost of unknown accounts."""

import pytest

from authsvc.core.errors import BadInput
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.lockout import OTHER_BROWSERS, delay_s, needs_owner
from authsvc.factors.password.rules import check_new
from authsvc.settings import PasswordSettings

CHEAP = PasswordSettings(memory_kib=8, time_cost=1)


def test_delays_follow_the_table() -> None:
    assert [delay_s(failures) for failures in range(14)] == [0] * 6 + [1, 5, 30, 300, 600, 1200, 2400, 3600]
    assert delay_s(10_000) == 3600


def test_the_owner_is_asked_for_after_a_hundred_failures_elsewhere() -> None:
    assert not needs_owner(99, OTHER_BROWSERS)
    assert needs_owner(100, OTHER_BROWSERS)
    assert not needs_owner(100, "dev_known")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password.too_short"),
        ("x" * 129, "password.too_long"),
        ("a password with \x00 in it", "password.unusable"),
        ("aaaaaaaaaaaaaaaaaaaa", "password.guessable"),
        ("SOMEBODY@example.org", "password.guessable"),
    ],
)
def test_refused_passwords(password: str, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_new(password, min_length=15, max_length=128, own_words=("somebody@example.org", "Some Body"))
    assert refusal.value.code == code


@pytest.mark.parametrize("password", ["correct horse battery", "пароль из слов и знаков", "x" * 14 + "yzw"])
def test_accepted_passwords(password: str) -> None:
    check_new(password, min_length=15, max_length=128, own_words=())


def test_an_unknown_account_costs_one_hash_like_a_known_one() -> None:
    hasher = Hasher(CHEAP)
    stored = hasher.hash("right")
    before = hasher.computed
    assert hasher.verify(stored, "right")
    assert not hasher.verify(stored, "wrong")
    assert not hasher.verify(None, "right")
    assert not hasher.verify("not a hash", "right")
    assert hasher.computed - before == 4


def test_two_spellings_of_one_character_are_one_password() -> None:
    hasher = Hasher(CHEAP)
    assert hasher.verify(hasher.hash("cafe\u0301 au lait"), "caf\u00e9 au lait")


def test_default_cost_is_the_low_memory_profile_of_rfc_9106() -> None:
    settings = PasswordSettings()
    assert (settings.memory_kib, settings.time_cost) == (64 * 1024, 3)
    stored = Hasher(settings).hash("x")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert Hasher(CHEAP).outdated(stored)
