"""Did the passkey's signature counter go back, as it does when somebody uses a copy? Pure.

Weights are initial: judgement, not calibrated on a deployment's labels. WebAuthn Level 3, 6.1.1 leaves open what a
service does about it. It is no proof: an authenticator that was restored from a backup counts from where the backup
was made, and two sign-ins at once may arrive in the other order. Most synced passkeys always show 0, which says
nothing. So it raises the risk and shuts nobody out: alone it asks for a step-up, which the passkey itself satisfies
in the default policy; with other evidence beside it the sign-in is refused.
"""

from authsvc.risk.context import RiskContext, Trigger
from authsvc.risk.contribution import Contribution

WENT_BACK = 4.0


def passkey_counter(context: RiskContext) -> tuple[Contribution, ...]:
    if context.trigger is not Trigger.PASSKEY or not context.passkey.counter_went_back:
        return ()
    text = "The passkey's signature counter went back; it may have been copied."
    return (Contribution("passkey.counter_went_back", WENT_BACK, text),)
