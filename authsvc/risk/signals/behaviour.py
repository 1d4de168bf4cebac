"""Does the owner usually sign in like this: from here, with this, at this hour, over such a line? Pure.

The likelihoods are history/behaviour's, their weights and caps weighing.py's: fitted on simulated sign-ins, not
calibrated on a deployment's labels. A group that says nothing is unknown, neither safe nor suspicious.

What the sender says of itself (SAID_BY_SENDER), and the hour, which the sender picks, speak for the owner only on a
browser that the account knows: a phishing page reads all of it, and sending it again costs nothing. On another browser
they may speak against the owner, never for them.

Group "where" says better what the signal `network` says roughly: when the one speaks, the other is silent. Before
SETTLED_AFTER sign-ins it is the other way round: after one or two a likelihood hardly minds a new network, and a
stolen password on a new device would pass.
"""

from authsvc.risk.context import RiskContext, Trigger
from authsvc.risk.contribution import Contribution
from authsvc.risk.history.behaviour.weighing import weighed

TEXTS = {
    "country": ("The account signs in from this country.", "The account hardly ever signs in from this country."),
    "provider": ("The account uses this provider.", "The account hardly ever uses this provider."),
    "network": ("The account is often in this network.", "The account is hardly ever in this network."),
    "language": ("The browser's language is the usual one.", "The browser's language is not the usual one."),
    "zone": ("The device's time zone is the usual one.", "The device's time zone is not the usual one."),
    "travel": ("The place is near the last one.", "Nobody travels this far in the time since the last sign-in."),
    "device": ("The usual kind of device.", "Not the usual kind of device."),
    "system": ("The usual operating system.", "Not the usual operating system."),
    "browser": ("The usual browser.", "Not the usual browser."),
    "hour": ("A usual hour for this account.", "An unusual hour for this account."),
    "round_trip": ("The line is as fast as it usually is.", "The line is not as fast as it usually is."),
}
_CODE_OF = {part: f"behaviour.{part}" for part in TEXTS}
SAID_BY_SENDER = frozenset({"device", "system", "browser", "language", "zone", "round_trip", "hour"})
PLACES = frozenset({"country", "network", "provider"})
SETTLED_AFTER = 5  # sign-ins; from there on a new network speaks against about as loudly as the rough signal


def speaks_of_place(context: RiskContext) -> bool:
    """Return whether behaviour knows where the account usually is."""
    settled = context.trigger is Trigger.PASSWORD and context.sign_ins >= SETTLED_AFTER
    return settled and any(name in PLACES for name, _ in context.behaviour.parts)


def behaviour(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSWORD:
        return ()
    believed = dict(context.behaviour.parts)
    if context.sign_ins < SETTLED_AFTER:
        believed = {part: value for part, value in believed.items() if part not in PLACES}
    if not context.device.known:
        believed = {part: value for part, value in believed.items() if value > 0 or part not in SAID_BY_SENDER}
    return tuple([Contribution(_CODE_OF[part], value, TEXTS[part][value > 0]) for part, value in weighed(believed)])
