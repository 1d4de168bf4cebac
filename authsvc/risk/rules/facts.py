"""The facts that a rule may name: what the decision saw, under the names that stored inputs and the console use. Pure.

A rule never meets a null: what is not known is 0, "" or "unknown", and another fact tells that it is not known. A
number that is none (NaN, an infinity) is 0, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from authsvc.accounts.levels import Level
from authsvc.risk.context import Action, RiskContext, Seen, Trigger, TypingState
from authsvc.risk.signals.groups import GROUP_OF


class Kind(StrEnum):
    """What a fact is, by CEL's names."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    STRINGS = "list(string)"


@dataclass(frozen=True)
class Subject:
    """What a rule is held against: the context, and what was made of it before the rules."""

    context: RiskContext
    probability: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """`values` are all that it can be, where these are few."""

    name: str
    kind: Kind
    about: str
    of: Callable[[Subject], Any]
    values: tuple[str, ...] = ()


def _number(value: float | None) -> float:
    return float(value) if value is not None and isfinite(value) else 0.0


def _level(value: Level | None) -> str:
    return "" if value is None else value.name.lower()


_LEVELS = tuple(level.name.lower() for level in Level)
_SEEN = tuple(Seen)
_TYPING = tuple(TypingState)

_ALL = (
    Fact("probability", Kind.DOUBLE, "Probability of an attack, 0 to 1", lambda seen: seen.probability),
    Fact(
        "reasons",
        Kind.STRINGS,
        "Reason codes that spoke, for or against",
        lambda seen: list(seen.reasons),
        tuple(sorted(GROUP_OF)),
    ),
    Fact("trigger", Kind.STRING, "The first factor", lambda seen: seen.context.trigger.value, tuple(Trigger)),
    Fact("action", Kind.STRING, "What it is for", lambda seen: seen.context.action.value, tuple(Action)),
    Fact(
        "client",
        Kind.STRING,
        'Id of the client; "" on authsvc\'s own pages',
        lambda seen: seen.context.client_id or "",
    ),
    Fact(
        "first_factor", Kind.STRING, "Level that was reached", lambda seen: _level(seen.context.first_factor), _LEVELS
    ),
    Fact("sign_ins", Kind.INT, "Completed sign-ins before", lambda seen: seen.context.sign_ins),
    Fact(
        "since_last_sign_in_s",
        Kind.DOUBLE,
        "Seconds since the last sign-in; 0 where there is none",
        lambda seen: _number(seen.context.since_last_sign_in_s),
    ),
    Fact("device.known", Kind.BOOL, "Known to the account", lambda seen: seen.context.device.known),
    Fact(
        "device.age_s",
        Kind.DOUBLE,
        "Seconds since it became known; 0 where it is not",
        lambda seen: _number(seen.context.device.age_s),
    ),
    Fact("device.stolen", Kind.BOOL, "An old value of its cookie came back", lambda seen: seen.context.device.stolen),
    Fact("network", Kind.STRING, "The network, to the account", lambda seen: seen.context.network.value, _SEEN),
    Fact("country", Kind.STRING, "The country, to the account", lambda seen: seen.context.country.value, _SEEN),
    Fact("failures.account", Kind.INT, "On the account, 24 h", lambda seen: seen.context.failures.account),
    Fact("failures.address", Kind.INT, "From the source, 1 h", lambda seen: seen.context.failures.address),
    Fact(
        "failures.address_accounts",
        Kind.INT,
        "Accounts tried from the source, 1 h",
        lambda seen: seen.context.failures.address_accounts,
    ),
    Fact(
        "failures.account_sources",
        Kind.INT,
        "Sources that failed on the account, 24 h",
        lambda seen: seen.context.failures.account_sources,
    ),
    Fact("failures.incidents", Kind.INT, "Open incidents", lambda seen: seen.context.failures.incidents),
    Fact("typing.state", Kind.STRING, "The password's rhythm", lambda seen: seen.context.typing.state.value, _TYPING),
    Fact(
        "typing.log_ratio",
        Kind.DOUBLE,
        "Owner to others; 0 where not scored",
        lambda seen: _number(seen.context.typing.log_ratio),
    ),
    Fact(
        "email_typing.state",
        Kind.STRING,
        "The address's rhythm",
        lambda seen: seen.context.email_typing.state.value,
        _TYPING,
    ),
    Fact(
        "email_typing.log_ratio",
        Kind.DOUBLE,
        "Owner to others; 0 where not scored",
        lambda seen: _number(seen.context.email_typing.log_ratio),
    ),
    Fact("account.guarded", Kind.BOOL, "Its owner disowned something", lambda seen: seen.context.account.guarded),
    Fact("account.recovered", Kind.BOOL, "Recovered within 7 days", lambda seen: seen.context.account.recovered),
    Fact(
        "account.password_reset",
        Kind.BOOL,
        "Password reset within 24 h",
        lambda seen: seen.context.account.password_reset,
    ),
    Fact(
        "passkey.counter_went_back",
        Kind.BOOL,
        "Of the passkey that was shown",
        lambda seen: seen.context.passkey.counter_went_back,
    ),
)

FACTS: Mapping[str, Fact] = {fact.name: fact for fact in _ALL}
