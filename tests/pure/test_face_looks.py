"""Whether a frame came before, from keyed fragments of its look."""

import hashlib
import hmac
import random

import pytest

from authsvc.factors.face.looks import BANDS, TOKEN_BYTES, first_seen, is_alike, tokens_of

LOOK = 0x0123_4567_89AB_CDEF


def keyed(key: bytes):
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).digest()


def tokens(look: int, account: str = "acc_a", key: bytes = b"k") -> bytes:
    return tokens_of(look, account, keyed(key))


@pytest.mark.parametrize("bits", [(), (0,), (0, 8), (0, 1, 2, 3), (0, 5, 8, 12), (63, 7)])
def test_a_picture_that_was_saved_again_is_the_same(bits: tuple[int, ...]) -> None:
    changed = LOOK
    for bit in bits:
        changed ^= 1 << bit
    assert is_alike(tokens(LOOK), tokens(changed))


def test_bits_in_three_bands_are_another_picture() -> None:
    assert not is_alike(tokens(LOOK), tokens(LOOK ^ 0x010101))


def test_two_pictures_are_never_alike_by_chance() -> None:
    rng = random.Random(3)
    looks = [tokens(rng.getrandbits(64)) for _ in range(200)]
    assert not any(is_alike(one, other) for n, one in enumerate(looks) for other in looks[:n])


def test_without_the_key_or_for_another_account_nothing_agrees() -> None:
    own = tokens(LOOK)
    assert len(own) == BANDS * TOKEN_BYTES
    for other in (tokens(LOOK, key=b"another"), tokens(LOOK, account="acc_b")):
        assert not any(
            own[at : at + TOKEN_BYTES] == other[at : at + TOKEN_BYTES] for at in range(0, len(own), TOKEN_BYTES)
        )


def test_equal_bands_of_one_look_have_different_tokens() -> None:
    same = tokens(0)
    assert len({same[at : at + TOKEN_BYTES] for at in range(0, len(same), TOKEN_BYTES)}) == BANDS


def test_the_first_frame_that_came_before_is_named_also_under_an_older_key() -> None:
    past = [tokens(0x5A5A_5A5A_5A5A_5A5A), tokens(LOOK, key=b"older")]
    frames = [[tokens(2), tokens(2, key=b"older")], [tokens(LOOK), tokens(LOOK, key=b"older")]]
    assert first_seen(frames, past) == 1
    assert first_seen(frames[:1], past) is None
    assert first_seen(frames, []) is None
