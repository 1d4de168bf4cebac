"""How recovery codes are written and read again."""

import pytest

from authsvc.factors.recovery_code.words import ALPHABET, code_from, normalise

CODE = code_from(bytes(range(10)))


@pytest.mark.parametrize(
    ("random", "code"),
    [
        (bytes(10), "0000-0000-0000-0000"),
        (b"\xff" * 10, "zzzz-zzzz-zzzz-zzzz"),
        (b"\x00" * 9 + b"\x01", "0000-0000-0000-0001"),
        (b"\x80" + b"\x00" * 9, "g000-0000-0000-0000"),
    ],
)
def test_every_bit_counts(random: bytes, code: str) -> None:
    assert code_from(random) == code


def test_two_codes_are_two_codes() -> None:
    assert len({code_from(bytes([*range(9), last])) for last in range(256)}) == 256


@pytest.mark.parametrize("length", [0, 9, 11])
def test_it_is_made_of_80_bits(length: int) -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        code_from(bytes(length))


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.upper(),
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"  {CODE}\n",
        CODE.replace("0", "o").replace("1", "l"),
        CODE.replace("0", "O").replace("1", "I"),
    ],
)
def test_what_people_make_of_it_is_the_same_code(typed: str) -> None:
    assert normalise(typed) == CODE.replace("-", "")


@pytest.mark.parametrize("typed", ["", CODE[:-1], CODE + "0", "u" * 16, "é" * 16, "\x00" * 16, "0" * 5000])
def test_what_can_not_be_one(typed: str) -> None:
    assert normalise(typed) is None


def test_no_letter_looks_like_another() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("ilou") & set(ALPHABET)
