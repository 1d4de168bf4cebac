"""How many guesses a password would stand, by zxcvbn (Wheeler, USENIX Security 2016). Wraps zxcvbn-rs-py.

zxcvbn knows lists of common passwords, names and words, keyboard rows, dates, repeats and substitutions, and finds the
cheapest way to put the password together from them. The account's own words are such a list, too.

Its work grows with the square of the length, and with every sign that could stand for a letter: 128 of those take it
seconds. So it is given windows of 32 characters, the first and the last: a password takes at least as many guesses as
any part of it. A hundred milliseconds at the very worst, under one for what people type.

Limits: the lists are English; a sentence in another language is scored as random letters. The breached-password file
(hibp_file.py) is the remedy. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zxcvbn_rs_py import Entropy, zxcvbn
from zxcvbn_rs_py import Warning as Finding

WINDOW = 32
MAX_WORDS = 40
MAX_WORD = 100

_COMMON = (Finding.ThisIsATop10Password, Finding.ThisIsATop100Password, Finding.ThisIsACommonPassword)


@dataclass(frozen=True)
class Strength:
    """What zxcvbn says. `common`: the password stands in a list of common ones. `why`: a sentence, or empty."""

    guesses_log10: float
    common: bool
    why: str


def estimate(password: str, own_words: Sequence[str] = ()) -> Strength:
    """Return the password's strength for somebody who knows these words about its owner."""
    words = [word[:MAX_WORD] for word in own_words[:MAX_WORDS]]
    windows = {password[:WINDOW], password[-WINDOW:]}
    return max((_read(zxcvbn(window, words)) for window in windows), key=lambda strength: strength.guesses_log10)


def _read(entropy: Entropy) -> Strength:
    warning = entropy.feedback.warning if entropy.feedback else None
    return Strength(entropy.guesses_log10, warning in _COMMON, str(warning) if warning else "")
