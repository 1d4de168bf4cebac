"""Whether a frame came before, from keyed fragments of its perceptual hash. Pure.

A frame's look (pipeline/look_alike.py) is 64 bits that saving the picture again hardly changes. It is cut into BANDS
bands of 8 bits, and of each only a keyed hash is kept (HMAC-SHA-256 under a key that is not in the database, with the
account's id and the band's number in it, 8 bytes of it):

    token[band] = HMAC(key, account || band || bits)[:8]

Two frames are the same picture when at least ALIKE of the tokens agree: bits that flipped lie in few bands. Without the
key a token can't be turned back, compared between accounts, or tried out; whoever has only the table sees which bands
of two frames of one account agree.

Limits: a picture that was cropped, turned or photographed again has another look. It finds frames that are *sent*
again, from a file or a tapped line; a picture held to the camera is for the attack detection.
"""

from collections.abc import Callable, Iterable, Sequence

BANDS = 8
BAND_BITS = 8
TOKEN_BYTES = 8
ALIKE = 6

Keyed = Callable[[str], bytes]  # a keyed hash of a text, 32 bytes


def tokens_of(look: int, account_id: str, keyed: Keyed) -> bytes:
    """Return the BANDS tokens of a look, one after another."""
    bands = (look >> (BAND_BITS * band) & ((1 << BAND_BITS) - 1) for band in range(BANDS))
    return b"".join(keyed(f"{account_id}/{band}/{bits}")[:TOKEN_BYTES] for band, bits in enumerate(bands))


def is_alike(one: bytes, other: bytes) -> bool:
    """Return whether two frames' tokens say that they are the same picture."""
    return sum(first == second for first, second in zip(_cut(one), _cut(other), strict=True)) >= ALIKE


def first_seen(frames: Sequence[Sequence[bytes]], past: Iterable[bytes]) -> int | None:
    """Return the first frame (from 0) of which a past one is alike.

    Args:
        frames: each frame's tokens, once under every key that past ones may be kept under.
    """
    kept = list(past)
    for number, spellings in enumerate(frames):
        if any(is_alike(tokens, other) for tokens in spellings for other in kept):
            return number
    return None


def _cut(tokens: bytes) -> list[bytes]:
    return [tokens[at : at + TOKEN_BYTES] for at in range(0, len(tokens), TOKEN_BYTES)]
