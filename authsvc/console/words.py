"""Decisions in plain words: what the pages say, and the geometry of their bars. Pure.

A bar is drawn with SVG attributes, because the pages allow no inline style. Inputs are shown by an allow-list where
they touch on typing: one ratio and the kind of automation, never a time or a number of keys, which would tell the
password's length.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

BAR_WIDTH = 200  # of the SVG's view box; the middle is log-odds 0
BAR_REACH = 96  # to either side
LEAST_BAR = 1.5  # a contribution that is not nothing can be seen
FULL_SCALE = 8.0  # log-odds at which the list's small meter is full: 3,000 to 1

DECISION_WORDS: Final[Mapping[str, str]] = {"allow": "Allowed", "step_up": "Step-up", "deny": "Denied"}
DECISION_SYMBOLS: Final[Mapping[str, str]] = {"allow": "check", "step_up": "step-up", "deny": "deny"}
OUTCOME_WORDS: Final[Mapping[str, str]] = {
    "open": "Under way",
    "completed": "Signed in",
    "denied": "Turned away",
    "abandoned": "Given up",
}
WINDOW_WORDS: Final[Mapping[str, str]] = {
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "all": "All time",
}
SAID_WORDS: Final[Mapping[str, str]] = {
    "safe": "It was the owner",
    "compromised": "It was somebody else",
    "dismissed": "Nothing can be said",
    "not_me": "The customer said “this wasn't me”",
}
LEVEL_WORDS: Final[Mapping[str, str]] = {
    "none": "nothing",
    "email": "a code by mail",
    "pwd": "a password",
    "pwd_email": "a password and a code by mail",
    "mfa": "two kinds of proof",
    "phr": "a passkey",
}
AUTOMATION_WORDS: Final[Mapping[str, str]] = {
    "automation.zero_variance": "even as no person types",
    "automation.impossible_speed": "faster than people can",
    "automation.replayed": "the times of an earlier sign-in",
}
_LEVELS = ("first_factor", "account.reachable")
_TYPED = ("typing", "email_typing")
_TYPING_SHOWN = ("state", "log_ratio", "automation")
_LABELS: Final[Mapping[str, str]] = {
    "trigger": "First factor",
    "first_factor": "Level of the first factor",
    "device.known": "Device known to the account",
    "device.age_s": "Device known for",
    "device.stolen": "Old value of the device cookie used",
    "network": "Network",
    "country": "Country",
    "failures.account": "Failures on the account, 24 h",
    "failures.account_sources": "Sources of failures on the account, 24 h",
    "failures.incidents": "Open incidents",
    "failures.address": "Failures from the address, 1 h",
    "failures.address_accounts": "Accounts tried from the address, 1 h",
    "since_last_sign_in_s": "Since the last sign-in",
    "sign_ins": "Completed sign-ins before",
    "typing.state": "Typing rhythm",
    "typing.log_ratio": "Typing: log ratio, owner to others",
    "typing.automation": "Typing: signs of automation",
    "email_typing.state": "Typing rhythm of the address",
    "email_typing.log_ratio": "Address: log ratio, owner to others",
    "email_typing.automation": "Address: signs of automation",
    "action": "What it was for",
    "client_id": "Client",
    "account.guarded": "Owner said “this wasn't me”",
    "account.recovered": "Recovered within 7 days",
    "account.password_reset": "Password reset within 24 h",
    "account.reachable": "Highest level in reach",
    "passkey.counter_went_back": "Passkey's signature counter went back",
    "failed_parts": "Could not be looked at",
}


@dataclass(frozen=True)
class Reason:
    """One contribution, with its bar in a view box of BAR_WIDTH by any height."""

    code: str
    text: str
    log_odds: float
    bar_x: float
    bar_width: float

    @property
    def direction(self) -> str:
        """How it speaks: for an attack, for the owner, or not at all (a rule of the policy)."""
        return "against" if self.log_odds > 0 else "for" if self.log_odds < 0 else "rule"

    @property
    def weight(self) -> str:
        return signed(self.log_odds) if self.log_odds else "rule"


def reasons_of(contributions: Sequence[Mapping[str, Any]], *, prior: float | None = None) -> tuple[Reason, ...]:
    """Return the contributions, the heaviest first, the policy's rules last; with the base rate if it is given."""
    said = [(each["code"], each["text"], float(each["log_odds"])) for each in contributions]
    if prior is not None:
        said.append(("policy.prior", "What is assumed of any sign-in, before anything is looked at.", prior))
    scale = max((abs(log_odds) for _, _, log_odds in said), default=0.0) or 1.0
    said.sort(key=lambda each: -abs(each[2]))
    return tuple(Reason(code, text, log_odds, *_bar(log_odds, scale)) for code, text, log_odds in said)


def reason_label(code: str) -> str:
    """Return a reason's code as people read it: `device.new` is "Device: new"."""
    group, _, said = code.partition(".")
    return f"{group.capitalize()}: {said.replace('_', ' ').replace('.', ' ')}" if said else code


def headline(contributions: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what the list says of a decision: what spoke against it and the policy's rules, the heaviest first."""
    return tuple(reason.text for reason in reasons_of(contributions) if reason.log_odds >= 0)


def prior_of(log_odds: float, contributions: Sequence[Mapping[str, Any]]) -> float:
    """Return the log-odds that no contribution accounts for: the policy's base rate."""
    return round(log_odds - sum(float(each["log_odds"]) for each in contributions), 6)


def percent(probability: float) -> str:
    """Return a probability as people read it; never a rounded 0 or 100 %."""
    if probability < 0.001:
        return "< 0.1 %"
    if probability > 0.999:
        return "> 99.9 %"
    return f"{probability * 100:.1f} %" if probability < 0.1 or probability > 0.99 else f"{probability * 100:.0f} %"


def signed(value: float) -> str:
    """Return a number with its sign, and a minus that is one."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def meter_width(log_odds: float, full: int) -> float:
    """Return how much of a meter `full` wide is filled; log-odds -FULL_SCALE is empty, +FULL_SCALE full."""
    return round(min(max((log_odds + FULL_SCALE) / (2 * FULL_SCALE), 0.03), 1.0) * full, 1)


def input_lines(inputs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the inputs of a decision as (label, value) lines; sealing sorted them, the labels' order is ours."""
    order = {name: place for place, name in enumerate(_LABELS)}
    lines = sorted(_flat(inputs), key=lambda line: order.get(line[0], len(order)))
    return tuple((_label(name), _value(name, value)) for name, value in lines)


def age(seconds: float) -> str:
    """Return a length of time in its largest fitting unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            count = seconds / length
            return f"{count:.1f} {unit}" if count < 10 else f"{count:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bar(log_odds: float, scale: float) -> tuple[float, float]:
    if not log_odds:
        return BAR_WIDTH / 2, 0.0
    width = round(max(abs(log_odds) / scale * BAR_REACH, LEAST_BAR), 1)
    return (BAR_WIDTH / 2 if log_odds > 0 else BAR_WIDTH / 2 - width), width


def _label(name: str) -> str:
    room, _, part = name.partition(".")
    return f"Unusual {part} (log-odds)" if room == "behaviour" else _LABELS.get(name, name)


def _flat(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inputs.items():
        if name == "version":  # of their stored shape; says nothing of the sign-in
            continue
        if not isinstance(value, Mapping):
            yield name, value
            continue
        shown: Iterable[str] = [key for key in _TYPING_SHOWN if key in value] if name in _TYPED else value
        for key in shown:
            yield f"{name}.{key}", value[key]


def _value(name: str, value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(AUTOMATION_WORDS.get(each, each) for each in value if isinstance(each, str)) or "not shown"
    if name == "client_id":
        return str(value)
    if name in _LEVELS:
        return LEVEL_WORDS.get(str(value).lower(), str(value))
    if name.endswith("_s"):
        return age(float(value))
    if isinstance(value, float):
        return signed(value)
    return str(value).lower().replace("_", " ")
