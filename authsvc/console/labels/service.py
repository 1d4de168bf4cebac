"""Saying what became of a decision. Who may, and that it leaves evidence: console/service.py and risk/feedback.

A label changes nothing of the account or the decision; it is what weights are recalibrated from and calibration is
judged by. The newest analyst's word counts, and every one of them is in the evidence.
"""

from dataclasses import dataclass

from authsvc.console.service import Console, NoPermission
from authsvc.core.origin import Origin
from authsvc.risk.feedback.service import Feedback


@dataclass(frozen=True)
class Labels:
    """What analysts do with labels."""

    console: Console

    def say(self, secret: str | None, decision_id: str, label: str, *, origin: Origin) -> NoPermission | None:
        """Label a decision.

        Raises:
            NotSignedIn: no live staff session.
            BadInput: `console.label_invalid`.
            NotFound: `console.decision_unknown`.
            NotAllowed: `console.own_decision`.
        """
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        with console.database.write() as connection:
            Feedback(console.audit).say(
                connection, decision_id, label, analyst=member.account_id, origin=origin, now=now
            )
        return None
