"""The signals, in the order in which they are shown: one pure function a file, RiskContext -> contributions.

Every code that a signal may return is in CODES: policies name them, stored decisions keep them, so a code is never
given another sense. A change of any weight or bound is a new MODEL_VERSION.
"""

from collections.abc import Callable

from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution
from authsvc.risk.signals.absence import absence
from authsvc.risk.signals.account_state import account_state
from authsvc.risk.signals.attack import attack
from authsvc.risk.signals.automation import automation
from authsvc.risk.signals.behaviour import CODES as BEHAVIOUR_CODES
from authsvc.risk.signals.behaviour import behaviour
from authsvc.risk.signals.failures import failures
from authsvc.risk.signals.known_device import known_device
from authsvc.risk.signals.network import network
from authsvc.risk.signals.passkey_counter import passkey_counter
from authsvc.risk.signals.typing_rhythm import typing_rhythm

MODEL_VERSION = "initial-3"

Signal = Callable[[RiskContext], tuple[Contribution, ...]]

SIGNALS: tuple[Signal, ...] = (
    known_device,
    network,
    behaviour,
    failures,
    attack,
    absence,
    typing_rhythm,
    automation,
    account_state,
    passkey_counter,
)

CODES = frozenset(
    {
        "absence.long",
        "account.guarded",
        "account.password_reset",
        "account.recovered",
        "attack.account_sources",
        "attack.incident",
        "automation.impossible_speed",
        "automation.replayed",
        "automation.zero_variance",
        "country.new",
        "device.copied",
        "device.known",
        "device.new",
        "failures.account",
        "failures.address",
        "failures.address_accounts",
        "network.known",
        "network.new",
        "passkey.counter_went_back",
        "typing.email_like_owner",
        "typing.email_unlike_owner",
        "typing.like_owner",
        "typing.unlike_owner",
        *BEHAVIOUR_CODES,
    }
)


def score(context: RiskContext) -> tuple[Contribution, ...]:
    """Return what every signal has to say about the context."""
    return tuple(contribution for signal in SIGNALS for contribution in signal(context))
