"""A policy in the shadow decides beside the one in force; nothing that happens to it reaches anybody."""

from dataclasses import replace

import pytest

from authsvc.accounts.consents.service import Consents
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.origin import Origin
from authsvc.risk import service as service_module
from authsvc.risk.context import RiskContext
from authsvc.risk.history.geo import NoGeo
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Actor, Policies
from authsvc.risk.policies.store import Role, count_shadow
from authsvc.risk.policy import Decision, Outcome, Policy, Rule, assess
from authsvc.risk.policy_file import default_policy, policy_text
from authsvc.risk.service import RiskService
from authsvc.risk.store import StoredDecision, find_decision
from tests.pure.test_risk_signals import FAMILIAR
from tests.support.clocks import SettableClock

HERE = Origin("req_1", "203.0.113.7", "Firefox")
LIVE = default_policy()
SHADOW = replace(LIVE, name="shadow", rules=(Rule("all", "true", Outcome.DENY, "Nobody."),))


@pytest.fixture
def risk(database: Database, audit: Audit, clock: SettableClock) -> RiskService:
    in_force = InForce(audit, LIVE)
    ada = Actor("acc_ada", "console")
    with database.write() as connection:
        policies = Policies(audit)
        proposal = policies.propose(
            connection, policy_text(SHADOW), role=Role.SHADOW, note="Look.", by=ada, now=clock.now()
        )
        policies.activate(connection, proposal.id, by=ada, now=clock.now())
        in_force.look(connection, clock.now())
    return RiskService(audit.vault, audit, in_force, Consents(audit), NoGeo(), factors=())


def recorded(risk: RiskService, database: Database, clock: SettableClock) -> StoredDecision:
    with database.write() as connection:
        decision = risk.decide(FAMILIAR)
        decision_id = risk.record(
            connection,
            decision,
            FAMILIAR,
            account_id="acc_ada",
            flow_id="flow_1",
            client_id=None,
            origin=HERE,
            now=clock.now(),
        )
        found = find_decision(connection, decision_id)
    assert found is not None
    return found


def test_it_is_stored_beside_and_changes_nothing(risk: RiskService, database: Database, clock: SettableClock) -> None:
    stored = recorded(risk, database, clock)
    assert (stored.decision, stored.policy_version) == ("allow", LIVE.version)
    assert (stored.shadow_decision, stored.shadow_version) == ("deny", SHADOW.version)
    assert "policy.rule.all" not in [each["code"] for each in stored.contributions]
    with database.read() as connection:
        (counted,) = count_shadow(connection, SHADOW.version, clock.now())
    assert (counted.decision, counted.shadow_decision, counted.decisions) == ("allow", "deny", 1)


def test_its_failure_is_nobodys(
    risk: RiskService, database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_in_the_shadow(policy: Policy, context: RiskContext) -> Decision:
        if policy.version == SHADOW.version:
            raise RuntimeError("broken")
        return assess(policy, context)

    monkeypatch.setattr(service_module, "assess", breaks_in_the_shadow)
    stored = recorded(risk, database, clock)
    assert (stored.decision, stored.shadow_decision, stored.shadow_version) == ("allow", None, None)
