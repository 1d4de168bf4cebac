"""Versions of the policy on both databases: proposed by one, activated by another, seen by every node, or refused."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict, NotAllowed, NotFound
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Actor, Policies
from authsvc.risk.policies.store import Proposal, Role, find_proposal, list_policies, list_proposals
from authsvc.risk.policies.tables import risk_policies
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import PolicyRefused, default_policy, policy_text
from tests.support.clocks import SettableClock

ADA, BOB = Actor("acc_ada", "console"), Actor("acc_bob", "cli")
BEFORE = default_policy()
STRICTER = replace(BEFORE, name="stricter", prior_log_odds=-5.0)


@dataclass(frozen=True)
class Desk:
    """Two people and a node."""

    database: Database
    clock: SettableClock
    policies: Policies
    node: InForce

    def propose(self, policy: Policy = STRICTER, role: Role = Role.LIVE, note: str = "Try it.") -> Proposal:
        with self.database.write() as connection:
            return self.policies.propose(
                connection, policy_text(policy), role=role, note=note, by=ADA, now=self.clock.now()
            )

    def activate(self, proposal: Proposal, by: Actor = BOB) -> Proposal:
        with self.database.write() as connection:
            return self.policies.activate(connection, proposal.id, by=by, now=self.clock.now())

    def look(self, node: InForce | None = None) -> InForce:
        node = node or self.node
        with self.database.write() as connection:
            node.look(connection, self.clock.now())
        return node

    def tags(self) -> list[str]:
        with self.database.read() as connection:
            query = select(audit_events.c.tag).where(audit_events.c.tag.startswith("risk:policy:"))
            return list(connection.execute(query.order_by(audit_events.c.id)).scalars())


@pytest.fixture
def desk(database: Database, audit: Audit, clock: SettableClock) -> Desk:
    return Desk(database, clock, Policies(audit), InForce(audit, BEFORE))


def test_until_a_version_is_activated_the_file_decides_and_is_kept_for_replay(desk: Desk) -> None:
    assert desk.look().live is BEFORE and desk.node.shadow is None
    with desk.database.read() as connection:
        assert [kept.version for kept in list_policies(connection)] == [BEFORE.version]
        assert desk.policies.get(connection, BEFORE.version) == BEFORE
        with pytest.raises(NotFound, match=r"policy\.unknown"):
            desk.policies.get(connection, "0" * 64)


def test_every_node_sees_an_activation_within_a_second(desk: Desk, audit: Audit) -> None:
    other = InForce(audit, BEFORE)
    desk.look(other)
    desk.look()
    desk.activate(desk.propose())
    assert desk.look().live is BEFORE, "looked a moment ago"
    desk.clock.advance(seconds=1)
    assert desk.look().live == STRICTER and desk.look(other).live == STRICTER
    assert desk.tags() == ["risk:policy:proposed", "risk:policy:activated"]


def test_who_proposed_it_does_not_activate_it(desk: Desk) -> None:
    proposal = desk.propose()
    with pytest.raises(NotAllowed, match=r"policy\.same_person"):
        desk.activate(proposal, by=ADA)
    with desk.database.read() as connection:
        assert find_proposal(connection, proposal.id) == proposal
    assert desk.look().live is BEFORE


def test_one_person_is_enough_in_the_demo_and_for_the_shadow(desk: Desk) -> None:
    desk.activate(desk.propose(role=Role.SHADOW), by=ADA)
    assert desk.look().shadow == STRICTER and desk.node.live is BEFORE
    demo = replace(desk, policies=replace(desk.policies, two_people=False))
    demo.activate(demo.propose(), by=ADA)
    desk.clock.advance(seconds=1)
    assert desk.look().live == STRICTER
    with desk.database.write() as connection:
        desk.policies.end_shadow(connection, by=ADA, now=desk.clock.now())
    desk.clock.advance(seconds=1)
    assert desk.look().shadow is None and desk.node.live == STRICTER


def test_a_proposal_is_settled_once(desk: Desk) -> None:
    proposal = desk.propose()
    with desk.database.write() as connection:
        desk.policies.withdraw(connection, proposal.id, by=ADA, now=desk.clock.now())
    with pytest.raises(Conflict, match=r"policy\.settled"):
        desk.activate(proposal)
    for unknown in ("pol_none", "\x00"):
        with pytest.raises(NotFound, match=r"policy\.proposal_unknown"):
            desk.activate(replace(proposal, id=unknown))
    with desk.database.read() as connection:
        assert [each.outcome for each in list_proposals(connection, limit=9)] == ["withdrawn"]


def test_an_older_version_comes_back_the_same_way(desk: Desk) -> None:
    desk.activate(desk.propose())
    desk.activate(desk.propose(BEFORE))
    desk.clock.advance(seconds=1)
    assert desk.look().live.version == BEFORE.version


@pytest.mark.parametrize("note", ["", "  ", "a" * 501, "a\x00b"])
def test_a_note_is_wanted(desk: Desk, note: str) -> None:
    with pytest.raises(BadInput, match=r"policy\.note_invalid"):
        desk.propose(note=note)


def test_a_bad_policy_is_not_even_proposed(desk: Desk) -> None:
    bad = policy_text(STRICTER).replace("-5.0", '"x"')
    with pytest.raises(PolicyRefused, match="policy:2: prior_log_odds: must be"), desk.database.write() as c:
        desk.policies.propose(c, bad, role=Role.LIVE, note="x", by=ADA, now=desk.clock.now())
    with desk.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(risk_policies)).scalar_one() == 0


@pytest.mark.parametrize("source", ["not TOML at all", policy_text(replace(STRICTER, prior_log_odds=-19.0))])
def test_a_version_that_was_altered_does_not_run_and_raises_one_alarm(desk: Desk, source: str) -> None:
    desk.look()
    desk.activate(desk.propose())
    with desk.database.write() as connection:
        altered = update(risk_policies).where(risk_policies.c.version == STRICTER.version).values(source=source)
        connection.execute(altered)
    for _ in range(3):
        desk.clock.advance(seconds=1)
        assert desk.look().live is BEFORE
    assert desk.tags().count("risk:policy:unusable") == 1


def test_a_clock_that_jumps_back_is_no_reason_not_to_look(desk: Desk) -> None:
    desk.look()
    desk.activate(desk.propose())
    desk.clock.set(desk.clock.now() - timedelta(days=1))
    assert desk.look().live == STRICTER
