"""What a new password must be. Length, not composition (SP 800-63B-4, 3.1.1.2). Pure."""

from authsvc.core.errors import BadInput

MAX_TYPED = 1024  # longer input is refused before anything is computed on it


def check_new(password: str, *, min_length: int, max_length: int, own_words: tuple[str, ...]) -> None:
    """Check a password that somebody chose.

    1. not shorter than `min_length` characters, 2. not longer than `max_length`,
    3. no control characters, 4. not one of the account's own words (address, name), not one character repeated.

    Raises:
        BadInput: `password.too_short`, `password.too_long`, `password.unusable` or `password.guessable`.
    """
    if len(password) < min_length:
        raise BadInput("password.too_short", f"Please use at least {min_length} characters. A few words will do.")
    if len(password) > max_length:
        raise BadInput("password.too_long", f"Please use at most {max_length} characters.")
    if not password.isprintable():
        raise BadInput("password.unusable", "The password has characters that can't be typed again.")
    folded = password.casefold()
    if len(set(folded)) < 4 or any(folded == word.casefold() for word in own_words):
        raise BadInput("password.guessable", "That password is too easy to guess.")
