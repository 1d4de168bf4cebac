"""All that a risk decision may look at. Frozen, and a plain JSON value both ways, so that a stored decision can be
decided again, bit for bit. Pure.

Nothing in it tells how a password was typed beyond one ratio and what kind of automation was found: no time, and no
number of keys. It holds no address, network or country either, only whether they are new.

"unknown" is a fact of its own: no history, no database of countries, no timings. It is neither safe nor suspicious.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from authsvc.accounts.levels import Level

INPUTS_VERSION = 5  # of the stored shape; an older one must stay readable
# 1 had no `passkey`, 2 no `behaviour`, incidents and sources of failures, 3 no `email_typing`, 4 no client
READABLE_VERSIONS = (1, 2, 3, 4, 5)


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
    if inputs.get("version") not in READABLE_VERSIONS:
        raise ValueError(f"stored inputs of version {inputs.get('version')!r} can't be read")
    try:
        account = inputs["account"]
        return RiskContext(
            trigger=Trigger(inputs["trigger"]),
            first_factor=Level[inputs["first_factor"]],
            device=DeviceSeen(**inputs["device"]),
            network=Seen(inputs["network"]),
            country=Seen(inputs["country"]),
            failures=FailureCounts(**inputs["failures"]),
            since_last_sign_in_s=inputs["since_last_sign_in_s"],
            sign_ins=inputs["sign_ins"],
            typing=_typing_from(inputs["typing"]),
            email_typing=_typing_from(inputs["email_typing"]) if "email_typing" in inputs else TypingFacts(),
            account=AccountState(
                account["guarded"],
                account["recovered"],
                account["password_reset"],
                None if account["reachable"] is None else Level[account["reachable"]],
            ),
            passkey=PasskeyFacts(**inputs.get("passkey", {})),
            behaviour=BehaviourFacts(tuple(sorted(_numbers(inputs.get("behaviour", {}))))),
            action=Action(inputs.get("action", Action.SIGN_IN)),
            client_id=inputs.get("client_id"),
            failed_parts=tuple(inputs["failed_parts"]),
        )
    except (KeyError, TypeError) as problem:
        raise ValueError("not the inputs of a decision") from problem


def _typing_inputs(facts: TypingFacts) -> dict[str, Any]:
    return {"state": facts.state.value, "log_ratio": facts.log_ratio, "automation": list(facts.automation)}


def _typing_from(value: Mapping[str, Any]) -> TypingFacts:
    return TypingFacts(TypingState(value["state"]), value["log_ratio"], tuple(value["automation"]))


def _numbers(parts: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, part in parts.items():
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise TypeError(f"{name} is no number")
        yield name, part
