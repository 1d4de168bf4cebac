"""Whose hourly mails a mail is paid from, and whose daily tries a typed code (security.md, "Addresses and mail"). Pure.

Anybody can type anybody's address, and so spend what it may be sent and tried. So that a stranger can't keep its owner
from a code, three have a budget of their own beside the strangers' one: a device that is known to the account, whoever
has given the account's password in this sign-in, and whoever has proven its mailbox in this recovery. A stranger is
none of them; an address gets at most five mails an hour, and twenty guesses a day, from all strangers together.

A link is no guess: it has 256 random bits. It works, in the browser that asked for it, after all tries are used up.
"""

from authsvc.core.ids import CODE_DIGITS


def budget_of(whose: str, *, known_device: str | None = None, first_factor: bool = False, mailbox: bool = False) -> str:
    """Return what the limits `mail_per_recipient` and `code_per_account` count by.

    Args:
        whose: an address, or an account's id.
        first_factor, mailbox: what has been proven of the account in this flow.
    """
    if mailbox:
        return f"{whose} mailbox"
    if first_factor:
        return f"{whose} proven"
    return f"{whose} {known_device}" if known_device else whose


def digits_of(typed: str) -> str:
    """Return a code as it is compared: people type it in groups."""
    return "".join(typed.split()).replace("-", "")


def is_guess(typed: str) -> bool:
    """Return whether this could be the code by luck; nothing of another length could, in any spelling."""
    return len(digits_of(typed)) == CODE_DIGITS
