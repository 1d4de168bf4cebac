"""Every kind of mail that leaves authsvc, and what its text may and must name. Pure.

A text names what only we know by placeholders ($code). What makes a mail worth sending is required: a code mail without
a code, or a warning without its "this was not me" link, would be worse than no mail. Each kind has its text in
texts/KIND.txt; a client may have its own (oidc/branding). A placeholder that is not in this table is in no mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What stands for each placeholder in a preview. No real mail looks so: the tokens open nothing.
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "name": "Low Tide Tea",
        "code": "01234567",
        "link": "https://sign-in.example/login/link?token=EXAMPLE",
        "minutes": "10",
        "days": "14",
        "when": "21 November 2026, 09:30 UTC",
        "until": "24 November 2026, 09:30 UTC",
        "asked_at": "21 November 2026, 09:30 UTC",
        "opens_at": "23 November 2026, 09:30 UTC",
        "continue_link": "https://sign-in.example/login/recovery",
        "not_me_link": "https://sign-in.example/not-me?token=EXAMPLE",
    }
)


@dataclass(frozen=True)
class LetterKind:
    """What a text of this kind may name; `required` must stand in it. The sender's `name` is open to every kind."""

    name: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset((*self.required, *self.optional, "name"))


def _code(purpose: str, *, link: bool = True) -> LetterKind:
    return LetterKind(f"code_{purpose}", ("code", "link") if link else ("code",), ("minutes",))


def _alert(what: str, *more: str) -> LetterKind:
    return LetterKind(f"alert_{what}", ("not_me_link", *more), ("when",))


KINDS: Mapping[str, LetterKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _code("sign_up"),
            _code("step_up"),
            _code("unlock"),
            _code("reset"),
            _code("recovery"),
            _code("address_change", link=False),
            # What is mailed where no code can be: the page says the same, so only the mailbox learns why.
            LetterKind("no_code_sign_up"),
            LetterKind("no_code_unlock"),
            LetterKind("no_code_reset_unknown"),
            LetterKind("no_code_reset_closed"),
            LetterKind("no_code_reset_no_password"),
            LetterKind("no_code_recovery_unknown"),
            LetterKind("no_code_recovery_closed"),
            LetterKind("no_code_address_change"),
            LetterKind("invitation", ("link",), ("days",)),
            LetterKind("address_changed", ("not_me_link",), ("when", "until")),
            LetterKind("address_changed_back", (), ("when",)),
            LetterKind("account_deleted"),
            _alert("new_device"),
            _alert("step_up_failed"),
            _alert("factor_added"),
            _alert("factor_removed"),
            _alert("password_changed"),
            _alert("password_reset"),
            _alert("address_changed"),
            _alert("recovered"),
            _alert("recovery_code_used"),
            _alert("refresh_reused"),
            _alert("recovery_started", "continue_link", "opens_at", "asked_at"),
        )
    }
)
