"""Does the password's typing fit its owner? Pure.

The ratio comes from keystroke/detector.py, calibrated on a laboratory set (one password, thirteen people). A
deployment has other keyboards, phones, bad days: so it is capped, and lower where it speaks for the owner, because
whoever watched them type can imitate it. Ratios near zero say nothing. Not calibrated on a deployment's labels.

Missing, pasted or still learning: no contribution.
"""

import math

from authsvc.risk.context import RiskContext, Trigger, TypingState
from authsvc.risk.contribution import Contribution

QUIET = 0.75  # |ratio| below it is no evidence
LIKE_CAP = 1.5
UNLIKE_CAP = 3.0


def typing_rhythm(context: RiskContext) -> tuple[Contribution, ...]:
    ratio = context.typing.log_ratio
    if context.trigger is not Trigger.PASSWORD or context.typing.state is not TypingState.SCORED:
        return ()
    if ratio is None or math.isnan(ratio) or abs(ratio) < QUIET:
        return ()
    if ratio > 0:
        text = "The password was typed as its owner usually types it."
        return (Contribution("typing.like_owner", -min(ratio, LIKE_CAP), text),)
    text = "The password was not typed as its owner usually types it."
    return (Contribution("typing.unlike_owner", min(-ratio, UNLIKE_CAP), text),)
