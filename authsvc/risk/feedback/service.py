"""Take what is said of decisions, and gather it for whoever learns from it. Inside the caller's transactions.

1. Analysts label in the console; of their own account's decisions they may not.
2. A customer's "this wasn't me" labels the sign-in that it is about, where one can be told and nobody labelled it yet.
3. What is gathered is scored again from the stored inputs: by the signals of this code, at weight 1, so that labels
   outlive a change of model or policy.

Each label leaves an audit event.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.errors import BadInput, NotAllowed, NotFound
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.risk.context import RiskContext, from_inputs
from authsvc.risk.feedback.labels import BY_ANALYSTS, Label, Labelled
from authsvc.risk.feedback.store import (
    KeptLabel,
    LabelledRow,
    find_decision_of_alert,
    find_decision_of_event,
    insert_not_me,
    list_labelled,
    put_label,
)
from authsvc.risk.signals import score
from authsvc.risk.signals.groups import GROUP_OF
from authsvc.risk.store import find_decision


@dataclass(frozen=True)
class Gathered:
    """Labelled decisions of a period, and why others of it can't be learned from."""

    labelled: tuple[Labelled, ...]
    left_out: Mapping[str, int]  # erased | unreadable


@dataclass(frozen=True)
class Feedback:
    """What is done with labels."""

    audit: Audit

    def say(
        self, connection: Connection, decision_id: str, label: str, *, analyst: str, origin: Origin, now: datetime
    ) -> None:
        """Write an analyst's label.

        Raises:
            BadInput: `console.label_invalid`.
            NotFound: `console.decision_unknown`.
            NotAllowed: `console.own_decision`: it is about the analyst's own account.
        """
        if label not in BY_ANALYSTS:
            raise BadInput("console.label_invalid", "Choose one of the three labels.")
        decision = find_decision(connection, decision_id) if "\x00" not in decision_id else None
        if decision is None:
            raise NotFound("console.decision_unknown", "There is no such decision.")
        if decision.account_id == analyst:
            raise NotAllowed("console.own_decision", "Somebody else has to label what was decided about you.")
        put_label(connection, KeptLabel(decision.id, label, analyst, now))
        facts = {"decision": decision.id, "label": label, "subject": decision.account_id}
        self.audit.record(connection, "risk:label:set", now=now, account_id=analyst, origin=origin, facts=facts)

    def disowned(
        self,
        connection: Connection,
        account_id: str,
        *,
        alert_id: str | None,
        event_id: str | None,
        origin: Origin,
        now: datetime,
    ) -> None:
        """Write that the owner disowned a warning's or an event's sign-in."""
        decision_id = None
        if event_id is not None:
            decision_id = find_decision_of_event(connection, account_id, event_id)
        elif alert_id is not None:
            decision_id = find_decision_of_alert(connection, account_id, alert_id)
        if decision_id is not None and insert_not_me(connection, decision_id, now):
            facts = {"decision": decision_id, "label": Label.NOT_ME.value}
            self.audit.record(connection, "risk:label:set", now=now, account_id=account_id, origin=origin, facts=facts)

    def gather(self, connection: Connection, since: datetime, until: datetime) -> Gathered:
        """Return the labelled decisions of [since, until), the oldest first."""
        labelled, left_out = [], Counter({"erased": 0, "unreadable": 0})
        for row in list_labelled(connection, since, until):
            try:
                context = self._context(connection, row)
            except (CannotOpen, ValueError):
                left_out["unreadable"] += 1
                continue
            if context is None:
                left_out["erased"] += 1
            else:
                labelled.append(_labelled(row, context))
        return Gathered(tuple(labelled), left_out)

    def _context(self, connection: Connection, row: LabelledRow) -> RiskContext | None:
        if row.account_id is None:
            return None
        inputs = self.audit.vault.open_json_for(
            connection, row.account_id, row.inputs_sealed, context=f"risk_decisions:{row.decision_id}"
        )
        return None if inputs is None else from_inputs(inputs)


def said_by_group(context: RiskContext) -> dict[str, float]:
    """Return what the signals of this code say, summed by group, at weight 1."""
    groups: dict[str, float] = {}
    for each in score(context):
        name = GROUP_OF[each.code].name
        groups[name] = groups.get(name, 0.0) + each.log_odds
    return groups


def _labelled(row: LabelledRow, context: RiskContext) -> Labelled:
    by = row.labelled_by or row.account_id or ""
    return Labelled(
        decision_id=row.decision_id,
        at=row.at,
        groups=said_by_group(context),
        probability=row.probability,
        label=Label(row.label),
        labelled_by=by,
        labelled_at=row.labelled_at,
        account_id=row.account_id,
    )
