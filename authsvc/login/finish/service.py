"""Complete a sign-in, in the transaction of the step that earned it.

1. the flow moves to `ready` in one statement: of two requests at once, one completes;
2. the levels are met by the proofs at hand, or nothing happens;
3. the browser becomes a device known to the account, its cookie's value is new;
4. the session is new, or the one at hand is raised; its secret is new either way;
5. risk learns from it, the decision is settled, and the owner hears of a device not seen before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from ua_parser import parse as parse_user_agent

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.devices.service import DeviceFacts, Devices
from authsvc.accounts.levels import Level, ProofKind, level_now
from authsvc.accounts.sessions.service import Session, Sessions
from authsvc.accounts.store import Account, grant_role, lift_guard, list_roles
from authsvc.core.audit.service import Audit
from authsvc.core.origin import Origin
from authsvc.login.account.places import destination
from authsvc.login.offer.rule import OfferState
from authsvc.login.offer.service import Offers
from authsvc.login.service import Flows
from authsvc.login.steps import Go, Stay, resume_of
from authsvc.login.store import Flow, mark_alerted
from authsvc.login.transitions import Event
from authsvc.risk.keystroke.sample import Typings
from authsvc.risk.service import RiskService

STAFF_ROLE = "analyst"

# Hears of every completed sign-in, in its transaction: (connection, account id, level, origin, now).
Completed = Callable[[Connection, str, Level, Origin, datetime], None]


@dataclass(frozen=True)
class Arrival:
    """Who arrives, with what: the facts that completing a sign-in needs."""

    account: Account
    proofs: Mapping[ProofKind, datetime]
    device: DeviceFacts
    session: Session | None
    origin: Origin
    typing: Typings | None = None
    password_version: int | None = None
    counter_went_back: bool = False  # of the passkey that was shown


@dataclass(frozen=True)
class Finish:
    """Completes sign-ins."""

    flows: Flows
    sessions: Sessions
    devices: Devices
    risk: RiskService
    alerts: Alerts
    audit: Audit
    offers: Offers
    completed: tuple[Completed, ...] = ()

    def complete(
        self,
        connection: Connection,
        flow: Flow,
        event: Event,
        arrival: Arrival,
        *,
        now: datetime,
        settled: bool = False,
    ) -> Go | Stay:
        """Do the steps above.

        A Stay, with evidence, where the console is asked for by somebody who is no analyst.

        Args:
            settled: the flow's decision was written with its outcome.

        Raises:
            Conflict: `flow.out_of_step`: another request was first.
        """
        account, origin = arrival.account, arrival.origin
        level = level_now(arrival.proofs, now=now, raised=self.sessions.raised)
        assert level >= flow.required, "a step completed a flow whose level was not reached"  # 2
        if flow.grant_role:
            grant_role(connection, account.id, flow.grant_role, now)
            self.audit.record(
                connection,
                "login:role:granted",
                now=now,
                account_id=account.id,
                origin=origin,
                facts={"role": flow.grant_role},
            )
        if flow.kind == "console" and STAFF_ROLE not in list_roles(connection, account.id):
            return self._no_analyst(connection, flow, account, origin, now)
        device_id, device_cookie = self.devices.remember(
            connection, arrival.device, account_id=account.id, label=device_label(origin.user_agent), now=now
        )  # 3
        session, secret = self._session(connection, flow, arrival, device_id, now)  # 4
        offer = self.offers.at_the_end(
            connection, flow, account, arrival.proofs, level=level, known_device=arrival.device.known, now=now
        )
        moved = self.flows.move(
            connection,
            flow,
            event,
            now=now,
            account_id=account.id,
            session_id=session.id,
            decision_id=flow.decision_id,
            risk_level=flow.risk_level,
            proofs=dict(arrival.proofs),
            typing_sealed=None,
            offer=offer,
        )  # 1
        if flow.kind != "client":
            self.flows.move(connection, moved, Event.RESUMED, now=now)
        if account.guarded_at is not None and (level is Level.PHR or flow.risk_level > Level.NONE):
            lift_guard(connection, account.id)  # risk asked for the strongest factor, and it was shown
        if flow.decision_id is not None and not settled:
            self.risk.settle(connection, flow.decision_id, "completed", now)
        self._learn(connection, flow, arrival, now)  # 5
        for hear in self.completed:
            hear(connection, account.id, level, origin, now)
        self.audit.record(
            connection,
            "login:sign_in:completed",
            now=now,
            account_id=account.id,
            origin=origin,
            facts={
                "flow": flow.id,
                "client": flow.client_id,
                "level": level.name.lower(),
                "session": session.id,
                "device": device_id,
                "new_device": not arrival.device.known,
            },
        )
        if flow.kind == "console":
            return Go(_destination(moved), staff_secret=secret, device_cookie=device_cookie)
        return Go(_destination(moved), session_secret=secret, device_cookie=device_cookie)

    def warn_of_failed_step_up(self, connection: Connection, flow: Flow, *, origin: Origin, now: datetime) -> None:
        """Tell the owner that a step-up failed after a right password; one flow warns once."""
        if flow.account_id is not None and flow.proofs and mark_alerted(connection, flow.id, now):
            head, failed = self.flows.letterhead_of(connection, flow), AlertKind.STEP_UP_FAILED
            self.alerts.send(connection, flow.account_id, failed, origin=origin, now=now, letterhead=head)

    def _no_analyst(self, connection: Connection, flow: Flow, account: Account, origin: Origin, now: datetime) -> Stay:
        if flow.decision_id is not None:
            self.risk.settle(connection, flow.decision_id, "denied", now)
        self.audit.record(
            connection, "login:role:missing", now=now, account_id=account.id, origin=origin, facts={"flow": flow.id}
        )
        return Stay("This account may not work in the console.", status=403, code="login.role_missing")

    def _session(
        self, connection: Connection, flow: Flow, arrival: Arrival, device_id: str, now: datetime
    ) -> tuple[Session, str]:
        at_hand, staff = arrival.session, flow.kind == "console"
        if at_hand is not None and at_hand.account_id == arrival.account.id and not staff:
            return self.sessions.raise_level(connection, at_hand, arrival.proofs, origin=arrival.origin, now=now)
        if at_hand is not None:
            self.sessions.end(connection, at_hand.id, reason="replaced", origin=arrival.origin, now=now)
        return self.sessions.open(
            connection,
            account_id=arrival.account.id,
            device_id=device_id,
            kind="staff" if staff else "customer",
            proofs=arrival.proofs,
            origin=arrival.origin,
            now=now,
        )

    def _learn(self, connection: Connection, flow: Flow, arrival: Arrival, now: datetime) -> None:
        sign_ins = self.risk.learn(
            connection,
            account_id=arrival.account.id,
            origin=arrival.origin,
            typing=arrival.typing,
            password_version=arrival.password_version,
            now=now,
        )
        if sign_ins > 1 and not arrival.device.known:
            kind, head = AlertKind.NEW_DEVICE, self.flows.letterhead_of(connection, flow)
            self.alerts.send(connection, arrival.account.id, kind, origin=arrival.origin, now=now, letterhead=head)


def device_label(user_agent: str) -> str:
    """Return what a person calls their browser: `Firefox on Linux`."""
    parsed = parse_user_agent(user_agent[:512])
    browser = parsed.user_agent.family if parsed.user_agent else "A browser"
    system = parsed.os.family if parsed.os else "an unknown system"
    return f"{browser} on {system}"


def _destination(flow: Flow) -> str:
    if flow.offer in (OfferState.PASSKEY, OfferState.FACE):
        return f"/login/offer?flow={flow.id}"
    return {
        "client": resume_of(flow.id),
        "console": "/console",
        "account": destination(flow.params),
    }[flow.kind]
