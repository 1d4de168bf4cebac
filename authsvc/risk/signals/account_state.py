"""Has something just happened to the account that attackers cause, too? Pure.

Weights are initial: judgement, not calibrated on a deployment's labels. A guarded account is dealt with by the policy
itself (it asks for the strongest factor); the weight here adds to what else is seen.
"""

from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution

GUARDED = 2.0
RECOVERED = 1.0
PASSWORD_RESET = 1.0


def account_state(context: RiskContext) -> tuple[Contribution, ...]:
    state = context.account
    said = []
    if state.guarded:
        said.append(Contribution("account.guarded", GUARDED, 'The owner pressed "this wasn\'t me" on a warning.'))
    if state.recovered:
        said.append(Contribution("account.recovered", RECOVERED, "The account was recovered within the last 7 days."))
    if state.password_reset:
        text = "The password was reset within the last 24 hours."
        said.append(Contribution("account.password_reset", PASSWORD_RESET, text))
    return tuple(said)
