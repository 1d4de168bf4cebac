"""What the events of an account mean to its owner, as sentences. Pure.

Only what a person can make sense of is here; a tag that is not listed is not shown. What nobody but the owner of the
session can have done (signing out, taking a consent back) can't be disowned one by one: it takes a session, and how
that one came about is on the list too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Sentence:
    """One event as its owner reads it. `disownable`: it may have been somebody else."""

    text: str
    symbol: str = "info"
    disownable: bool = False
    bad: bool = False  # worth a second look


_LEVELS = {
    "phr": " with a passkey",
    "mfa": " with your password and a second proof",
    "pwd_email": " with your password and a code by mail",
    "pwd": " with your password",
    "email": " with a code by mail",
}
_PURPOSES = {"typing": "recognise how you type", "face": "recognise your face"}
_ENDINGS = {
    "signed_out": "You signed out.",
    "ended_by_owner": "You signed another place out.",
    "password_changed": "A sign-in ended because the password changed.",
    "factor_removed": "A sign-in ended because the way it was made was removed.",
}


def sentence_of(tag: str, facts: Facts, clients: Mapping[str, str]) -> Sentence | None:
    """Return the sentence for an event, None where it means nothing to a person.

    Args:
        clients: the name of each client, by its id.
    """
    return SENTENCES[tag](facts, clients) if tag in SENTENCES else None


def _signed_in(facts: Facts, clients: Mapping[str, str]) -> Sentence:
    client = clients.get(str(facts.get("client")))
    at = f" to continue to {client}" if client else ""
    new = ", from a device that was new to us" if facts.get("new_device") else ""
    how = _LEVELS.get(str(facts.get("level")), "")
    return Sentence(f"Signed in{how}{at}{new}.", "mark", disownable=True, bad=bool(facts.get("new_device")))


def _ended(facts: Facts, _: Mapping[str, str]) -> Sentence | None:
    text = _ENDINGS.get(str(facts.get("reason")))
    return Sentence(text, "out") if text else None


def _consent(words: str) -> "Phrase":
    def phrase(facts: Facts, _: Mapping[str, str]) -> Sentence | None:
        purpose = _PURPOSES.get(str(facts.get("purpose")))
        return Sentence(f"{words} us to {purpose}.", "check") if purpose else None

    return phrase


def _always(text: str, symbol: str, *, disownable: bool = False, bad: bool = False) -> "Phrase":
    sentence = Sentence(text, symbol, disownable, bad)
    return lambda _facts, _clients: sentence


Phrase = Callable[[Facts, Mapping[str, str]], Sentence | None]

SENTENCES: Mapping[str, Phrase] = {
    "accounts:account:frozen": _always("The account was closed for a while.", "deny"),
    "accounts:account:unfrozen": _always("The account was opened again.", "check"),
    "api:account:exported": _always("A shop was given the data that is kept about you.", "copy"),
    "accounts:consent:given": _consent("You allowed"),
    "accounts:consent:withdrawn": _consent("You no longer allow"),
    "accounts:session:ended": _ended,
    "cli:account:exported": _always("Our staff printed the data that is kept about you.", "copy"),
    "face:device:added": _always("A device was added that may capture your face.", "face", disownable=True),
    "face:device:removed": _always("A device that may capture your face was removed.", "face", disownable=True),
    "face:template:deleted": _always("The numbers computed from your face were deleted.", "face"),
    "face:template:enrolled": _always("A face was enrolled.", "face", disownable=True),
    "login:account:created": _always("You created this account.", "mark"),
    "login:account:exported": _always("Your data was downloaded.", "copy", disownable=True),
    "login:address_change:asked": _always("Somebody asked to change the mail address.", "mail", disownable=True),
    "login:address_change:code_wrong": _always(
        "Somebody typed a wrong code to change the mail address.", "alert", disownable=True, bad=True
    ),
    "login:address_change:dropped": _always("A change of the mail address that was under way was stopped.", "mail"),
    "login:address_change:made": _always("The mail address was changed.", "mail", disownable=True, bad=True),
    "login:address_change:reverted": _always("The old mail address was put back.", "mail"),
    "login:alert:disowned": _always(
        "\u201cThis wasn\u2019t me\u201d was pressed. Everybody was signed out.", "deny", bad=True
    ),
    "login:device:forgotten": _always("A device was forgotten.", "phone"),
    "login:password:failed": _always("Somebody typed a wrong password.", "alert", disownable=True, bad=True),
    "login:password:must_change": _always(
        "Somebody typed the password that has to be changed.", "alert", disownable=True, bad=True
    ),
    "login:password:overtaken": _always(
        "Somebody typed the right password, and nothing came of it: another press was faster.",
        "alert",
        disownable=True,
        bad=True,
    ),
    "login:password:too_short_alone": _always(
        "Somebody typed the password, which is too short now that the app is off.", "alert", disownable=True, bad=True
    ),
    "login:password:turned_away": _always(
        "Somebody typed a password after too many wrong ones. We did not look at it.",
        "alert",
        disownable=True,
        bad=True,
    ),
    "login:recovery:code_sent": _always(
        "A mail was asked for, to get back in without your usual proofs.", "mail", disownable=True
    ),
    "login:recovery:code_shown": _always(
        "A recovery code was typed, to get back in without your usual proofs.", "copy", disownable=True, bad=True
    ),
    "login:recovery:code_wrong": _always(
        "Somebody typed a wrong code from a mail, to get back in.", "alert", disownable=True, bad=True
    ),
    "login:recovery:finished": _always(
        "The account was recovered. Its old passkeys, passwords, apps and codes stopped working.",
        "alert",
        disownable=True,
        bad=True,
    ),
    "login:recovery:started": _always(
        "Somebody asked to get back in without your usual proofs.", "alert", disownable=True, bad=True
    ),
    "login:recovery:stopped": _always("The way back in without your usual proofs was stopped.", "check"),
    "login:reset:code_sent": _always("Somebody asked to reset the password by mail.", "mail", disownable=True),
    "login:reset:code_wrong": _always(
        "Somebody typed a wrong code to reset the password.", "alert", disownable=True, bad=True
    ),
    "login:reset:completed": _always(
        "The password was reset by mail, and everybody was signed out.", "password", disownable=True, bad=True
    ),
    "login:reset:mailbox_proven": _always(
        "The code to reset the password was right.", "mail", disownable=True, bad=True
    ),
    "login:sign_in:completed": _signed_in,
    "login:step_up:code_sent": _always(
        "A code was sent to your mail address as a second proof.", "mail", disownable=True
    ),
    "login:step_up:code_wrong": _always("Somebody typed a wrong code from a mail.", "alert", disownable=True, bad=True),
    "login:unlock:code_sent": _always(
        "A mail was asked for, to open sign-in by password again.", "mail", disownable=True
    ),
    "login:unlock:code_wrong": _always(
        "Somebody typed a wrong code to open sign-in by password again.", "alert", disownable=True, bad=True
    ),
    "login:unlock:opened": _always(
        "You opened sign-in by password again with a code by mail.", "password", disownable=True
    ),
    "oidc:refresh:reused": _always(
        "A sign-in in a shop or an app was used from two places. We ended it.", "alert", disownable=True, bad=True
    ),
    "passkey:counter:went_back": _always(
        "A passkey was used in a way that can mean it was copied.", "alert", disownable=True, bad=True
    ),
    "passkey:factor:added": _always("A passkey was added.", "passkey", disownable=True),
    "passkey:factor:removed": _always("A passkey was removed.", "passkey", disownable=True),
    "passkey:factor:renamed": _always("A passkey got another name.", "passkey"),
    "password:factor:added": _always("A password was set.", "password", disownable=True),
    "password:factor:changed": _always("The password was changed.", "password", disownable=True),
    "password:factor:disowned": _always(
        "The password was closed: it has to be changed before it signs in again.", "password"
    ),
    "password:factor:removed": _always("The password was removed.", "password", disownable=True),
    "recovery_code:code:replayed": _always(
        "Somebody typed a recovery code that was used before.", "alert", disownable=True, bad=True
    ),
    "recovery_code:code:used": _always("A recovery code was used.", "copy", disownable=True, bad=True),
    "recovery_code:code:wrong": _always("Somebody typed a wrong recovery code.", "alert", disownable=True, bad=True),
    "recovery_code:factor:added": _always(
        "New recovery codes were made. Older ones stopped working.", "copy", disownable=True
    ),
    "recovery_code:factor:removed": _always("The recovery codes were removed.", "copy", disownable=True),
    "risk:decision:denied": _always(
        "We stopped a sign-in that did not look like you.", "deny", disownable=True, bad=True
    ),
    "totp:code:replayed": _always(
        "A code from the app came a second time. It proved nothing.", "alert", disownable=True, bad=True
    ),
    "totp:code:turned_away": _always(
        "Somebody typed a code from the app after too many wrong ones. We did not look at it.",
        "alert",
        disownable=True,
        bad=True,
    ),
    "totp:code:wrong": _always("Somebody typed a wrong code from the app.", "alert", disownable=True, bad=True),
    "totp:enrolment:refused": _always(
        "A wrong first code was typed while an authenticator app was being set up.", "phone", disownable=True
    ),
    "totp:enrolment:stopped": _always("An authenticator app that was being set up was dropped.", "phone"),
    "totp:factor:added": _always("An authenticator app was set up.", "phone", disownable=True),
    "totp:factor:removed": _always("The authenticator app was removed.", "phone", disownable=True),
}
