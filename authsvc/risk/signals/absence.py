"""How long has the account been quiet? Pure.

Weights are initial: old accounts with reused passwords are what leaked lists hold; the sizes are judgement, not
calibrated on a deployment's labels. Small, because customers of a shop often come once a year.
"""

from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution

DAY_S = 86_400.0
QUARTER_S, YEAR_S = 90 * DAY_S, 365 * DAY_S
AFTER_QUARTER = 0.5
AFTER_YEAR = 1.0


def absence(context: RiskContext) -> tuple[Contribution, ...]:
    gone_s = context.since_last_sign_in_s
    if gone_s is None or not gone_s >= QUARTER_S:  # also no for NaN
        return ()
    weight = AFTER_YEAR if gone_s >= YEAR_S else AFTER_QUARTER
    return (Contribution("absence.long", weight, "The account has not been used for months."),)
