"""Take what is said of decisions, and gather it for whoever learns from it. Inside the caller's transactions.

1. Analysts label in the console; of their own account's decisions they may not.
2. A customer's "this wasn't me" labels the sign-in that it is about, where one can be told and nobody labelled it yet.
3. What is gathered is counted by group of signals at weight one, whatever the policy that decided weighed it.

Each leaves an audit event.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.errors import BadInput, NotAllowed, NotFound
from authsvc.core.origin import Origin
from authsvc.risk.feedback.labels import Label, Labelled
from authsvc.risk.feedback.store import (
    KeptLabel,
    LabelledRow,
    find_decision_of_alert,
    find_decision_of_event,
    insert_not_me,
    list_labelled,
    put_label,
)
from authsvc.risk.policies.store import find_policy
from authsvc.risk.policy_file import PolicyRefused, parse_policy
from authsvc.risk.signals import MODEL_VERSION
from authsvc.risk.signals.groups import GROUP_OF
from authsvc.risk.store import find_decision

BY_ANALYSTS = (Label.SAFE, Label.COMPROMISED, Label.DISMISSED)


@dataclass(frozen=True)
class Gathered:
    """Labelled decisions of a period, and why others of it can't be learned from."""

    labelled: tuple[Labelled, ...]
    left_out: Mapping[str, int]  # other_model | unknown_policy


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
        weights: dict[str, Mapping[str, float] | None] = {}
        labelled, left_out = [], Counter({"other_model": 0, "unknown_policy": 0})
        for row in list_labelled(connection, since, until):
            if row.policy_version not in weights:
                weights[row.policy_version] = _weights_of(connection, row.policy_version)
            weighed = weights[row.policy_version]
            if row.model_version != MODEL_VERSION:
                left_out["other_model"] += 1
            elif weighed is None:
                left_out["unknown_policy"] += 1
            else:
                labelled.append(_labelled(row, weighed))
        return Gathered(tuple(labelled), left_out)


def _labelled(row: LabelledRow, weights: Mapping[str, float]) -> Labelled:
    groups: dict[str, float] = {}
    for each in row.contributions:
        if group := GROUP_OF.get(each["code"]):  # a rule of the policy has none, and log-odds 0
            groups[group.name] = groups.get(group.name, 0.0) + each["log_odds"] / weights.get(group.name, 1.0)
    by = row.labelled_by or row.account_id or ""
    return Labelled(
        row.decision_id, row.at, groups, row.probability, Label(row.label), by, row.labelled_at, row.account_id
    )


def _weights_of(connection: Connection, version: str) -> Mapping[str, float] | None:
    """Return the weights of a kept policy; None where it isn't, or can't be read by this code."""
    kept = find_policy(connection, version)
    try:
        return parse_policy(kept.source, source=version).weights.by_group if kept else None
    except PolicyRefused:
        return None
