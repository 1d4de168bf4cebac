"""What comes of a measured capture: check 13, then a template or a comparison, in the one transaction that writes it.

Account and ticket are locked first, then read again: consent, lock and session may have ended while we measured. A
withdrawal of consent either comes first, then nothing is kept, or it deletes what was just kept.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.store import Account, lock_account
from authsvc.core.database import Database
from authsvc.core.origin import Origin
from authsvc.factors.face import store
from authsvc.factors.face.captures.evidence import TAGS, Evidence
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.looks import first_seen, tokens_of
from authsvc.factors.face.matching.operating_point import Match
from authsvc.factors.face.matching.score import mean_of
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.measured import Measured
from authsvc.factors.face.prompts import Prompt
from authsvc.factors.face.store import Ticket
from authsvc.factors.face.templates.service import Templates
from authsvc.settings import FaceSettings

Outcome = Literal["enrolled", "match", "no_match", "refused"]


@dataclass(frozen=True)
class Verdict:
    """What came of a capture. `satisfies`: whether it counts as a proof. `prompt`: which one was not followed."""

    outcome: Outcome
    reason: str | None
    satisfies: bool
    prompt: Prompt | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Finding:
    """What a capture turned out to be."""

    outcome: Outcome
    reason: str | None = None
    match: Match | None = None
    frame: int | None = None
    live: bool = True  # passed attack detection


@dataclass(frozen=True)
class Verdicts:
    """Decides, and writes what was decided."""

    database: Database
    evidence: Evidence
    alerts: Alerts
    consents: Consents
    settings: FaceSettings
    keys: DeviceKeys
    templates: Templates
    matching: Matching

    def conclude(
        self, ticket: Ticket, measured: Measured, found: Finding | None, *, origin: Origin, now: datetime
    ) -> Verdict:
        """Finish a claimed ticket. Args: found is what an earlier check has decided for good."""
        with self.database.write() as connection:
            account = lock_account(connection, ticket.account_id)
            if account is None or not store.hold_claimed_ticket(connection, ticket.id):
                # Consent was withdrawn or the person erased while we measured: leave nothing about them.
                facts = {"ticket": ticket.id, "purpose": ticket.purpose, "reason": "face.no_consent"}
                self.evidence.audit.record(connection, TAGS["refused"], now=now, facts=facts)
                return Verdict("refused", "face.no_consent", satisfies=False)
            finding = found or self._decide(connection, ticket, account, measured, now)
            proven = finding.outcome == "match" and self._counts(connection, ticket)
            store.finish_ticket(
                connection, ticket.id, verdict=finding.outcome, reason=finding.reason, satisfies=proven, now=now
            )
            self._settle(connection, ticket, measured, finding, origin, now)
            self.evidence.record(
                connection,
                TAGS[finding.outcome],
                ticket,
                origin,
                now,
                reason=finding.reason,
                frame=finding.frame,
                measured=measured,
                match=finding.match,
            )
        return Verdict(finding.outcome, finding.reason, satisfies=proven)

    def _decide(
        self, connection: Connection, ticket: Ticket, account: Account, measured: Measured, now: datetime
    ) -> Finding:
        if not account.is_active or not self._asked_for(connection, ticket, now):
            return Finding("refused", "face.ticket_unknown")
        if code := self.missing(connection, ticket.account_id, ticket.purpose):
            return Finding("refused", code)
        if (frame := self._seen_before(connection, ticket.account_id, measured)) is not None:  # 13
            return Finding("refused", "face.frame_seen", frame=frame, live=False)
        vectors = measured.embeddings
        if ticket.purpose == "enrol":
            mean, count = mean_of(vectors), len(vectors)
            self.templates.keep(connection, ticket.account_id, mean, embedder=measured.embedder, frames=count, now=now)
            return Finding("enrolled")
        template = self.templates.open(connection, ticket.account_id, embedder=measured.embedder)
        if isinstance(template, str):
            return Finding("refused", template)
        match = self.matching.compare(connection, ticket.account_id, measured.embedder, template, vectors)
        return Finding("match" if match.matched else "no_match", match=match)

    def _settle(
        self,
        connection: Connection,
        ticket: Ticket,
        measured: Measured,
        finding: Finding,
        origin: Origin,
        now: datetime,
    ) -> None:
        """Count what the capture was, let a face that is its owner's join the cohort, tell of a new template."""
        if finding.outcome == "enrolled":
            self.alerts.send(connection, ticket.account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
        if finding.outcome in ("enrolled", "match"):
            store.clear_failures(connection, ticket.account_id)
            probe = mean_of(measured.embeddings)
            self.matching.grow(connection, ticket.account_id, probe, embedder=measured.embedder, now=now)
        elif ticket.purpose == "verify":
            # A template that can't be read says nothing about who was there.
            failed = finding.outcome == "no_match" or not finding.live
            store.return_attempt(connection, ticket.account_id, live=finding.live, failed=failed)
        if ticket.device_id is not None and finding.outcome != "refused":
            self.keys.note_use(connection, ticket.device_id, now)

    def _asked_for(self, connection: Connection, ticket: Ticket, now: datetime) -> bool:
        """Return whether the session that an enrolment rests on is alive: who ended it meant this, too."""
        session_id = ticket.session_id
        return session_id is None or self.keys.sessions.find_live_by_id(connection, session_id, now=now) is not None

    def _counts(self, connection: Connection, ticket: Ticket) -> bool:
        """Return whether a match on this ticket is a proof: the key is still there, the browser is known."""
        if self.settings.satisfies == "never" or not ticket.browser_known or ticket.device_id is None:
            return False
        return self.keys.find(connection, ticket.account_id, ticket.device_id) is not None

    def _seen_before(self, connection: Connection, account_id: str, measured: Measured) -> int | None:
        """Return the first frame that came before, else keep them all."""
        keyed = [partial(_keyed, key) for key in self.templates.vault.keyring.derived("face-look")]
        spellings = [[tokens_of(each.look, account_id, one) for one in keyed] for each in measured.frames]
        seen = first_seen(spellings, store.list_looks(connection, account_id))
        if seen is None:
            store.insert_looks(connection, account_id, [spelled[0] for spelled in spellings])
        return seen

    def missing(self, connection: Connection, account_id: str, purpose: str) -> str | None:
        """Return what an account lacks for a capture of this purpose, as a code."""
        if purpose == "verify" and store.find_template(connection, account_id) is None:
            return "face.no_template"
        return None if self.consents.given(connection, account_id, Purpose.FACE) else "face.no_consent"


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
