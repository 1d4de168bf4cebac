"""The recovery-code factor: ten codes on paper, each good for one sign-in beside the password.

Codes are shown once, when their set is made; a new set replaces the old one. What is stored is a keyed hash that covers
the id of the set. It is no slow one (argon2, as SP 800-63B-4, 3.1.2.2 wants it below 112 bits, for the day on which the
table is stolen): the key is not in the database, and 80 random bits are out of reach even for a thief who has both.

For the same reason nobody is made to wait: a stranger with the password can't guess a code, and must not be able to
close the owner's last way in. Five wrong ones in a row tell the owner. So does each one that is used, at once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.levels import ProofKind
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import Keyring
from authsvc.factors.factor import Exported, TypedCheck, TypedPrompt, Way
from authsvc.factors.recovery_code import store
from authsvc.factors.recovery_code.words import CODE_BYTES, code_from, normalise
from authsvc.factors.store import clear_typed_tries, count_typed_failure
from authsvc.factors.tries import tries_left

CODES = 10

WRONG = "That is not one of your unused recovery codes. Please check each character."
SPENT = "That recovery code was used already. Please take another one of your list."


@dataclass(frozen=True)
class RecoveryCodes:
    """Recovery codes. Rate limits by address are the caller's first step."""

    keyring: Keyring
    audit: Audit
    alerts: Alerts

    kind = ProofKind.RECOVERY_CODE
    prompt = TypedPrompt(
        offer="Use a recovery code",
        title="Type a recovery code",
        hint="One of the codes that you wrote down. Each works once; capitals and hyphens do not matter.",
        label="Recovery code",
        inputmode="text",
        autocomplete="off",
        max_length=40,
    )

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        """Return the set while it has an unused code."""
        kept = store.find_set(connection, account_id)
        if kept is None or not kept.left:
            return ()
        detail = f"{kept.left} of {CODES} left"
        return (Way(kept.id, self.kind, "Recovery codes", detail, kept.created_at, kept.last_used_at),)

    def make_new_set(
        self, connection: Connection, account_id: str, *, origin: Origin, now: datetime
    ) -> tuple[str, ...]:
        """Make ten codes and return them, this once; earlier ones are worth nothing from now on, and the owner is told.

        The caller has asked for a fresh proof, and shows the codes in this response only.
        """
        set_id, codes = new_id("rcs"), tuple(code_from(new_bytes(CODE_BYTES)) for _ in range(CODES))
        hashes = [self._hashes(set_id, normalise(code) or "")[0] for code in codes]
        store.replace_set(connection, account_id, set_id=set_id, code_hashes=hashes, now=now)
        clear_typed_tries(connection, account_id, self.kind)
        self._record(connection, "recovery_code:factor:added", account_id, origin, now, set=set_id)
        self.alerts.send(connection, account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)
        return codes

    def remaining(self, connection: Connection, account_id: str) -> int:
        """Return how many unused codes there are."""
        kept = store.find_set(connection, account_id)
        return kept.left if kept else 0

    def check(
        self,
        connection: Connection,
        account_id: str,
        typed: str,
        *,
        origin: Origin,
        now: datetime,
        letterhead: Letterhead | None = None,
    ) -> TypedCheck:
        """Try a code; the right one is spent in one statement, and the owner is told."""
        kept, letters = store.find_set(connection, account_id), normalise(typed)
        hashes = self._hashes(kept.id, letters) if kept and letters else ()
        if kept and store.consume_code(connection, account_id, set_id=kept.id, code_hashes=hashes, now=now):
            clear_typed_tries(connection, account_id, self.kind)
            self._record(
                connection, "recovery_code:code:used", account_id, origin, now, set=kept.id, left=kept.left - 1
            )
            used = AlertKind.RECOVERY_CODE_USED
            self.alerts.send(connection, account_id, used, origin=origin, now=now, letterhead=letterhead)
            return TypedCheck(True)
        failures = count_typed_failure(connection, account_id, self.kind, now)
        left = tries_left(failures)
        if kept and store.exists_code(connection, account_id, set_id=kept.id, code_hashes=hashes):
            self._record(connection, "recovery_code:code:replayed", account_id, origin, now, failures=failures)
            return TypedCheck(False, "recovery_code.spent", SPENT, tries_left=left)
        self._record(connection, "recovery_code:code:wrong", account_id, origin, now, failures=failures)
        return TypedCheck(False, "recovery_code.wrong", WRONG, tries_left=left)

    def remove(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> bool:
        """Remove the codes at their owner's wish, and tell them. The caller has asked for a fresh proof."""
        removed = self.remove_all(connection, account_id, origin=origin, now=now) > 0
        if removed:
            self.alerts.send(connection, account_id, AlertKind.FACTOR_REMOVED, origin=origin, now=now)
        return removed

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        removed = store.delete_set(connection, account_id)
        clear_typed_tries(connection, account_id, self.kind)
        if removed is None:
            return 0
        self._record(connection, "recovery_code:factor:removed", account_id, origin, now, set=removed)
        return 1

    def export(self, connection: Connection, account_id: str) -> Exported:
        kept = store.find_set(connection, account_id)
        if kept is None:
            return []
        last_used = kept.last_used_at.isoformat() if kept.last_used_at else None
        return [{"created_at": kept.created_at.isoformat(), "last_used_at": last_used, "left": kept.left}]

    def _hashes(self, set_id: str, letters: str) -> tuple[bytes, ...]:
        """Return a code's hash under each key of the ring: codes on paper outlive a change of the master key."""
        return self.keyring.indexes("recovery-code", f"{set_id}:{letters}")

    def _record(
        self,
        connection: Connection,
        tag: str,
        account_id: str,
        origin: Origin,
        now: datetime,
        **facts: str | int,
    ) -> None:
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)
