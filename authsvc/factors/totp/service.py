"""The TOTP factor: share a secret with an app, confirm it with a first code, check the codes that follow.

Enrolment: the secret is shown (QR code and text), and counts for nothing until a code made from it is typed in the
session that began it, within 15 minutes and 5 tries. A new app takes the place of the one before: an account has one.

A check:
1. the try is counted before anything is compared, and waits or is refused as factors/tries.py says;
2. the code belongs to a step of the window (one_time.py); 3. that step is newer than the last one taken, by one
statement: a code proves once, whoever sends it first. The secret is sealed under the account's own key.

Limits: whoever is shown the secret has the factor, and a code typed into a look-alike page is worth one sign-in there:
TOTP never reaches `phr`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.levels import ProofKind
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.core.segno_qr import qr_picture
from authsvc.factors.factor import Exported, TypedCheck, TypedPrompt, Way
from authsvc.factors.store import claim_typed_try, clear_typed_tries
from authsvc.factors.totp import store
from authsvc.factors.totp.one_time import (
    DIGITS,
    SECRET_BYTES,
    enrolment_uri,
    grouped,
    proven_step,
    secret_text,
)
from authsvc.factors.totp.store import PendingSecret, SharedSecret
from authsvc.factors.tries import too_many, tries_left

ENROLMENT_TTL = timedelta(minutes=15)

WRONG = "That code is not right. Please type the newest one that your app shows."
WRONG_CLOCK = "That code is not right. Please check that the phone sets its clock by itself, and type the newest code."
SPENT = "That code was used already. Please wait until your app shows the next one."
ENROLMENT_OVER = "This code is too late, or was wrong too often. Please begin again with a new QR code."
REFUSED = (
    "After many wrong codes your account takes none from the app any more. Use another way, and set the app up again."
)


@dataclass(frozen=True)
class Enrolment:
    """What the page shows of a secret that is being set up."""

    secret: str  # in groups of four, for those who type it
    uri: str  # what the QR code says; a link that a phone's own app opens
    qr: str  # a picture, as a data URI
    expires_at: datetime


@dataclass(frozen=True)
class Totp:
    """One-time passwords from an app. Rate limits by address are the caller's first step."""

    vault: Vault
    audit: Audit
    alerts: Alerts
    service_name: str

    kind = ProofKind.TOTP
    prompt = TypedPrompt(
        offer="Use a code from your app",
        title="Type the code from your app",
        hint="Open the authenticator app on your phone. The code changes every 30 seconds.",
        label="Code from the app",
        inputmode="numeric",
        autocomplete="one-time-code",
        max_length=DIGITS * 2,
    )

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        stored = store.find_secret(connection, account_id)
        if stored is None:
            return ()
        return (Way(stored.id, self.kind, "Authenticator app", "", stored.created_at, stored.last_used_at),)

    def begin_enrolment(
        self, connection: Connection, account_id: str, *, session_id: str, account_name: str, now: datetime
    ) -> Enrolment:
        """Make a secret to share. The caller has asked for a fresh proof. Args: account_name is what the app shows."""
        text = secret_text(new_bytes(SECRET_BYTES))
        sealed = self.vault.seal_for(
            connection, account_id, text.encode(), context=_pending_context(account_id), now=now
        )
        pending = PendingSecret(account_id, new_id("tpe"), session_id, sealed, now, now + ENROLMENT_TTL)
        store.put_pending(connection, pending)
        return self._shown(text, account_name, pending)

    def find_enrolment(
        self, connection: Connection, account_id: str, *, session_id: str, account_name: str, now: datetime
    ) -> Enrolment | None:
        """Return the enrolment that this session began and may still confirm, to show it again."""
        pending = store.find_pending(connection, account_id, session_id=session_id, now=now)
        text = self._open_pending(connection, pending) if pending else None
        return self._shown(text, account_name, pending) if pending and text else None

    def confirm_enrolment(
        self,
        connection: Connection,
        account_id: str,
        typed: str,
        *,
        session_id: str,
        origin: Origin,
        now: datetime,
    ) -> TypedCheck:
        """Check the first code; the right one turns the secret into a factor, and the owner is told.

        The code is spent with it. `totp.enrolment_over` means that there is nothing left to confirm: begin again.
        """
        pending = store.find_pending(connection, account_id, session_id=session_id, now=now)
        left = store.claim_pending_try(connection, pending, now) if pending else None
        text = self._open_pending(connection, pending) if pending else None
        if pending is None or left is None or text is None:
            return TypedCheck(False, "totp.enrolment_over", ENROLMENT_OVER)
        step = proven_step(text, typed, now=now)
        if step is None:
            self._record(connection, "totp:enrolment:refused", account_id, origin, now, tries_left=left)
            if left:
                return TypedCheck(False, "totp.wrong", WRONG_CLOCK, tries_left=left)
            return TypedCheck(False, "totp.enrolment_over", ENROLMENT_OVER)
        if not store.consume_pending(connection, pending):
            return TypedCheck(False, "totp.enrolment_over", ENROLMENT_OVER)
        self._replace(connection, pending, text, step, origin, now)
        return TypedCheck(True)

    def stop_enrolment(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> None:
        """Drop what is being set up: the owner said "this wasn't me"."""
        if store.delete_pending(connection, account_id):
            self._record(connection, "totp:enrolment:stopped", account_id, origin, now)

    def check(
        self,
        connection: Connection,
        account_id: str,
        typed: str,
        *,
        origin: Origin,
        now: datetime,
        letterhead: Letterhead | None = None,  # noqa: ARG002  # a TypedFactor's; no mail is sent
    ) -> TypedCheck:
        """Check a code as a second proof; see the module's docstring."""
        stored = store.find_secret(connection, account_id)
        text = self._open(connection, stored) if stored else None
        if stored is None or text is None:
            return TypedCheck(False, "totp.none", WRONG)
        claim = claim_typed_try(connection, account_id, self.kind, now)  # 1
        if claim.refused:
            self._record(connection, "totp:code:turned_away", account_id, origin, now, failures=claim.failures)
            return TypedCheck(False, "totp.refused", REFUSED)
        if claim.wait_until is not None:
            self._record(connection, "totp:code:turned_away", account_id, origin, now, failures=claim.failures)
            return too_many(claim.wait_until, now, code="totp.too_many")
        step = proven_step(text, typed, now=now)  # 2
        left = tries_left(claim.failures)
        if step is None:
            self._record(connection, "totp:code:wrong", account_id, origin, now, failures=claim.failures)
            return TypedCheck(False, "totp.wrong", WRONG, tries_left=left)
        if not store.consume_step(connection, stored, step, now):  # 3
            self._record(connection, "totp:code:replayed", account_id, origin, now, failures=claim.failures)
            return TypedCheck(False, "totp.spent", SPENT, tries_left=left)
        clear_typed_tries(connection, account_id, self.kind)
        return TypedCheck(True)

    def remove(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> bool:
        """Remove the app at its owner's wish, and tell them. The caller has asked for a fresh proof."""
        removed = self.remove_all(connection, account_id, origin=origin, now=now) > 0
        if removed:
            self.alerts.send(connection, account_id, AlertKind.FACTOR_REMOVED, origin=origin, now=now)
        return removed

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        store.delete_pending(connection, account_id)
        clear_typed_tries(connection, account_id, self.kind)
        removed = store.delete_secret(connection, account_id)
        if removed is None:
            return 0
        self._record(connection, "totp:factor:removed", account_id, origin, now, factor=removed)
        return 1

    def export(self, connection: Connection, account_id: str) -> Exported:
        stored = store.find_secret(connection, account_id)
        if stored is None:
            return []
        last_used = stored.last_used_at.isoformat() if stored.last_used_at else None
        return [{"created_at": stored.created_at.isoformat(), "last_used_at": last_used}]

    def _replace(
        self, connection: Connection, pending: PendingSecret, text: str, step: int, origin: Origin, now: datetime
    ) -> None:
        account_id = pending.account_id
        clear_typed_tries(connection, account_id, self.kind)  # first, as a check locks them: no two wait for each other
        if (former := store.delete_secret(connection, account_id)) is not None:
            self._record(connection, "totp:factor:removed", account_id, origin, now, factor=former)
        sealed = self.vault.seal_for(connection, account_id, text.encode(), context=_context(account_id), now=now)
        secret = SharedSecret(account_id, new_id("tot"), sealed, now, last_used_step=step)
        store.put_secret(connection, secret)
        self._record(connection, "totp:factor:added", account_id, origin, now, factor=secret.id)
        self.alerts.send(connection, account_id, AlertKind.FACTOR_ADDED, origin=origin, now=now)

    def _shown(self, text: str, account_name: str, pending: PendingSecret) -> Enrolment:
        uri = enrolment_uri(text, service_name=self.service_name, account_name=account_name)
        return Enrolment(grouped(text), uri, qr_picture(uri), pending.expires_at)

    def _open(self, connection: Connection, stored: SharedSecret) -> str | None:
        opened = self.vault.open_for(connection, stored.account_id, stored.sealed, context=_context(stored.account_id))
        return None if opened is None else opened.decode()

    def _open_pending(self, connection: Connection, pending: PendingSecret) -> str | None:
        opened = self.vault.open_for(
            connection, pending.account_id, pending.sealed, context=_pending_context(pending.account_id)
        )
        return None if opened is None else opened.decode()

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


def _context(account_id: str) -> str:
    return f"totp_secrets:{account_id}"


def _pending_context(account_id: str) -> str:
    return f"totp_enrolments:{account_id}"
