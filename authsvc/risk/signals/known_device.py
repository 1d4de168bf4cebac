"""Is this a browser that the account has signed in from? Pure.

Weights are initial: that the browser is looked at follows Freeman et al. (NDSS 2016), who only had its user agent; a
cookie is harder to guess. The sizes are judgement, not calibrated on a deployment's labels.

A device that became known today says less: whoever took an account over an hour ago has one, too. An old value of a
device cookie that comes back means that somebody copied it (accounts/devices), so it speaks against them.
"""

from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution

KNOWN = -3.0
KNOWN_SINCE_TODAY = -2.0
NEW = 2.0
COPIED = 4.5

DAY_S = 86_400


def known_device(context: RiskContext) -> tuple[Contribution, ...]:
    device = context.device
    if device.stolen:
        return (Contribution("device.copied", COPIED, "An old value of this browser's cookie was used again."),)
    if device.known and device.age_s is not None and device.age_s >= DAY_S:
        return (Contribution("device.known", KNOWN, "The account has signed in from this browser before."),)
    if device.known:
        return (Contribution("device.known", KNOWN_SINCE_TODAY, "This browser is known since less than a day."),)
    if context.familiar:
        return (Contribution("device.new", NEW, "The account has never signed in from this browser."),)
    return ()
