"""The signals, in the order in which they are shown: one pure function a file, RiskContext -> contributions.

Reasons that say the same thing twice are cut to what their group may count for (groups.py).

Every code that a signal may return is in CODES: policies name them, stored decisions keep them, so a code is never
given another sense. A change of any weight or bound is a new MODEL_VERSION.
"""

from collections.abc import Callable, Mapping

from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution
from authsvc.risk.signals.absence import absence
from authsvc.risk.signals.account_state import account_state
from authsvc.risk.signals.attack import attack
from authsvc.risk.signals.automation import automation
from authsvc.risk.signals.behaviour import behaviour
from authsvc.risk.signals.failures import failures
from authsvc.risk.signals.groups import GROUP_OF, NO_WEIGHTS, within_groups
from authsvc.risk.signals.known_device import known_device
from authsvc.risk.signals.network import network
from authsvc.risk.signals.passkey_counter import passkey_counter
from authsvc.risk.signals.typing_rhythm import typing_rhythm

MODEL_VERSION = "initial-6"

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

CODES = frozenset(GROUP_OF)


def score(context: RiskContext, weights: Mapping[str, float] = NO_WEIGHTS) -> tuple[Contribution, ...]:
    """Return what every signal has to say about the context, each group within its bounds, by the policy's weights."""
    said: list[Contribution] = []
    for signal in SIGNALS:
        said += signal(context)
    return within_groups(said, weights)
