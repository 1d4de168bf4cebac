"""Whose hourly mails a mail to an address is paid from (security.md: 5 mails an hour and address). Pure.

Anybody can type anybody's address, and so spend what it may be sent. So that a stranger can't keep its owner from a
code, two have a budget of their own beside the strangers' one: a device that is known to the account, and whoever has
given the account's password in this sign-in. A stranger is neither; an address gets at most five mails an hour from all
strangers together.
"""


def mail_key(address: str, *, known_device: str | None = None, first_factor: bool = False) -> str:
    """Return what the limit `mail_per_recipient` counts by."""
    if first_factor:
        return f"{address} proven"
    return f"{address} {known_device}" if known_device else address
