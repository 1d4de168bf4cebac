"""Propose a policy, activate it, take it back. Each leaves an audit event that names who did it.

1. a proposal is a version that was read and checked, with a note; the version is kept by the hash of what it says;
2. what decides about customers is activated by somebody else than who proposed it, where two people are wanted
   (everywhere but in the demo); what decides in the shadow harms nobody, and may be one person's;
3. of many who settle one proposal at once, one does.

An older version comes back the same way: proposed again, activated again.

Limits: in the console a person is proven by their passkey. Whoever runs the command line holds the database and its
keys: the name that they give is written down, not proven, and `via` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.errors import BadInput, Conflict, NotAllowed, NotFound
from authsvc.core.ids import new_id
from authsvc.core.origin import Origin
from authsvc.risk.policies.store import (
    KeptPolicy,
    Proposal,
    Role,
    find_policy,
    find_proposal,
    insert_proposal,
    keep_policy,
    put_in_force,
    settle_proposal,
)
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import parse_policy

LONGEST_NOTE = 500


@dataclass(frozen=True)
class Actor:
    """Who acts, and how that is known."""

    account_id: str
    via: str  # console | cli
    origin: Origin | None = None


@dataclass(frozen=True)
class Policies:
    """What is done with versions, in the caller's transaction."""

    audit: Audit
    two_people: bool = True

    def propose(
        self,
        connection: Connection,
        source: str,
        *,
        role: Role,
        note: str,
        by: Actor,
        now: datetime,
        figures: Mapping[str, Any] | None = None,
    ) -> Proposal:
        """Keep a policy's TOML, and ask for it.

        Raises:
            PolicyRefused: it can't be used; the message names the line and the reason.
            BadInput: `policy.note_invalid`.
        """
        policy = parse_policy(source, source="policy")
        tidy = " ".join(note.split())
        if not 1 <= len(tidy) <= LONGEST_NOTE or not tidy.isprintable():
            raise BadInput("policy.note_invalid", f"Say in 1 to {LONGEST_NOTE} characters what it is for.")
        keep_policy(connection, KeptPolicy(policy.version, policy.name, source, now))
        proposal = Proposal(new_id("pol"), policy.version, role, tidy, figures or {}, by.account_id, now)
        insert_proposal(connection, proposal)
        self._record(connection, "risk:policy:proposed", proposal, by, now)
        return proposal

    def activate(self, connection: Connection, proposal_id: str, *, by: Actor, now: datetime) -> Proposal:
        """Put what was proposed in force.

        Raises:
            NotFound: `policy.proposal_unknown`.
            NotAllowed: `policy.same_person`: it wants somebody else than who proposed it.
            Conflict: `policy.settled`.
        """
        proposal = self._open(connection, proposal_id)
        alone = by.account_id == proposal.proposed_by
        if self.two_people and proposal.role == Role.LIVE and alone:
            raise NotAllowed("policy.same_person", "Somebody else than who proposed it has to activate it.")
        self._settle(connection, proposal, "activated", by, now)
        put_in_force(connection, proposal.role, proposal.version, now)
        self._record(connection, "risk:policy:activated", proposal, by, now)
        return proposal

    def withdraw(self, connection: Connection, proposal_id: str, *, by: Actor, now: datetime) -> Proposal:
        """Take a proposal back; anybody may. Raises as activate does."""
        proposal = self._open(connection, proposal_id)
        self._settle(connection, proposal, "withdrawn", by, now)
        self._record(connection, "risk:policy:withdrawn", proposal, by, now)
        return proposal

    def end_shadow(self, connection: Connection, *, by: Actor, now: datetime) -> None:
        """Let nothing decide in the shadow."""
        put_in_force(connection, Role.SHADOW, None, now)
        facts = {"role": Role.SHADOW.value, "via": by.via}
        self.audit.record(
            connection, "risk:policy:shadow_ended", now=now, account_id=by.account_id, origin=by.origin, facts=facts
        )

    def get(self, connection: Connection, version: str) -> Policy:
        """Return a kept version.

        Raises:
            NotFound: `policy.unknown`.
            PolicyRefused: this code can't use it.
        """
        kept = find_policy(connection, version)
        if kept is None:
            raise NotFound("policy.unknown", "No such version was ever kept.")
        return parse_policy(kept.source, source=version)

    def _open(self, connection: Connection, proposal_id: str) -> Proposal:
        proposal = find_proposal(connection, proposal_id) if "\x00" not in proposal_id else None
        if proposal is None:
            raise NotFound("policy.proposal_unknown", "There is no such proposal.")
        return proposal

    def _settle(self, connection: Connection, proposal: Proposal, outcome: str, by: Actor, now: datetime) -> None:
        if not settle_proposal(connection, proposal.id, outcome=outcome, by=by.account_id, now=now):
            raise Conflict("policy.settled", "This proposal was settled before.")

    def _record(self, connection: Connection, tag: str, proposal: Proposal, by: Actor, now: datetime) -> None:
        facts = {"proposal": proposal.id, "policy": proposal.version, "role": str(proposal.role), "via": by.via}
        self.audit.record(connection, tag, now=now, account_id=by.account_id, origin=by.origin, facts=facts)
