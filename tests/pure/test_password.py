"""Rules for passwords, the delay after failures, and the cost of unknown accounts."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from authsvc.core.errors import BadInput
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.lockout import OTHER_BROWSERS, delay_s, needs_owner
from authsvc.factors.password.opaque_string import normalised
from authsvc.factors.password.own_words import own_words
from authsvc.factors.password.rules import Demands, check_new
from authsvc.factors.password.zxcvbn_strength import MAX_WORDS, WINDOW, estimate
from authsvc.settings import PasswordSettings

CHEAP = PasswordSettings(memory_kib=8, time_cost=1)
ALONE = Demands(min_length=15, max_length=128, min_guesses_log10=10.0)
BESIDE = Demands(min_length=8, max_length=128, min_guesses_log10=8.0)
WORDS = own_words("ada.lovelace@engine.example", "Ada Lovelace", "authsvc", "Tea Shop")


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
        ("fourteen chars", "password.too_short"),
        ("x" * 129, "password.too_long"),
        ("a password with \x00 in it", "password.unusable"),
        ("a password with \u202e in it", "password.unusable"),
        ("aaaaaaaaaaaaaaaaaaaa", "password.guessable"),
        ("passwordpassword", "password.guessable"),
        ("P@ssw0rdP@ssw0rd", "password.guessable"),
        ("qwertyuiopasdfghjkl", "password.guessable"),
        ("123456789012345678", "password.guessable"),
        ("iloveyou iloveyou", "password.guessable"),
        ("ADA.Lovelace@engine.EXAMPLE", "password.own_words"),
        ("lovelace-lovelace", "password.own_words"),
        ("adalovelace teashop", "password.own_words"),
    ],
)
def test_refused_passwords(password: str, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_new(password, ALONE, WORDS)
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "пароль из слов и знаков",
        "tea and toast 97",
        "lovelace likes warm engines",
        "x" * 14 + "9Kq#v2Ztw",
    ],
)
def test_accepted_passwords(password: str) -> None:
    check_new(password, ALONE, WORDS)


@pytest.mark.parametrize("password", ["Kx7#mQ2p", "trundle9fog"])
def test_eight_characters_are_enough_beside_a_second_factor(password: str) -> None:
    check_new(password, BESIDE, WORDS)
    with pytest.raises(BadInput) as refusal:
        check_new(password, ALONE, WORDS)
    assert refusal.value.code == "password.too_short"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("dragon12", "password.common"),
        ("fluffy2015", "password.guessable"),
        ("iloveyou", "password.common"),
        ("lovelace", "password.own_words"),
    ],
)
def test_beside_a_second_factor_not_everything_will_do(password: str, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check_new(password, BESIDE, WORDS)
    assert refusal.value.code == code


def test_own_words_are_whole_parts_and_squeezed() -> None:
    words = own_words("Ada.Lovelace+tea@Engine.example", "Ada K. Lovelace", None, "Tea Shop")
    assert {"ada.lovelace+tea@engine.example", "ada", "lovelace", "engine", "adaklovelace", "teashop", "tea"} <= {
        *words
    }
    assert "k" not in words
    assert len(words) == len(set(words))


def test_a_long_password_is_looked_at_from_both_ends() -> None:
    assert estimate("a" * 90 + "Vx9 quilt thunder mango").guesses_log10 > 8
    assert estimate("Vx9 quilt thunder mango" + "a" * 90).guesses_log10 > 8
    assert estimate("a" * 128).guesses_log10 < 8


def test_what_is_hard_to_look_at_is_bounded() -> None:
    """The number of substitutions zxcvbn tries grows with the signs in a password; the window bounds it."""
    worst = ("4@8({[<369!|1705$+7%2" * 7)[:128]
    assert estimate(worst, ["word"] * 10 * MAX_WORDS).guesses_log10 == estimate(worst[:WINDOW]).guesses_log10


def test_own_words_of_one_person_are_not_tried_on_another() -> None:
    """zxcvbn's Python port keeps the words in a global; this one must not, whatever the threads do."""

    def try_both(number: int) -> bool:
        mine = f"quilted{number:03d}thunder"
        return (
            estimate(mine, [mine]).guesses_log10
            < 3
            < 8
            < estimate(mine, [f"quilted{number + 1:03d}thunder"]).guesses_log10
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(try_both, range(400)))


def test_an_unknown_account_costs_one_hash_like_a_known_one() -> None:
    hasher = Hasher(CHEAP)
    stored = hasher.hash("right")
    before = hasher.computed
    assert hasher.verify(stored, "right")
    assert not hasher.verify(stored, "wrong")
    assert not hasher.verify(None, "right")
    assert not hasher.verify("not a hash", "right")
    assert hasher.computed - before == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cafe\u0301 au lait", "caf\u00e9 au lait"),
        ("four\u00a0words\u3000here", "four words here"),
        (
            "한글 비밀번호",
            "\u1112\u1161\u11ab\u1100\u1173\u11af \u1107\u1175\u1106\u1175\u11af\u1107\u1165\u11ab\u1112\u1169",
        ),
    ],
)
def test_two_spellings_of_one_password_are_one(one: str, other: str) -> None:
    hasher = Hasher(CHEAP)
    assert normalised(one) == normalised(other)
    assert hasher.verify(hasher.hash(one), other)
    assert hasher.verify(hasher.hash(other), one)


@pytest.mark.parametrize(("one", "other"), [("x²", "x2"), ("ﬁne", "fine"), ("Straße", "STRASSE"), ("a b", "a  b")])
def test_what_its_owner_sees_as_different_is_different(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_default_cost_is_the_low_memory_profile_of_rfc_9106() -> None:
    settings = PasswordSettings()
    assert (settings.memory_kib, settings.time_cost) == (64 * 1024, 3)
    stored = Hasher(settings).hash("x")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert Hasher(CHEAP).outdated(stored)
