"""Who arrives at the end of a first factor or of a step-up, and what risk says to it.

A device, a session at hand and a typing are looked at beside the proofs; risk decides; the sign-in is completed, asks
for more, or is refused, and the decision is kept with what it saw. A typing waits sealed in the flow for the step-up,
where its owner agreed to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import DeviceFacts, Devices
from authsvc.accounts.levels import ProofKind, level_now
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import Account
from authsvc.core.sealing.service import Vault
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import Password
from authsvc.login.finish.service import Arrival, Finish
from authsvc.login.service import Flows
from authsvc.login.steps import Go, Stay, page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import Event
from authsvc.login.visitor import Visitor
from authsvc.risk.context import Action, PasskeyFacts
from authsvc.risk.keystroke.sample import Typings, parse_typings
from authsvc.risk.policy import Outcome
from authsvc.risk.service import RiskService

ACTIONS = {"client": Action.SIGN_IN, "console": Action.CONSOLE}  # by the kind of the flow; others are one's own pages


@dataclass(frozen=True)
class Arrivals:
    """Gathers who arrives, and lets risk decide on them, inside the caller's transaction."""

    vault: Vault
    flows: Flows
    finish: Finish
    passwords: Passwords
    devices: Devices
    sessions: Sessions
    consents: Consents
    risk: RiskService

    def device(self, connection: Connection, visitor: Visitor, account: Account | None, now: datetime) -> DeviceFacts:
        """Return what the visitor's device cookie says, for this account."""
        account_id = account.id if account else None
        return self.devices.recognise(connection, visitor.device_cookie, account_id=account_id, now=now)

    def arrived(
        self,
        connection: Connection,
        flow: Flow,
        account: Account,
        proofs: Mapping[ProofKind, datetime],
        device: DeviceFacts,
        visitor: Visitor,
        typed: Typings | None,
        stored: Password | None,
        now: datetime,
    ) -> Arrival:
        """Return who arrives. Args: stored is the account's password, as it was typed; None where it has none."""
        kind = "staff" if flow.kind == "console" else "customer"
        session = self.sessions.find_live(connection, visitor.session_secret, kind=kind, now=now)
        return Arrival(account, proofs, device, session, visitor.origin, typed, stored.version if stored else None)

    def resumed(
        self,
        connection: Connection,
        flow: Flow,
        account: Account,
        proven: Mapping[ProofKind, datetime],
        device: DeviceFacts,
        visitor: Visitor,
        now: datetime,
    ) -> Arrival:
        """Return who arrives at the end of a step-up: the flow's proofs, and the typing it kept, with the new proof."""
        stored = self.passwords.find(connection, account.id)
        typed = self._unseal(flow)
        return self.arrived(connection, flow, account, {**flow.proofs, **proven}, device, visitor, typed, stored, now)

    def decide(
        self,
        connection: Connection,
        flow: Flow,
        arrival: Arrival,
        trigger: str,
        now: datetime,
        *,
        event: Event = Event.ALLOWED,
    ) -> Go | Stay:
        """Let risk decide on who arrives: complete the sign-in, ask for more, or refuse.

        Args: event completes it; PROVEN where a step-up is weighed once more, whose earlier decision ends alike.
        """
        account, origin = arrival.account, arrival.origin
        level = level_now(arrival.proofs, now=now, raised=self.sessions.raised)
        context = self.risk.gather(
            connection,
            trigger=trigger,
            account=account,
            first_factor=level,
            device=arrival.device,
            origin=origin,
            typing=arrival.typing,
            password_version=arrival.password_version,
            passkey=PasskeyFacts(arrival.counter_went_back),
            action=ACTIONS.get(flow.kind, Action.ACCOUNT),
            client_id=flow.client_id,
            now=now,
        )
        decision = self.risk.decide(context)
        required = max(flow.required_level, decision.required)
        outcome = _outcome(flow, decision.decision, reached=level >= required)
        decision_id = self.risk.record(
            connection,
            decision,
            context,
            account_id=account.id,
            flow_id=flow.id,
            client_id=flow.client_id,
            origin=origin,
            now=now,
            outcome=outcome,
        )
        if event is Event.PROVEN and flow.decision_id is not None and outcome != "open":
            self.risk.settle(connection, flow.decision_id, outcome, now)
        kept: dict[str, Any] = {"account_id": account.id, "decision_id": decision_id, "proofs": dict(arrival.proofs)}
        kept["offer"] = flow.offer
        if decision.decision is Outcome.DENY:
            moved = self.flows.move(connection, flow, Event.DENIED, now=now, **kept)
            self.finish.warn_of_failed_step_up(connection, moved, origin=origin, now=now)
            return Go(page_of(flow.id))
        if level >= required:
            flow, settled = replace(flow, decision_id=decision_id, risk_level=decision.required), outcome != "open"
            return self.finish.complete(connection, flow, event, arrival, now=now, settled=settled)
        kept |= {"risk_level": decision.required, "typing_sealed": self._seal(connection, flow, arrival)}
        self.flows.move(connection, flow, Event.STEP_UP_ASKED, now=now, **kept)
        return Go(page_of(flow.id))

    def _seal(self, connection: Connection, flow: Flow, arrival: Arrival) -> bytes | None:
        if arrival.typing is None or not arrival.typing.usable:
            return None
        if not self.consents.given(connection, arrival.account.id, Purpose.TYPING):
            return None
        return self.vault.seal(arrival.typing.to_json().encode(), context=f"flows:{flow.id}")

    def _unseal(self, flow: Flow) -> Typings | None:
        if flow.typing_sealed is None:
            return None
        return parse_typings(self.vault.open(flow.typing_sealed, context=f"flows:{flow.id}").decode())


def _outcome(flow: Flow, decision: Outcome, *, reached: bool) -> str:
    """Return how the sign-in ends, as far as it is known when the decision is written."""
    if decision is Outcome.DENY:
        return "denied"
    return "completed" if reached and flow.kind != "console" else "open"  # the console asks for a role, too
