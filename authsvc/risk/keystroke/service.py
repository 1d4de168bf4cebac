"""Compare a typing with what is kept of its account; keep it after a completed sign-in. In the caller's transaction.

A password's profile ends with the password's version. An address has no version: after a change of address the old
typings have another number of keys, or fade as newer ones come.

Nothing is kept, and no rhythm is compared, without the person's consent. A sample with a sign of automation is not
learned from, whatever else the sign-in has shown, and neither is one that was kept before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.risk.context import TypingFacts, TypingState
from authsvc.risk.history.indexes import replay_indexes
from authsvc.risk.history.typing import find_typing, keep_sample, start_profile
from authsvc.risk.keystroke.automation import findings, fingerprint
from authsvc.risk.keystroke.detector import log_ratio, shipped
from authsvc.risk.keystroke.packing import KeptSample
from authsvc.risk.keystroke.profile import fit_profile
from authsvc.risk.keystroke.sample import TypedField, TypingSample

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TypingRhythm:
    """The rhythm of one password or address, account by account."""

    vault: Vault
    consents: Consents

    def look_at(
        self, connection: Connection, account_id: str, sample: TypingSample | None, *, version: int
    ) -> tuple[TypingFacts, bool]:
        """Return the facts for risk, and whether what is kept could be read."""
        version = _version(sample, version)
        if sample is not None and sample.pasted:
            return TypingFacts(TypingState.PASTED), True
        if sample is None or not sample.usable:
            return TypingFacts(), True
        replay = replay_indexes(self.vault.keyring, account_id, fingerprint(account_id, sample))
        try:
            stored = find_typing(connection, self.vault, account_id, sample, version=version, replay=replay)
        except (CannotOpen, ValueError) as problem:
            # No traceback: its local values would carry the samples into the log.
            log.error("risk.typing_unreadable", problem=type(problem).__name__)
            return TypingFacts(TypingState.LEARNING, automation=findings(sample)), False
        earlier = [each.sample for each in stored.samples]
        found = findings(sample, earlier, seen_before=stored.seen_before)
        profile = fit_profile(earlier, like=sample, background=shipped())
        if profile is None or not self.consents.given(connection, account_id, Purpose.TYPING):
            return TypingFacts(TypingState.LEARNING, automation=found), True
        return TypingFacts(TypingState.SCORED, log_ratio(profile, sample, shipped()), found), True

    def learn(
        self, connection: Connection, account_id: str, samples: Iterable[TypingSample], *, version: int, now: datetime
    ) -> bool:
        """Keep the samples of a completed sign-in; return whether what was kept before could be read.

        What can't be read is replaced: the profile starts again with this sample.
        """
        typed = [sample for sample in samples if sample.usable]
        if not typed or not self.consents.given(connection, account_id, Purpose.TYPING):
            return True
        readable = [self._keep(connection, account_id, sample, version=version, now=now) for sample in typed]
        return all(readable)

    def _keep(
        self, connection: Connection, account_id: str, sample: TypingSample, *, version: int, now: datetime
    ) -> bool:
        version, kept = _version(sample, version), KeptSample(now, sample)
        replay = replay_indexes(self.vault.keyring, account_id, fingerprint(account_id, sample))
        try:
            keep_sample(
                connection,
                self.vault,
                account_id,
                kept,
                version=version,
                replay=replay,
                of_a_person=lambda earlier: not findings(sample, earlier),
            )
        except (CannotOpen, ValueError) as problem:
            log.error("risk.typing_unreadable", problem=type(problem).__name__)
            if not findings(sample):
                start_profile(connection, self.vault, account_id, (kept,), version=version)
            return False
        return True


def _version(sample: TypingSample | None, password_version: int) -> int:
    return 0 if sample is not None and sample.field is TypedField.EMAIL else password_version
