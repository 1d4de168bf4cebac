"""Is the service as a whole, or this account, under attack? Pure.

An open incident (risk/incidents) raises the scrutiny of every sign-in by password: what is asked of everybody is
bounded, so that an attacker who makes noise can't lock the shop's customers out. Many sources that fail on one account
are a list tried from many machines. Weights are initial: judgement, not calibrated on a deployment's labels.

Guessing passwords says nothing about a passkey: for a passkey sign-in there is no contribution.
"""

from authsvc.risk.context import RiskContext, Trigger
from authsvc.risk.contribution import Contribution, step

INCIDENTS = ((1, 1.0), (2, 1.5))
SOURCES = ((4, 0.5), (8, 1.0), (20, 2.0))  # in 24 h

TEXTS = {
    "attack.incident": "An incident is open: failures or new devices are far above what is usual now.",
    "attack.account_sources": "Sign-ins to this account failed from many different sources within a day.",
}


def attack(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSWORD:
        return ()
    weights = (
        ("attack.incident", step(context.failures.incidents, INCIDENTS)),
        ("attack.account_sources", step(context.failures.account_sources, SOURCES)),
    )
    return tuple([Contribution(code, weight, TEXTS[code]) for code, weight in weights if weight])
