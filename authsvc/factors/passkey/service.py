"""Passkey ceremonies: hand out a challenge, spend it, verify what came back, keep the evidence.

A challenge lives 5 minutes, is stored on the server, and is bound to its flow and purpose (and, in a step-up, to the
account). It is spent before anything is verified, so a response can be tried once, right or wrong.
Verification takes about a millisecond and stays inside the caller's transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, find_account
from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.factor import Exported, Way
from authsvc.factors.passkey.ceremony import (
    CHALLENGE_BYTES,
    CeremonyRefused,
    Registered,
    RelyingParty,
    challenge_of,
    creation_options,
    credential_id_of,
    request_options,
    user_handle_of,
    verify_assertion,
    verify_creation,
)
from authsvc.factors.passkey.store import (
    Challenge,
    Passkey,
    consume_challenge,
    delete_passkeys,
    find_passkey,
    insert_challenge,
    insert_passkey,
    list_passkeys,
    note_use,
)

CHALLENGE_TTL = timedelta(minutes=5)
UNNAMED = "Passkey"


@dataclass(frozen=True)
class Refused:
    """A ceremony that proved nothing; `code` is stable."""

    code: str
    account_id: str | None = None


@dataclass(frozen=True)
class Proven:
    """An assertion with user verification by this account's passkey."""

    account: Account
    passkey: Passkey


@dataclass(frozen=True)
class NewPasskey:
    """A verified registration, not yet kept."""

    registered: Registered


@dataclass(frozen=True)
class Passkeys:
    """The passkey factor."""

    rp: RelyingParty
    audit: Audit

    kind = ProofKind.PASSKEY

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        return tuple(
            Way(each.id, self.kind, each.name, "", each.created_at, each.last_used_at)
            for each in list_passkeys(connection, account_id)
        )

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        removed = delete_passkeys(connection, account_id)
        for passkey_id in removed:
            self.audit.record(
                connection,
                "passkey:factor:removed",
                now=now,
                account_id=account_id,
                origin=origin,
                facts={"passkey": passkey_id},
            )
        return len(removed)

    def export(self, connection: Connection, account_id: str) -> Exported:
        return [
            {
                "name": each.name,
                "created_at": each.created_at.isoformat(),
                "last_used_at": each.last_used_at.isoformat() if each.last_used_at else None,
                "backed_up": each.backed_up,
                "aaguid": each.aaguid,
            }
            for each in list_passkeys(connection, account_id)
        ]

    def begin_registration(
        self, connection: Connection, *, flow_id: str, user_handle: bytes, email: str, display_name: str, now: datetime
    ) -> dict[str, Any]:
        """Return creation options for somebody who has no account yet: nothing to exclude."""
        challenge = self._challenge(connection, "register", flow_id, None, now)
        return creation_options(
            self.rp,
            user_handle=user_handle,
            email=email,
            display_name=display_name,
            challenge=challenge,
            exclude=(),
        )

    def finish_registration(
        self, connection: Connection, credential: Mapping[str, Any], *, flow_id: str, origin: Origin, now: datetime
    ) -> NewPasskey | Refused:
        """Spend the challenge and verify the new credential; `keep` stores it."""
        try:
            if (challenge := self._spend(connection, credential, "register", flow_id, now)) is None:
                return self._refused(connection, "passkey.challenge_spent", None, "", origin, now)
            return NewPasskey(verify_creation(self.rp, credential, challenge=challenge.challenge))
        except CeremonyRefused as refusal:
            return self._refused(connection, "passkey.registration_refused", None, refusal.reason, origin, now)

    def keep(
        self, connection: Connection, account_id: str, new: Registered, *, origin: Origin, now: datetime
    ) -> Passkey | Refused:
        """Store a verified credential; refused when its id is registered already, to whomever."""
        passkey = Passkey(
            id=new_id("pky"),
            account_id=account_id,
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            aaguid=new.aaguid,
            transports=new.transports,
            backup_eligible=new.backup_eligible,
            backed_up=new.backed_up,
            name=UNNAMED,
            created_at=now,
        )
        if not insert_passkey(connection, passkey):
            return self._refused(connection, "passkey.already_registered", account_id, "", origin, now)
        self.audit.record(
            connection,
            "passkey:factor:added",
            now=now,
            account_id=account_id,
            origin=origin,
            facts={"passkey": passkey.id, "aaguid": new.aaguid, "backed_up": new.backed_up},
        )
        return passkey

    def begin_assertion(
        self, connection: Connection, *, flow_id: str, account_id: str | None, now: datetime
    ) -> dict[str, Any]:
        """Return request options; with an account (step-up) only its own passkeys may answer."""
        challenge = self._challenge(connection, "authenticate", flow_id, account_id, now)
        allow = list_passkeys(connection, account_id) if account_id else []
        return request_options(self.rp, challenge=challenge, allow=allow)

    def finish_assertion(
        self,
        connection: Connection,
        credential: Mapping[str, Any],
        *,
        flow_id: str,
        account_id: str | None = None,
        origin: Origin,
        now: datetime,
    ) -> Proven | Refused:
        """Verify an assertion. Args: account_id is who steps up; a challenge may be older than the step.

        1. the challenge is ours, unspent, of this flow and purpose; 2. the credential is registered;
        3. a user handle, if given, is its owner's, and one is given where no account was named before;
        4. in a step-up the credential is the account's own; 5. signature, origin, RP, flags (ceremony.py).
        A counter that went backwards is kept as evidence and changes nothing else.
        """
        try:
            challenge = self._spend(connection, credential, "authenticate", flow_id, now)  # 1
            if challenge is None:
                return self._refused(connection, "passkey.challenge_spent", None, "", origin, now)
            passkey = find_passkey(connection, credential_id_of(credential))  # 2
            account = find_account(connection, passkey.account_id) if passkey else None
            if passkey is None or account is None:
                return self._refused(connection, "passkey.unknown_credential", None, "", origin, now)
            handle = user_handle_of(credential)
            if handle != account.user_handle and (handle is not None or challenge.account_id is None):  # 3
                return self._refused(connection, "passkey.foreign_user_handle", account.id, "", origin, now)
            if account.id != (wanted := account_id or challenge.account_id or account.id):  # 4
                return self._refused(connection, "passkey.foreign_credential", wanted, "", origin, now)
            asserted = verify_assertion(self.rp, credential, challenge=challenge.challenge, passkey=passkey)  # 5
        except CeremonyRefused as refusal:
            return self._refused(connection, "passkey.assertion_refused", None, refusal.reason, origin, now)
        if asserted.counter_went_back or asserted.eligibility_changed:
            facts = {
                "passkey": passkey.id,
                "counter_went_back": asserted.counter_went_back,
                "eligibility_changed": asserted.eligibility_changed,
            }
            self.audit.record(
                connection, "passkey:counter:odd", now=now, account_id=account.id, origin=origin, facts=facts
            )
        note_use(connection, passkey.id, sign_count=asserted.sign_count, backed_up=asserted.backed_up, now=now)
        return Proven(account, passkey)

    def list(self, connection: Connection, account_id: str) -> list[Passkey]:
        return list_passkeys(connection, account_id)

    def _challenge(
        self, connection: Connection, purpose: str, flow_id: str, account_id: str | None, now: datetime
    ) -> bytes:
        challenge = new_bytes(CHALLENGE_BYTES)
        insert_challenge(
            connection, Challenge(new_id("cha"), challenge, purpose, flow_id, account_id, now, now + CHALLENGE_TTL)
        )
        return challenge

    def _spend(
        self, connection: Connection, credential: Mapping[str, Any], purpose: str, flow_id: str, now: datetime
    ) -> Challenge | None:
        return consume_challenge(connection, challenge_of(credential), purpose=purpose, flow_id=flow_id, now=now)

    def _refused(
        self,
        connection: Connection,
        code: str,
        account_id: str | None,
        reason: str,
        origin: Origin,
        now: datetime,
    ) -> Refused:
        self.audit.record(
            connection,
            "passkey:ceremony:refused",
            now=now,
            account_id=account_id,
            origin=origin,
            facts={"code": code},
            personal={"reason": reason} if reason else None,
        )
        return Refused(code, account_id)
