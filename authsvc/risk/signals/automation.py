"""Did a program type the password, or the address? Pure.

Weights are initial: judgement, not calibrated on a deployment's labels. What counts as a finding, and how far from
anything people do, is in keystroke/automation.py. The default policy asks for a step-up at any of these, however
familiar the rest is; with other evidence beside them they lead to a denial.
"""

from authsvc.risk.context import RiskContext, Trigger
from authsvc.risk.contribution import Contribution
from authsvc.risk.keystroke.automation import FINDINGS, IMPOSSIBLE_SPEED, REPLAYED, ZERO_VARIANCE

WEIGHTS = {REPLAYED: 6.0, ZERO_VARIANCE: 3.0, IMPOSSIBLE_SPEED: 3.0}
TEXTS = {
    REPLAYED: "The typing is a copy of an earlier sign-in's.",
    ZERO_VARIANCE: "The keys were pressed with an evenness that people do not have.",
    IMPOSSIBLE_SPEED: "The keys were pressed faster than people can.",
}


def automation(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSWORD:
        return ()
    seen = context.typing.automation + context.email_typing.automation
    return tuple([Contribution(code, WEIGHTS[code], TEXTS[code]) for code in FINDINGS if code in seen])
