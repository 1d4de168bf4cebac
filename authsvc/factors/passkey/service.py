"""Passkey ceremonies: hand out a challenge, spend it, verify what came back, keep the evidence.

A challenge lives 5 minutes, is stored on the server, and is bound to its flow, its purpose, the account it was handed
out for (where there is one), and what the client asks of a new passkey. It is spent before anything is verified, so a
response can be tried once, right or wrong. Verification takes less than a millisecond and stays in the caller's
transaction.

A browser may make a passkey by itself after a sign-in (conditional create): nobody is asked, so nothing says that a
person was verified. Such a passkey is kept, but does not *count* until its first assertion, which always needs user
verification (`Way.counts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import Account, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.errors import BadInput
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.factor import Exported, Way
from authsvc.factors.passkey.attestation import (
    ASKS_NOTHING,
    AttestationPolicy,
    MetadataUnusable,
    ModelRefused,
    policy_of,
    refuse_untrusted,
)
from authsvc.factors.passkey.authenticator_names import MAX_NAME, NO_NAMES, AuthenticatorNames, Provider
from authsvc.factors.passkey.ceremony import (
    CHALLENGE_BYTES,
    CONDITIONAL,
    STRICT,
    Asserted,
    Registered,
    RelyingParty,
    creation_options,
    request_options,
    verify_assertion,
    verify_creation,
)
from authsvc.factors.passkey.for_owner import export_of, way_of
from authsvc.factors.passkey.metadata import Metadata
from authsvc.factors.passkey.metadata_file import NO_METADATA, MetadataSource
from authsvc.factors.passkey.response import CeremonyRefused, challenge_of, credential_id_of, user_handle_of
from authsvc.factors.passkey.store import (
    Ceremony,
    Challenge,
    Passkey,
    believe,
    consume_challenge,
    count_passkeys,
    delete_passkey,
    find_passkey,
    insert_challenge,
    insert_passkey,
    list_passkeys,
    note_use,
    rename_passkey,
)

log = structlog.get_logger(__name__)

CHALLENGE_TTL = timedelta(minutes=5)
MAX_PASSKEYS = 50  # of one account: they are listed on its page, and named in its step-ups


@dataclass(frozen=True)
class Refused:
    """A ceremony that proved nothing; `code` is stable.

    `unknown_credential` is set where no account of this server has the credential, so that the browser may be told to
    forget it (PublicKeyCredential.signalUnknownCredential).
    """

    code: str
    account_id: str | None = None
    unknown_credential: bytes | None = None


@dataclass(frozen=True)
class Proven:
    """An assertion with user verification by this account's passkey."""

    account: Account
    passkey: Passkey
    counter_went_back: bool = False


@dataclass(frozen=True)
class NewPasskey:
    """A verified registration, not yet kept."""

    registered: Registered

    @property
    def counts(self) -> bool:
        """Whether it proved, by being made, that its owner is there: `phr`."""
        return self.registered.user_verified


@dataclass(frozen=True)
class Passkeys:
    """The passkey factor."""

    rp: RelyingParty
    audit: Audit
    metadata: MetadataSource = NO_METADATA
    names: AuthenticatorNames = NO_NAMES

    @property
    def kind(self) -> ProofKind:
        return ProofKind.PASSKEY

    def begin_registration(
        self,
        connection: Connection,
        *,
        flow_id: str,
        user_handle: bytes,
        email: str,
        display_name: str,
        attestation: AttestationPolicy = ASKS_NOTHING,
        now: datetime,
    ) -> dict[str, Any]:
        """Return creation options for somebody who has no account yet: nothing to exclude."""
        challenge = self._challenge(connection, Ceremony.REGISTER, flow_id, None, now, attestation)
        return creation_options(
            self.rp,
            user_handle=user_handle,
            email=email,
            display_name=display_name,
            challenge=challenge,
            exclude=(),
            direct_attestation=attestation.direct,
        )

    def begin_addition(
        self,
        connection: Connection,
        *,
        flow_id: str,
        account: Account,
        email: str,
        conditional: bool = False,
        attestation: AttestationPolicy = ASKS_NOTHING,
        now: datetime,
    ) -> dict[str, Any]:
        """Return creation options for one more passkey of an account; those it has are excluded.

        Args:
            flow_id: what the answer must come with: a flow, or whatever else belongs to one browser and its account.
            conditional: the browser makes it by itself, where it can: nobody need be present or verified. That is
                kept with the challenge, so an answer can't choose it.
        """
        purpose = Ceremony.CONDITIONAL if conditional else Ceremony.REGISTER
        challenge = self._challenge(connection, purpose, flow_id, account.id, now, attestation)
        return creation_options(
            self.rp,
            user_handle=account.user_handle,
            email=email,
            display_name=account.display_name,
            challenge=challenge,
            exclude=list_passkeys(connection, account.id),
            rules=CONDITIONAL if conditional else STRICT,
            direct_attestation=attestation.direct,
        )

    def finish_registration(
        self,
        connection: Connection,
        credential: Mapping[str, Any],
        *,
        flow_id: str,
        account_id: str | None = None,
        origin: Origin,
        now: datetime,
    ) -> NewPasskey | Refused:
        """Spend the challenge and verify the new credential; `keep` stores it.

        Args:
            account_id: whose passkey it will be; None for an account that does not exist yet.
        """
        purposes = (Ceremony.REGISTER, Ceremony.CONDITIONAL)
        try:
            challenge = self._spend(connection, credential, purposes, flow_id, now)
            if challenge is None or challenge.account_id != account_id:
                return self._refused(connection, "passkey.challenge_spent", account_id, "", origin, now)
            rules = CONDITIONAL if challenge.purpose is Ceremony.CONDITIONAL else STRICT
            new = verify_creation(self.rp, credential, challenge=challenge.challenge, rules=rules)
            policy = policy_of(challenge.attestation)
            if policy.direct:
                refuse_untrusted(new, policy, self._believed(connection, origin, now), now=now)
                new = replace(new, attested=True)
            return NewPasskey(new)
        except CeremonyRefused as refusal:
            code = refusal.code("passkey.registration_refused")
            return self._refused(connection, code, account_id, refusal.reason, origin, now)

    def keep(
        self, connection: Connection, account_id: str, new: Registered, *, origin: Origin, now: datetime
    ) -> Passkey | Refused:
        """Store a verified credential; refused when its id is registered already, to whomever."""
        if count_passkeys(connection, account_id) >= MAX_PASSKEYS:
            return self._refused(connection, "passkey.too_many", account_id, "", origin, now)
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
            name=self.names.of(new.aaguid).name,
            created_at=now,
            attested=new.attested,
            uv_at_registration=new.user_verified,
            proven_uv_at=now if new.user_verified else None,
        )
        if not insert_passkey(connection, passkey):
            return self._refused(connection, "passkey.already_registered", account_id, "", origin, now)
        facts = {
            "passkey": passkey.id,
            "aaguid": new.aaguid,
            "attested": new.attested,
            "backup_eligible": new.backup_eligible,
            "backed_up": new.backed_up,
            "user_verified": new.user_verified,
        }
        self._record(connection, "passkey:factor:added", account_id, facts, origin, now)
        return passkey

    def begin_assertion(
        self, connection: Connection, *, flow_id: str, account_id: str | None, now: datetime
    ) -> dict[str, Any]:
        """Return request options; with an account (step-up) only its own passkeys may answer."""
        challenge = self._challenge(connection, Ceremony.AUTHENTICATE, flow_id, account_id, now)
        allow = list_passkeys(connection, account_id) if account_id else []
        return request_options(self.rp, challenge=challenge, allow=allow)

    def finish_assertion(
        self,
        connection: Connection,
        credential: Mapping[str, Any],
        *,
        flow_id: str,
        account_id: str | None = None,
        attestation: AttestationPolicy = ASKS_NOTHING,
        origin: Origin,
        now: datetime,
    ) -> Proven | Refused:
        """Verify an assertion. Args: account_id is who steps up; a challenge may be older than the step.

        1. the challenge is ours, unspent, of this flow and purpose; 2. the credential is registered, and its account,
        locked from here on, is as it is now;
        3. a user handle, if given, is its owner's, and one is given where no account was named before;
        4. in a step-up the credential is the account's own, and so was the challenge;
        5. signature, origin, RP, flags (ceremony.py); 6. it is of a model that the client takes;
        7. it is still registered: one that was taken away while its account was waited for proves nothing.
        A counter that went backwards, and a backup state that changed, are kept as evidence and refuse nothing.
        """
        passkey: Passkey | None = None
        try:
            challenge = self._spend(connection, credential, (Ceremony.AUTHENTICATE,), flow_id, now)  # 1
            if challenge is None:
                return self._refused(connection, "passkey.challenge_spent", None, "", origin, now)
            credential_id = credential_id_of(credential)
            passkey = find_passkey(connection, credential_id)  # 2
            account = lock_account(connection, passkey.account_id) if passkey else None
            if passkey is None or account is None:
                refused = self._refused(connection, "passkey.unknown_credential", None, "", origin, now)
                return replace(refused, unknown_credential=credential_id)
            handle = user_handle_of(credential)
            if handle != account.user_handle and (handle is not None or challenge.account_id is None):  # 3
                return self._refused(connection, "passkey.foreign_user_handle", account.id, "", origin, now)
            for wanted in (account_id, challenge.account_id):  # 4
                if wanted is not None and wanted != account.id:
                    return self._refused(connection, "passkey.foreign_credential", wanted, "", origin, now)
            asserted = verify_assertion(self.rp, credential, challenge=challenge.challenge, passkey=passkey)  # 5
            if not attestation.takes(attested=passkey.attested, aaguid=passkey.aaguid):  # 6
                raise ModelRefused(f"the client does not take the model {passkey.aaguid}")
        except CeremonyRefused as refusal:
            whose = passkey.account_id if passkey else None
            code = refusal.code("passkey.assertion_refused")
            return self._refused(connection, code, whose, refusal.reason, origin, now)
        count, backed_up = asserted.sign_count, asserted.backed_up
        if not note_use(connection, passkey.id, sign_count=count, backed_up=backed_up, now=now):  # 7
            refused = self._refused(connection, "passkey.unknown_credential", account.id, "", origin, now)
            return replace(refused, unknown_credential=passkey.credential_id)
        self._note_oddities(connection, passkey, asserted, origin, now)
        return Proven(account, passkey, asserted.counter_went_back)

    def list(self, connection: Connection, account_id: str) -> list[Passkey]:
        """Return the account's passkeys, the oldest first; those that do not count yet too."""
        return list_passkeys(connection, account_id)

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        """Return what its owner sees of each passkey."""
        return tuple(way_of(passkey) for passkey in list_passkeys(connection, account_id))

    def provider(self, passkey: Passkey) -> Provider:
        """Return who holds the passkey, with icons, as its AAGUID claims."""
        return self.names.of(passkey.aaguid)

    def rename(
        self, connection: Connection, account_id: str, passkey_id: str, name: str, *, origin: Origin, now: datetime
    ) -> bool:
        """Give a passkey the name that its owner chose; False when the account has no such passkey.

        Raises:
            BadInput: `passkey.name_invalid`.
        """
        tidy = " ".join(name.split())
        if not 1 <= len(tidy) <= MAX_NAME or not tidy.isprintable():
            raise BadInput("passkey.name_invalid", f"Please give a name of 1 to {MAX_NAME} characters.")
        if not rename_passkey(connection, account_id, passkey_id, tidy):
            return False
        self._record(connection, "passkey:factor:renamed", account_id, {"passkey": passkey_id}, origin, now)
        return True

    def remove(
        self, connection: Connection, account_id: str, passkey_id: str, *, origin: Origin, now: datetime
    ) -> bool:
        """Remove a passkey; False when the account has no such passkey (any more).

        Whether anything is left to sign in with is for the caller to see to.
        """
        removed = delete_passkey(connection, account_id, passkey_id)
        if removed is None:
            return False
        facts = {"passkey": removed.id, "aaguid": removed.aaguid}
        self._record(connection, "passkey:factor:removed", account_id, facts, origin, now)
        return True

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        """Remove every passkey of the account, each with its event; return how many there were."""
        found = list_passkeys(connection, account_id)
        return sum(self.remove(connection, account_id, each.id, origin=origin, now=now) for each in found)

    def export(self, connection: Connection, account_id: str) -> Exported:
        """Return what is kept of the account's passkeys."""
        return [export_of(passkey) for passkey in list_passkeys(connection, account_id)]

    def _believed(self, connection: Connection, origin: Origin, now: datetime) -> Metadata | None:
        """Return the metadata. Raises MetadataUnusable: a newer one was believed before; this one lacks revocations."""
        given = self.metadata.current(now)
        if given is None:
            return None
        newest = believe(connection, given, now)
        if given.number < newest.number:
            facts = {"signer": given.signer, "number": given.number, "believed": newest.number}
            self._record(connection, "passkey:metadata:rolled_back", None, facts, origin, now)
            log.error("passkey.metadata_rolled_back", believed_at=newest.believed_at.isoformat(), **facts)
            raise MetadataUnusable(f"it has number {given.number}, and {newest.number} was believed before")
        return given

    def _note_oddities(
        self, connection: Connection, passkey: Passkey, asserted: Asserted, origin: Origin, now: datetime
    ) -> None:
        if asserted.counter_went_back:
            facts = {"passkey": passkey.id, "kept": passkey.sign_count, "shown": asserted.sign_count}
            self._record(connection, "passkey:counter:went_back", passkey.account_id, facts, origin, now)
        if asserted.backup_changed:
            facts = {"passkey": passkey.id, "backed_up": asserted.backed_up}
            self._record(connection, "passkey:backup:changed", passkey.account_id, facts, origin, now)

    def _challenge(
        self,
        connection: Connection,
        purpose: Ceremony,
        flow_id: str,
        account_id: str | None,
        now: datetime,
        attestation: AttestationPolicy = ASKS_NOTHING,
    ) -> bytes:
        challenge = new_bytes(CHALLENGE_BYTES)
        insert_challenge(
            connection,
            Challenge(
                id=new_id("cha"),
                challenge=challenge,
                purpose=purpose,
                flow_id=flow_id,
                account_id=account_id,
                attestation=attestation.to_json(),
                created_at=now,
                expires_at=now + CHALLENGE_TTL,
            ),
        )
        return challenge

    def _spend(
        self,
        connection: Connection,
        credential: Mapping[str, Any],
        purposes: tuple[Ceremony, ...],
        flow_id: str,
        now: datetime,
    ) -> Challenge | None:
        return consume_challenge(connection, challenge_of(credential), purposes=purposes, flow_id=flow_id, now=now)

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

    def _record(
        self,
        connection: Connection,
        tag: str,
        account_id: str | None,
        facts: Mapping[str, Any],
        origin: Origin,
        now: datetime,
    ) -> None:
        self.audit.record(connection, tag, now=now, account_id=account_id, origin=origin, facts=facts)
