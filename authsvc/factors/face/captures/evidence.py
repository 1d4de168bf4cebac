"""What evidence of a capture is kept: what it was and what came of it, never how near it came (service.py says why)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.store import lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.origin import Origin
from authsvc.factors.face.matching.operating_point import Match
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.store import Ticket

TAGS = {
    "enrolled": "face:template:enrolled",
    "match": "face:capture:matched",
    "no_match": "face:capture:rejected",
    "refused": "face:capture:refused",
}


@dataclass(frozen=True)
class Evidence:
    """Records events of captures, inside the caller's transaction."""

    audit: Audit

    def record(
        self,
        connection: Connection,
        tag: str,
        ticket: Ticket | None,
        origin: Origin,
        now: datetime,
        *,
        reason: str | None = None,
        frame: int | None = None,
        measured: Measured | None = None,
        match: Match | None = None,
    ) -> None:
        owner = lock_account(connection, ticket.account_id) if ticket else None
        if ticket is not None and (owner is None or owner.status == "erased"):
            # Erased while the capture was on its way: what is sealed now would make a new key, which nobody destroys.
            gone = {"ticket": ticket.id, "purpose": ticket.purpose, "reason": reason}
            self.audit.record(connection, tag, now=now, facts=gone)
            return
        facts: dict[str, str | int | float | None] = {"reason": reason, "frame": frame}
        if ticket is not None:
            facts |= {"ticket": ticket.id, "flow": ticket.flow_id, "purpose": ticket.purpose}
            facts |= {"device": ticket.device_id}
        if measured is not None:
            facts |= {"frames": len(measured.frames), "embedder": measured.embedder}
        if match is not None:
            facts |= {"threshold": match.point.threshold, "kind": "relative" if match.point.relative else "plain"}
        self.audit.record(
            connection,
            tag,
            now=now,
            account_id=ticket.account_id if ticket else None,
            origin=origin,
            facts={name: value for name, value in facts.items() if value is not None},
        )
