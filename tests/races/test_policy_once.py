"""Sixteen at once on PostgreSQL: one proposal is activated once."""

import pytest
from sqlalchemy import select

from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import Conflict
from authsvc.risk.policies.service import Actor, Policies
from authsvc.risk.policies.store import Role, versions_in_force
from authsvc.risk.policy_file import default_policy, policy_text
from tests.support.clocks import SettableClock
from tests.support.races import at_once

pytestmark = pytest.mark.postgresql


def test_a_proposal_is_activated_once(postgresql_only_database: Database, audit: Audit, clock: SettableClock) -> None:
    database, policies, policy = postgresql_only_database, Policies(audit), default_policy()
    with database.write() as connection:
        proposal = policies.propose(
            connection,
            policy_text(policy),
            role=Role.LIVE,
            note="Try it.",
            by=Actor("acc_ada", "console"),
            now=clock.now(),
        )

    def activate(number: int) -> bool:
        try:
            with database.write() as connection:
                policies.activate(connection, proposal.id, by=Actor(f"acc_{number}", "console"), now=clock.now())
        except Conflict:
            return False
        return True

    done = at_once(activate)
    assert done.count(True) == 1
    with database.read() as connection:
        assert versions_in_force(connection) == {"live": policy.version}
        events = select(audit_events.c.account_id).where(audit_events.c.tag == "risk:policy:activated")
        assert list(connection.execute(events).scalars()) == [f"acc_{done.index(True)}"]
