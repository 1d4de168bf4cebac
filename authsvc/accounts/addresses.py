"""E-mail addresses: one spelling for each, and a hint that reveals little. Pure.

Upper and lower case are folded in the whole address: mail hosts that tell them apart are rarer than customers who
type their own address in two ways.
"""

from email_validator import EmailNotValidError, validate_email

from authsvc.core.errors import BadInput

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets


def normalise(typed: str) -> str:
    """Return the one spelling under which an address is stored and found.

    Raises:
        BadInput: `account.address_invalid`: it can't be an e-mail address.
    """
    typed = typed.strip()
    if len(typed) > MAX_LENGTH:
        raise BadInput("account.address_invalid", "That does not look like an e-mail address.")
    try:
        checked = validate_email(typed, check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as problem:
        raise BadInput("account.address_invalid", "That does not look like an e-mail address.") from problem
    return checked.normalized.lower()  # not casefold: straße.de is another domain than strasse.de


def hint(email: str) -> str:
    """Return an address as a page may show it to somebody who typed it: `m•••@example.org`."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain}"
