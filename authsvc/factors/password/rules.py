"""What a new password must be: long, not easily guessed, not known from a breach (SP 800-63B-4, 3.1.1.2). Pure.

No composition: nobody is asked for a digit or a capital. In this order, so that the first sentence helps most:

1. at least `min_length` code points: 15 where a password alone signs in, 8 beside a second factor (settings);
2. at most `max_length`;
3. no control characters: they can't be typed again;
4. not made of the account's own words: without them six letters or digits remain;
5. not in a list of common passwords, and not guessed in fewer than 10^10 tries (10^8 beside a second factor), which is
   where zxcvbn begins to say "very" and "safely" unguessable. What a sign-in page lets through is far less;
   these numbers are for the day on which the hashes are stolen;
6. not in the operator's file of breached passwords, which service.py looks into: that is a file, and this is pure.

A second factor here is one that is typed beside the password and asked of its owner: an authenticator app. A passkey
stands in the password's place, recovery codes are for the day on which the rest is lost, a face nobody has to show.
"""

from collections.abc import Collection
from dataclasses import dataclass

from authsvc.accounts.levels import ProofKind
from authsvc.core.errors import BadInput
from authsvc.factors.password.zxcvbn_strength import estimate

MAX_TYPED = 1024  # longer input is refused before anything is computed on it

MIN_OF_ITS_OWN = 6  # letters and digits beside the account's own words

HELP = "A few words that have nothing to do with each other are easy to remember and hard to guess."


@dataclass(frozen=True)
class Demands:
    """What is asked of a new password."""

    min_length: int
    max_length: int
    min_guesses_log10: float


def stands_beside(kinds: Collection[ProofKind]) -> bool:
    """Return whether a password stands beside a second factor. Args: kinds is what the account has."""
    return ProofKind.TOTP in kinds


def check_new(password: str, demands: Demands, own_words: tuple[str, ...]) -> None:
    """Check a password that somebody chose, as opaque_string.normalised spells it.

    Raises:
        BadInput: `password.too_short`, `password.too_long`, `password.unusable`, `password.common`,
            `password.own_words` or `password.guessable`.
    """
    if len(password) < demands.min_length:  # 1
        raise BadInput("password.too_short", f"Please use at least {demands.min_length} characters. {HELP}")
    if len(password) > demands.max_length:  # 2
        raise too_long(demands.max_length)
    if not password.isprintable():  # 3
        raise BadInput("password.unusable", "The password has characters that can't be typed again.")
    if _made_of(password, own_words):  # 4
        text = "That password is built from your own name or address, or from ours, which is what is tried first."
        raise BadInput("password.own_words", f"{text} {HELP}")
    strength = estimate(password, own_words)  # 5
    if strength.common:
        raise BadInput("password.common", f"That password is one of the first that anybody would try. {HELP}")
    if strength.guesses_log10 < demands.min_guesses_log10:
        raise BadInput("password.guessable", " ".join(filter(None, ("That is too easy to guess.", strength.why, HELP))))


def too_long(max_length: int) -> BadInput:
    return BadInput("password.too_long", f"Please use at most {max_length} characters.")


def breached() -> BadInput:
    """Return the refusal of a password that was found in breaches."""
    return BadInput(
        "password.breached",
        "That password was made public in a data breach elsewhere, so it is tried everywhere. If you use it on other "
        f"sites, change it there too. {HELP}",
    )


def _made_of(password: str, own_words: tuple[str, ...]) -> bool:
    rest = password.casefold()
    for word in sorted(own_words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != password.casefold() and sum(character.isalnum() for character in rest) < MIN_OF_ITS_OWN
