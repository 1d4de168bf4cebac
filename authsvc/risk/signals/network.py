"""Has the account been seen in this network (/24 or /48) and country? Pure.

Weights are initial: that address and country are looked at follows Freeman et al. (NDSS 2016); the sizes are judgement
(a phone changes networks several times a day, a person countries rarely), not calibrated on a deployment's labels.
Where the account's usual places are known (signals/behaviour.py), this one is silent: they would say the same thing
twice.
"""

from authsvc.risk.context import RiskContext, Seen
from authsvc.risk.contribution import Contribution
from authsvc.risk.signals.behaviour import speaks_of_place

NETWORK_KNOWN = -0.5
NETWORK_NEW = 1.0
COUNTRY_NEW = 1.2  # beside the new network that it nearly always comes with


def network(context: RiskContext) -> tuple[Contribution, ...]:
    said = []
    if not context.familiar or speaks_of_place(context):
        return ()
    if context.network is Seen.KNOWN:
        said.append(Contribution("network.known", NETWORK_KNOWN, "The account was seen in this network before."))
    if context.network is Seen.NEW:
        said.append(Contribution("network.new", NETWORK_NEW, "The account was never seen in this network."))
    if context.country is Seen.NEW:
        said.append(Contribution("country.new", COUNTRY_NEW, "The account was never seen in this country."))
    return tuple(said)
