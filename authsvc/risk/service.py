"""What is believed about a sign-in, step by step, inside the caller's transactions.

1. gather   look at everything that may be looked at: at most six indexed queries, whatever the history's length
2. decide   pure: signals, policy, decision
3. record   the decision with the inputs it saw, sealed under the person's key, what a policy in the shadow would have
            decided, and an audit event
4. settle   how the sign-in ended
5. learn    after a completed sign-in only: network, count, how one signs in by password, and the typing sample where
            the person consented

Fails closed: a part that can't be looked at is named in the context, the policy turns an allow into a step-up, and an
audit event and a log line raise the alarm. Odd input (no IP address, a clock that jumped) counts as unknown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import maxminddb
import structlog
from sqlalchemy import Connection

from authsvc.accounts.consents.service import Consents
from authsvc.accounts.devices.service import DeviceFacts
from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.factors.factor import Factor
from authsvc.factors.service import highest_demand, owned_kinds
from authsvc.risk.context import (
    NOTHING_ODD,
    AccountState,
    Action,
    BehaviourFacts,
    DeviceSeen,
    PasskeyFacts,
    RiskContext,
    Trigger,
    TypingFacts,
    from_inputs,
)
from authsvc.risk.history import failures, indexes, sign_ins
from authsvc.risk.history import typing as typing_store
from authsvc.risk.history.behaviour.service import Behaviour
from authsvc.risk.history.behaviour.store import forget_profile
from authsvc.risk.history.geo import Geo
from authsvc.risk.history.look_up import find_history
from authsvc.risk.history.networks import NO_NETWORKS, Networks
from authsvc.risk.keystroke.sample import NOTHING_TYPED, Typings, TypingSample
from authsvc.risk.keystroke.service import TypingRhythm
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policy import ENGINE_FAILED, RULE_FAILED, Decision, Outcome, assess, blind_decision
from authsvc.risk.store import StoredDecision, insert_decision, settle_decision

log = structlog.get_logger(__name__)

RECOVERED_FOR = timedelta(days=7)  # security.md, "Addresses and mail"
RESET_FOR = timedelta(hours=24)

TAGS = {
    Outcome.ALLOW: "risk:decision:allowed",
    Outcome.STEP_UP: "risk:decision:stepped_up",
    Outcome.DENY: "risk:decision:denied",
}


@dataclass(frozen=True)
class RiskService:
    """Gathers, decides, records and learns."""

    vault: Vault
    audit: Audit
    in_force: InForce
    consents: Consents
    geo: Geo
    factors: tuple[Factor, ...]
    networks: Networks = NO_NETWORKS

    def gather(
        self,
        connection: Connection,
        *,
        trigger: str,
        account: Account,
        first_factor: Level,
        device: DeviceFacts,
        origin: Origin,
        typing: Typings | None,
        password_version: int | None,
        passkey: PasskeyFacts = NOTHING_ODD,
        action: Action = Action.SIGN_IN,
        client_id: str | None = None,
        now: datetime,
    ) -> RiskContext:
        """Return all that the decision on this sign-in may look at.

        Args:
            trigger: the first factor just proven, "password" or "passkey".
            first_factor: the level that it reached.
            typing: from keystroke.sample.parse_typings; None where nothing was typed.
            passkey: what a passkey showed of itself, where it was the first factor.
            password_version: counts the passwords of this account; a new one starts a new profile.
        """
        self.in_force.look(connection, now)
        failed: list[str] = []
        typed = typing or NOTHING_TYPED
        history = find_history(
            connection,
            self.vault,
            account.id,
            origin=origin,
            country=self._country(origin, failed),
            with_profile=trigger == Trigger.PASSWORD,
            now=now,
        )
        seen, sealed = history.sign_ins, history.profile_sealed
        return RiskContext(
            trigger=Trigger(trigger),
            first_factor=first_factor,
            device=DeviceSeen(device.known, _since_s(device.first_seen_at, now), device.stolen),
            network=seen.network,
            country=seen.country,
            failures=history.failures,
            since_last_sign_in_s=_since_s(seen.last_at, now),
            sign_ins=seen.count,
            typing=self._typing(connection, account.id, typed.password, password_version, failed),
            email_typing=self._typing(connection, account.id, typed.email, password_version, failed),
            account=self._account_state(connection, account, now),
            passkey=passkey,
            behaviour=self._look_at_behaviour(connection, account.id, sealed, trigger, origin, now, failed),
            action=action,
            client_id=client_id,
            failed_parts=tuple(failed),
        )

    def decide(self, context: RiskContext) -> Decision:
        """Return the decision; a step-up when scoring itself fails."""
        try:
            return assess(self.in_force.live, context)
        except Exception:
            log.exception("risk.engine_failed")
            return blind_decision(self.in_force.live, context)

    def record(
        self,
        connection: Connection,
        decision: Decision,
        context: RiskContext,
        *,
        account_id: str,
        flow_id: str,
        client_id: str | None,
        origin: Origin,
        now: datetime,
        outcome: str = "open",
    ) -> str:
        """Write the decision with the inputs it saw; return its id. Args: outcome, where it is known at once."""
        decision_id, silent = new_id("dec"), self._in_the_shadow(context)
        sealed = self.vault.seal_json_for(
            connection, account_id, context.to_inputs(), context=_context_of(decision_id), now=now
        )
        insert_decision(
            connection,
            StoredDecision(
                id=decision_id,
                at=now,
                account_id=account_id,
                flow_id=flow_id,
                client_id=client_id,
                trigger=context.trigger.value,
                decision=decision.decision.value,
                required=decision.required.name.lower(),
                log_odds=decision.log_odds,
                probability=decision.probability,
                policy_version=decision.policy_version,
                model_version=decision.model_version,
                contributions=[each.to_json() for each in decision.contributions],
                inputs_sealed=sealed,
                shadow_version=silent.policy_version if silent else None,
                shadow_decision=silent.decision.value if silent else None,
                shadow_required=silent.required.name.lower() if silent else None,
                outcome=outcome,
                outcome_at=None if outcome == "open" else now,
            ),
        )
        facts = {
            "decision": decision_id,
            "flow": flow_id,
            "client": client_id,
            "codes": [each.code for each in decision.contributions],
            "policy": decision.policy_version,
        }
        tag = TAGS[decision.decision]
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)
        broken = list(context.failed_parts)
        if any(each.code == ENGINE_FAILED for each in decision.contributions):
            broken.append("engine")
        if any(each.code == RULE_FAILED for each in decision.contributions):
            broken.append("rule")
        if broken:
            self._alarm(connection, account_id, broken, origin, now)
        return decision_id

    def settle(self, connection: Connection, decision_id: str, outcome: str, now: datetime) -> bool:
        """Say how the sign-in ended ("completed", "denied", "abandoned"); False when that was said before."""
        return settle_decision(connection, decision_id, outcome, now)

    def learn(
        self,
        connection: Connection,
        *,
        account_id: str,
        origin: Origin,
        typing: Typings | None,
        password_version: int | None,
        now: datetime,
    ) -> int:
        """Take a fully completed sign-in into the account's history; return how many it has now."""
        keyring = self.vault.keyring
        country = self._country(origin, [])
        count = sign_ins.count_sign_in(connection, account_id, now=now)
        sign_ins.remember_network(
            connection,
            account_id,
            network=indexes.network_indexes(keyring, account_id, origin),
            country=indexes.country_indexes(keyring, account_id, country),
            now=now,
        )
        if password_version is not None and not self._behaviour.learn(connection, account_id, origin, now):
            self._alarm(connection, account_id, ["behaviour"], origin, now)
        samples = (typing or NOTHING_TYPED).usable
        if not self._rhythm.learn(connection, account_id, samples, version=password_version or 0, now=now):
            self._alarm(connection, account_id, ["typing"], origin, now)
        return count

    def note_failure(self, connection: Connection, *, account_key: str, origin: Origin, now: datetime) -> None:
        """Count a failed sign-in; `account_key` is the account's id, or the address tried where there is none."""
        keyring = self.vault.keyring
        account, source = indexes.account_indexes(keyring, account_key), indexes.source_indexes(keyring, origin)
        failures.insert_failure(connection, account=account, source=source, now=now)

    def stored_context(self, connection: Connection, decision: StoredDecision) -> RiskContext | None:
        """Return what a stored decision saw; None when its person was erased.

        Raises:
            CannotOpen: the row was altered.
            ValueError: it was written by a version that this code can't read.
        """
        if decision.account_id is None:
            return None
        inputs = self.vault.open_json_for(
            connection, decision.account_id, decision.inputs_sealed, context=_context_of(decision.id)
        )
        return None if inputs is None else from_inputs(inputs)

    def forget_typing(self, connection: Connection, account_id: str) -> None:
        """Delete every typing sample: the consent was withdrawn, or the password changed."""
        typing_store.forget_typing(connection, account_id)

    def forget(self, connection: Connection, account_id: str) -> None:
        """Delete what history knows of the account. Decisions stay; their inputs go with the person's key."""
        typing_store.forget_typing(connection, account_id)
        forget_profile(connection, account_id)
        sign_ins.forget_sign_ins(connection, account_id)
        failures.forget_failures(connection, indexes.account_indexes(self.vault.keyring, account_id))

    def _in_the_shadow(self, context: RiskContext) -> Decision | None:
        """Return what a second policy would decide. Nothing that happens to it reaches a customer."""
        if self.in_force.shadow is None:
            return None
        try:
            return assess(self.in_force.shadow, context)
        except Exception:
            log.exception("risk.shadow_failed")
            return None

    @property
    def _rhythm(self) -> TypingRhythm:
        return TypingRhythm(self.vault, self.consents)

    @property
    def _behaviour(self) -> Behaviour:
        return Behaviour(self.vault, self.geo, self.networks)

    def _look_at_behaviour(
        self,
        connection: Connection,
        account_id: str,
        sealed: bytes | None,
        trigger: str,
        origin: Origin,
        now: datetime,
        failed: list[str],
    ) -> BehaviourFacts:
        if trigger != Trigger.PASSWORD:
            return BehaviourFacts()
        facts, readable = self._behaviour.look_at(connection, account_id, sealed, origin, now)
        if not readable:
            failed.append("behaviour")
        return facts

    def _typing(
        self,
        connection: Connection,
        account_id: str,
        sample: TypingSample | None,
        version: int | None,
        failed: list[str],
    ) -> TypingFacts:
        facts, readable = self._rhythm.look_at(connection, account_id, sample, version=version or 0)
        if not readable and "typing" not in failed:
            failed.append("typing")
        return facts

    def _account_state(self, connection: Connection, account: Account, now: datetime) -> AccountState:
        guarded = account.guarded_at is not None
        password_reset = _within(account.password_reset_at, RESET_FOR, now)
        reachable = None
        if guarded or password_reset:  # rare, so the queries are
            reachable = highest_demand(owned_kinds(self.factors, connection, account.id))
        return AccountState(
            guarded=guarded,
            recovered=_within(account.recovered_at, RECOVERED_FOR, now),
            password_reset=password_reset,
            reachable=reachable,
        )

    def _country(self, origin: Origin, failed: list[str]) -> str | None:
        try:
            return self.geo.country(origin.address)
        except maxminddb.InvalidDatabaseError:
            log.exception("risk.part_failed", part="country")
            failed.append("country")
            return None

    def _alarm(self, connection: Connection, account_id: str, parts: list[str], origin: Origin, now: datetime) -> None:
        log.error("risk.failed_closed", parts=parts)
        self.audit.record(
            connection, "risk:part:failed", now=now, account_id=account_id, origin=origin, facts={"parts": parts}
        )


def _context_of(decision_id: str) -> str:
    return f"risk_decisions:{decision_id}"


def _since_s(moment: datetime | None, now: datetime) -> float | None:
    """Return the seconds since then; 0.0 when a clock jumped and it lies ahead."""
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def _within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span
