"""Which warnings and events can concern the password, when their owner says "this wasn't me". Pure.

Whatever may have been done by somebody who knew the password, or chose it, closes it. The exceptions are named, so that
a new kind of event closes it until somebody has thought about it:

- a password that was tried and was wrong, or was not looked at: anybody can do that to any address;
- what the mailbox alone began, or with a recovery code: whoever holds it has not shown the password, and the way to a
  new one is that mailbox;
- a copied token or passkey: no password was shown where it was used.
"""

from authsvc.accounts.alerts.service import AlertKind

NOT_BY_PASSWORD = frozenset(
    {
        AlertKind.RECOVERY_STARTED.value,
        AlertKind.REFRESH_REUSED.value,
        "login:password:failed",
        "login:password:turned_away",
        "login:recovery:code_sent",
        "login:recovery:code_shown",
        "login:recovery:code_wrong",
        "login:recovery:started",
        "login:reset:code_sent",
        "login:reset:code_wrong",
        "login:reset:mailbox_proven",
        "login:unlock:code_sent",
        "login:unlock:code_wrong",
        "login:unlock:opened",
        "oidc:refresh:reused",
        "passkey:counter:went_back",
    }
)


def concerns_password(kind: str) -> bool:
    """Args: kind is an alert's kind, or the tag of an event of the account."""
    return kind not in NOT_BY_PASSWORD
