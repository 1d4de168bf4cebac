"""Do the password's and the address's typing fit their owner? Pure.

The ratios come from keystroke/detector.py, calibrated on a laboratory set (one password, 26 people). A deployment has
other keyboards, phones, bad days: so each is capped, and lower where it speaks for the owner, because whoever watched
them type can imitate it. The e-mail address counts half: it is typed everywhere, known to everybody, and the detector
was never measured on one. Ratios near zero say nothing. Not calibrated on a deployment's labels.

Missing, pasted or still learning: no contribution.
"""

import math

from authsvc.risk.context import RiskContext, Trigger, TypingFacts, TypingState
from authsvc.risk.contribution import Contribution

QUIET = 0.75  # |ratio| below it is no evidence
LIKE_CAP = 1.5
UNLIKE_CAP = 3.0
EMAIL_WEIGHT = 0.5
EMAIL_LIKE_CAP = 0.5
EMAIL_UNLIKE_CAP = 1.0

TEXTS = {
    "typing.like_owner": "The password was typed as its owner usually types it.",
    "typing.unlike_owner": "The password was not typed as its owner usually types it.",
    "typing.email_like_owner": "The e-mail address was typed as its owner usually types it.",
    "typing.email_unlike_owner": "The e-mail address was not typed as its owner usually types it.",
}


def typing_rhythm(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSWORD:
        return ()
    password, email = _ratio(context.typing), _ratio(context.email_typing) * EMAIL_WEIGHT
    weights = (
        ("typing.unlike_owner", min(-password, UNLIKE_CAP) if password < 0 else 0.0),
        ("typing.email_unlike_owner", min(-email, EMAIL_UNLIKE_CAP) if email < 0 else 0.0),
        ("typing.like_owner", -min(password, LIKE_CAP) if password > 0 else 0.0),
        ("typing.email_like_owner", -min(email, EMAIL_LIKE_CAP) if email > 0 else 0.0),
    )
    return tuple([Contribution(code, weight, TEXTS[code]) for code, weight in weights if weight])


def _ratio(facts: TypingFacts) -> float:
    """Return the log ratio; 0.0 where it says nothing."""
    ratio = facts.log_ratio
    if facts.state is not TypingState.SCORED or ratio is None or math.isnan(ratio) or abs(ratio) < QUIET:
        return 0.0
    return ratio
