"""Looking at the policy, proposing one, activating and withdrawing what was proposed. Who may, and that looking leaves
evidence: console/service.py; what two people are for: risk/policies/service.py.

Here a person is proven: a staff session is only opened with a passkey.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from authsvc.console.service import Console, NoPermission, StaffMember
from authsvc.console.store import Person, list_people
from authsvc.core.errors import BadInput
from authsvc.core.origin import Origin
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Actor, Policies
from authsvc.risk.policies.store import Proposal, Role, ShadowCount, count_shadow, list_proposals
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import PolicyRefused

SHADOW_DAYS = 7
MOST_PROPOSALS = 50


@dataclass(frozen=True)
class PolicyPage:
    """What the page shows."""

    member: StaffMember
    live: Policy
    shadow: Policy | None
    compared: tuple[ShadowCount, ...]  # of the last SHADOW_DAYS
    proposals: tuple[Proposal, ...]
    people: dict[str, Person]
    two_people: bool

    @property
    def decided(self) -> int:
        return sum(each.decisions for each in self.compared)

    @property
    def differed(self) -> int:
        return sum(each.decisions for each in self.compared if each.decision != each.shadow_decision)


@dataclass(frozen=True)
class PolicyDesk:
    """What analysts do with policies."""

    console: Console
    policies: Policies
    in_force: InForce

    def look(self, secret: str | None, *, origin: Origin) -> PolicyPage | NoPermission:
        """Return the page. Raises NotSignedIn: no live staff session."""
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        with console.database.write() as connection:
            self.in_force.look(connection, now)
            live, shadow = self.in_force.live, self.in_force.shadow
            since = now - timedelta(days=SHADOW_DAYS)
            compared = count_shadow(connection, shadow.version, since) if shadow else ()
            proposals = tuple(list_proposals(connection, limit=MOST_PROPOSALS))
            people = list_people(
                connection, {by for each in proposals for by in (each.proposed_by, each.settled_by) if by}
            )
        console.record("console:policy:viewed", member, origin, now, {"policy": live.version})
        return PolicyPage(member, live, shadow, compared, proposals, people, self.policies.two_people)

    def propose(self, secret: str | None, source: str, note: str, role: str, *, origin: Origin) -> NoPermission | None:
        """Propose a policy that was pasted.

        Raises:
            NotSignedIn: no live staff session.
            BadInput: `policy.refused`, with line and reason; `policy.note_invalid`; `console.role_invalid`.
        """
        if role not in tuple(Role):
            raise BadInput("console.role_invalid", "A policy is proposed to decide, or for the shadow.")

        def do(connection: Connection, actor: Actor, now: datetime) -> None:
            text = source.replace("\r\n", "\n")  # as forms send it
            try:
                self.policies.propose(connection, text, role=Role(role), note=note, by=actor, now=now)
            except PolicyRefused as problem:
                raise BadInput("policy.refused", str(problem)) from None

        return self._act(secret, origin, do)

    def activate(self, secret: str | None, proposal_id: str, *, origin: Origin) -> NoPermission | None:
        """Put a proposal in force. Raises NotSignedIn, and what Policies.activate raises."""
        return self._act(
            secret,
            origin,
            lambda connection, actor, now: self.policies.activate(connection, proposal_id, by=actor, now=now),
        )

    def withdraw(self, secret: str | None, proposal_id: str, *, origin: Origin) -> NoPermission | None:
        """Take a proposal back. Raises as activate does."""
        return self._act(
            secret,
            origin,
            lambda connection, actor, now: self.policies.withdraw(connection, proposal_id, by=actor, now=now),
        )

    def end_shadow(self, secret: str | None, *, origin: Origin) -> NoPermission | None:
        """Let nothing decide in the shadow. Raises NotSignedIn."""
        return self._act(
            secret, origin, lambda connection, actor, now: self.policies.end_shadow(connection, by=actor, now=now)
        )

    def _act(
        self, secret: str | None, origin: Origin, do: Callable[[Connection, Actor, datetime], object]
    ) -> NoPermission | None:
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        with console.database.write() as connection:
            do(connection, Actor(member.account_id, "console", origin), now)
        return None
