"""The versions that are kept, as policies."""

import structlog
from sqlalchemy import Connection

from authsvc.risk.policies.store import list_policies
from authsvc.risk.policy import Policy
from authsvc.risk.policy_file import PolicyRefused, parse_policy

log = structlog.get_logger(__name__)


def kept_policies(connection: Connection) -> dict[str, Policy]:
    """Return every version that this code can use, by version; one that was altered is none."""
    found = {}
    for kept in list_policies(connection):
        try:
            policy = parse_policy(kept.source, source=kept.version)
        except PolicyRefused as problem:
            log.warning("risk.policy_unusable", version=kept.version, why=str(problem))
            continue
        if policy.version == kept.version:
            found[kept.version] = policy
    return found
