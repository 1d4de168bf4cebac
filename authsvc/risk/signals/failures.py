"""Did guesses come before this sign-in, at the account or from the address? Pure.

Weights are initial: judgement, not calibrated on a deployment's labels. Owners mistype, so that a few failures say
nothing. Many accounts tried from one address are the mark of credential stuffing, but a campus behind one address has
some, too.

Guessing a password says nothing about a passkey: for a passkey sign-in there is no contribution, or a stranger's
guesses could keep the owner out.
"""

from authsvc.risk.context import RiskContext, Trigger
from authsvc.risk.contribution import Contribution, step

ACCOUNT = ((3, 0.5), (6, 1.0), (20, 2.0), (100, 3.0))  # in 24 h
ADDRESS_ACCOUNTS = ((5, 1.0), (15, 2.0), (50, 3.0))  # in 1 h
ADDRESS = ((10, 0.5), (30, 1.0))  # in 1 h

TEXTS = {
    "failures.account": "Several sign-ins to this account failed within a day.",
    "failures.address_accounts": "Sign-ins to many accounts failed from this address within an hour.",
    "failures.address": "Many sign-ins failed from this address within an hour.",
}


def failures(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSWORD:
        return ()
    counts = context.failures
    weights = (
        ("failures.account", step(counts.account, ACCOUNT)),
        ("failures.address_accounts", step(counts.address_accounts, ADDRESS_ACCOUNTS)),
        ("failures.address", step(counts.address, ADDRESS)),
    )
    return tuple([Contribution(code, weight, TEXTS[code]) for code, weight in weights if weight])
