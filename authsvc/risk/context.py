"""All that a risk decision may look at. Frozen, and a plain JSON value both ways, so that a stored decision can be
decided again, bit for bit. Pure.

Nothing in it tells how a password was typed beyond one ratio and what kind of automation was found: no time, and no
number of keys. It holds no address, network or country either, only whether they are new.

"unknown" is a fact of its own: no history, no database of countries, no timings. It is neither safe nor suspicious.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec.structs import astuple

from authsvc.accounts.levels import Level

INPUTS_VERSION = 5  # of the stored shape; an older one must stay readable


class Trigger(StrEnum):
    """The first factor that was just proven."""

    PASSWORD = "password"
    PASSKEY = "passkey"


class Action(StrEnum):
    """What the sign-in is for."""

    SIGN_IN = "sign_in"  # at a client
    ACCOUNT = "account"  # on one's own pages
    CONSOLE = "console"
    RESET = "reset"  # a new password, by mail


class Seen(StrEnum):
    """Whether this account has completed a sign-in from here."""

    KNOWN = "known"
    NEW = "new"
    UNKNOWN = "unknown"


class TypingState(StrEnum):
    MISSING = "missing"
    PASTED = "pasted"
    LEARNING = "learning"  # fewer samples of this kind than a profile needs, or no consent to keep any
    SCORED = "scored"


@dataclass(frozen=True)
class DeviceSeen:
    known: bool = False
    age_s: float | None = None  # since it became known to the account
    stolen: bool = False  # an old value of its cookie came back


@dataclass(frozen=True)
class FailureCounts:
    """Failed sign-ins; each count stops at a bound (history/failures.py)."""

    account: int = 0  # 24 h
    address: int = 0  # 1 h
    address_accounts: int = 0  # 1 h: how many different accounts or addresses were tried
    account_sources: int = 0  # 24 h: from how many sources
    incidents: int = 0  # open ones, of the whole service (risk/incidents)


@dataclass(frozen=True)
class TypingFacts:
    state: TypingState = TypingState.MISSING
    log_ratio: float | None = None  # ln P(owner) / P(somebody else), when scored
    automation: tuple[str, ...] = ()  # keystroke/automation.py: FINDINGS


@dataclass(frozen=True)
class BehaviourFacts:
    """What is known of how unusual this sign-in is for the account: log-odds by part, positive for an attack."""

    parts: tuple[tuple[str, float], ...] = ()  # history/behaviour/likelihood.py, by name; unknown ones are absent


@dataclass(frozen=True)
class PasskeyFacts:
    counter_went_back: bool = False  # of the passkey that was just shown, first or in a step-up


NOTHING_ODD = PasskeyFacts()


@dataclass(frozen=True)
class AccountState:
    guarded: bool = False  # its owner said "this wasn't me" and has not shown the strongest factor since
    recovered: bool = False  # within 7 days
    password_reset: bool = False  # within 24 h
    reachable: Level | None = None  # the highest level its factors can reach; None when nobody said


@dataclass(frozen=True)
class RiskContext:
    trigger: Trigger
    first_factor: Level
    device: DeviceSeen = DeviceSeen()
    network: Seen = Seen.UNKNOWN
    country: Seen = Seen.UNKNOWN
    failures: FailureCounts = FailureCounts()
    since_last_sign_in_s: float | None = None
    sign_ins: int = 0  # completed ones, ever
    typing: TypingFacts = field(default_factory=TypingFacts)  # of the password
    email_typing: TypingFacts = field(default_factory=TypingFacts)
    account: AccountState = AccountState()
    passkey: PasskeyFacts = NOTHING_ODD
    behaviour: BehaviourFacts = BehaviourFacts()
    action: Action = Action.SIGN_IN
    client_id: str | None = None
    failed_parts: tuple[str, ...] = ()  # what could not be looked at: fails closed

    @property
    def familiar(self) -> bool:
        """Whether there is a history that something can be new against."""
        return self.sign_ins > 0

    def to_inputs(self) -> dict[str, Any]:
        """Return the JSON value that is stored with a decision."""
        return {
            "version": INPUTS_VERSION,
            "trigger": self.trigger.value,
            "first_factor": self.first_factor.name,
            "device": {"known": self.device.known, "age_s": self.device.age_s, "stolen": self.device.stolen},
            "network": self.network.value,
            "country": self.country.value,
            "failures": {
                "account": self.failures.account,
                "address": self.failures.address,
                "address_accounts": self.failures.address_accounts,
                "account_sources": self.failures.account_sources,
                "incidents": self.failures.incidents,
            },
            "since_last_sign_in_s": self.since_last_sign_in_s,
            "sign_ins": self.sign_ins,
            "typing": _typing_inputs(self.typing),
            "email_typing": _typing_inputs(self.email_typing),
            "account": {
                "guarded": self.account.guarded,
                "recovered": self.account.recovered,
                "password_reset": self.account.password_reset,
                "reachable": None if self.account.reachable is None else self.account.reachable.name,
            },
            "passkey": {"counter_went_back": self.passkey.counter_went_back},
            "behaviour": dict(self.behaviour.parts),
            "action": self.action.value,
            "client_id": self.client_id,
            "failed_parts": list(self.failed_parts),
        }


def from_inputs(inputs: Mapping[str, Any]) -> RiskContext:
    """Return the context that `to_inputs` wrote.

    Raises:
        ValueError: it is of a version that this code does not know, or not such a value at all.
    """
    return _context(msgspec.convert(inputs, _Inputs))


def parse_inputs(stored: bytes) -> RiskContext:
    """Return the context whose inputs were written as JSON. Raises ValueError, as from_inputs does."""
    try:
        inputs = _PARSER.decode(stored)
    except msgspec.DecodeError:  # NaN and infinities, which Python writes and JSON does not have
        return from_inputs(json.loads(stored))
    return _context(inputs)


def _typing_inputs(facts: TypingFacts) -> dict[str, Any]:
    return {"state": facts.state.value, "log_ratio": facts.log_ratio, "automation": list(facts.automation)}


# The stored shape. Parsed by its types, which takes a third of the time of doing it by hand.


class _Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    known: bool = False
    age_s: float | None = None
    stolen: bool = False


class _Failures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: int = 0
    address: int = 0
    address_accounts: int = 0
    account_sources: int = 0  # these two from version 3 on
    incidents: int = 0


class _Typing(msgspec.Struct, frozen=True):
    state: TypingState
    log_ratio: float | None
    automation: tuple[str, ...]


class _Account(msgspec.Struct, frozen=True):
    guarded: bool
    recovered: bool
    password_reset: bool
    reachable: str | None


class _Passkey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counter_went_back: bool = False


class _Inputs(msgspec.Struct, frozen=True):
    version: Literal[1, 2, 3, 4, 5]
    trigger: Trigger
    first_factor: str
    device: _Device
    network: Seen
    country: Seen
    failures: _Failures
    since_last_sign_in_s: float | None
    sign_ins: int
    typing: _Typing
    account: _Account
    failed_parts: tuple[str, ...]
    passkey: _Passkey = _Passkey()  # from version 2 on
    behaviour: dict[str, float] = {}  # 3
    email_typing: _Typing = _Typing(TypingState.MISSING, None, ())  # 4
    action: Action = Action.SIGN_IN  # 5
    client_id: str | None = None  # 5


_PARSER = msgspec.json.Decoder(_Inputs)


def _context(inputs: _Inputs) -> RiskContext:
    account = inputs.account
    try:
        first_factor = Level[inputs.first_factor]
        reachable = None if account.reachable is None else Level[account.reachable]
    except KeyError as problem:
        raise ValueError(f"{problem} is no level") from problem
    return RiskContext(
        trigger=inputs.trigger,
        first_factor=first_factor,
        device=DeviceSeen(*astuple(inputs.device)),
        network=inputs.network,
        country=inputs.country,
        failures=FailureCounts(*astuple(inputs.failures)),
        since_last_sign_in_s=inputs.since_last_sign_in_s,
        sign_ins=inputs.sign_ins,
        typing=TypingFacts(*astuple(inputs.typing)),
        email_typing=TypingFacts(*astuple(inputs.email_typing)),
        account=AccountState(account.guarded, account.recovered, account.password_reset, reachable),
        passkey=PasskeyFacts(*astuple(inputs.passkey)),
        behaviour=BehaviourFacts(tuple(sorted(inputs.behaviour.items()))),
        action=inputs.action,
        client_id=inputs.client_id,
        failed_parts=inputs.failed_parts,
    )
