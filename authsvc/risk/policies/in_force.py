"""Which policy decides on this node, and which one beside it. Looked up once a second, so that an activation is seen
by every node within a second and costs a decision nothing.

A version that can't be used here (its row was altered, or it was written for newer code) changes nothing: the one that
runs stays, and an alarm is raised once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.risk.policies.store import KeptPolicy, Role, find_policy, keep_policy, versions_in_force
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import PolicyRefused, parse_policy, policy_text

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class _Seen:
    at: datetime
    live: Policy
    shadow: Policy | None
    unusable: frozenset[str] = frozenset()
    kept: bool = False  # the live one is known to be in the database


@dataclass
class InForce:
    """What one node knows. Threads share it: it is replaced as a whole."""

    audit: Audit
    before: Policy  # decides until a version is activated: the file of the settings
    _seen: _Seen | None = field(default=None, repr=False)

    @property
    def live(self) -> Policy:
        return self._seen.live if self._seen else self.before

    @property
    def shadow(self) -> Policy | None:
        return self._seen.shadow if self._seen else None

    def look(self, connection: Connection, now: datetime) -> None:
        """Look whether something else is in force, if the last look is a second old. In a write transaction."""
        seen = self._seen
        if seen is not None and abs(now - seen.at) < LOOK_EVERY:  # also when a clock jumps back
            return
        versions = versions_in_force(connection)
        unusable = set(seen.unusable if seen else ())
        live = self._found(connection, versions.get(Role.LIVE), self.live, unusable, now) or self.before
        beside = self._found(connection, versions.get(Role.SHADOW), self.shadow, unusable, now)
        self._seen = _Seen(now, live, beside, frozenset(unusable), self._keep(connection, live, seen, now))

    def _found(
        self, connection: Connection, version: str | None, running: Policy | None, unusable: set[str], now: datetime
    ) -> Policy | None:
        if version is None or (running is not None and version == running.version):
            return None if version is None else running
        kept = find_policy(connection, version)
        try:
            policy = parse_policy(kept.source if kept else "", source=version)
            if policy.version != version:
                raise PolicyRefused("its content does not hash to its version")
        except PolicyRefused as problem:
            if version not in unusable:
                unusable.add(version)
                log.error("risk.policy_unusable", version=version, why=str(problem))
                self.audit.record(connection, "risk:policy:unusable", now=now, facts={"policy": version})
            return running
        return policy

    def _keep(self, connection: Connection, live: Policy, seen: _Seen | None, now: datetime) -> bool:
        """Keep the policy of a file, so that replay finds it. Believed only when a later look finds it committed."""
        if seen is not None and seen.kept and seen.live.version == live.version:
            return True
        if find_policy(connection, live.version) is not None:
            return True
        keep_policy(connection, KeptPolicy(live.version, live.name, policy_text(live), now))
        return False
