"""Hand a person everything that is kept about them, and erase them.

Erasing, in one transaction:
1. the account is locked, so that of two requests one erases; 2. its addresses are told, unsent mail to them is dropped;
3. sessions end, factors go, consents are taken back, each with its event; 4. every row that names the account or its
addresses is deleted, but those that inventory.py says are kept; 5. what is left of the account is its id, which is
never given to anybody else; 6. the person's key is destroyed: what was sealed under it (the personal half of the
evidence) can't be read by anybody any more, and the chain of evidence verifies as before; 7. the hooks hear of it.
The address is free at once.

It happens at once, without a waiting time (docs/decisions): it takes a fresh proof at the account's highest level, and
a word that has to be typed.

Limits: what somebody typed before there was an account (an address at sign-up) is sealed under the service's key, not
under theirs, and stays in the evidence. Backups of the database hold the key until they are deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import get_account, list_told, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.ids import new_bytes
from authsvc.core.limits import Limits
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.service import Vault
from authsvc.factors.factor import Factor
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.leaving.inventory import EXPORTED
from authsvc.login.leaving.store import (
    as_json,
    bury_account,
    delete_address_indexes,
    delete_person,
    list_account_events,
    list_decisions,
    list_every_address,
    list_rows,
)

FORMAT = "authsvc-export/1"
WORD = "delete"
USER_HANDLE_BYTES = 32

# Hears of an erasure, in its transaction: (connection, account id, now).
Erased = Callable[[Connection, str, datetime], None]


@dataclass(frozen=True)
class Leaving:
    """Exports and erases. `factors` is app.py's tuple; `erased` are the hooks."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    vault: Vault
    outbox: Outbox
    sessions: Sessions
    consents: Consents
    fresh: FreshProof
    factors: tuple[Factor, ...]
    service_name: str
    erased: tuple[Erased, ...] = ()

    # -- in the caller's transaction, for the account API and the command line

    def collect(self, connection: Connection, account_id: str, *, now: datetime) -> dict[str, Any]:
        """Return everything that is kept about the person, as JSON has it; no secrets."""
        account = get_account(connection, account_id)
        tables = {
            name: [
                {column: as_json(value) for column, value in row.items()}
                for row in list_rows(connection, name, columns, account_id)
            ]
            for name, columns in EXPORTED.items()
        }
        return {
            "format": FORMAT,
            "exported_at": now.isoformat(),
            "account": {
                "sub": account.id,
                "name": account.display_name,
                "status": account.status,
                "created_at": account.created_at.isoformat(),
            },
            "factors": {each.kind.value: each.export(connection, account_id) for each in self.factors},
            **tables,
            "decisions": [
                self._decision(connection, account_id, row) for row in list_decisions(connection, account_id)
            ],
            "events": [self._event(connection, account_id, row) for row in list_account_events(connection, account_id)],
        }

    def erase(self, connection: Connection, account_id: str, *, by: str, origin: Origin, now: datetime) -> bool:
        """Erase the person; False when there is nobody (any more). Args: by says who asked, as a fact of the event."""
        account = lock_account(connection, account_id)  # 1
        if account is None or account.status == "erased":
            return False
        emails = list_every_address(connection, account_id)
        told = list_told(connection, account_id, now)
        self.outbox.forget(connection, emails)  # 2
        for email in told:
            letter = Letterhead(self.service_name).write("account_deleted", email)
            self.outbox.mail(connection, letter, now=now)
        self.sessions.end_all(connection, account_id, reason="erased", origin=origin, now=now)  # 3
        for factor in self.factors:
            factor.remove_all(connection, account_id, origin=origin, now=now)
        for purpose in Purpose:
            self.consents.withdraw(connection, account_id, purpose, origin=origin, now=now)
        deleted = delete_person(connection, account_id, emails)  # 4
        indexes = self.vault.keyring.indexes
        delete_address_indexes(
            connection,
            [index for email in emails for index in indexes("email-address", email)],
            [index for email in emails for index in indexes("password-failures", email)],
        )
        bury_account(connection, account_id, new_bytes(USER_HANDLE_BYTES))  # 5
        self.vault.destroy_key(connection, account_id, now=now)  # 6
        facts = {"by": by, "rows": deleted}
        self.audit.record(connection, "login:account:erased", now=now, account_id=account_id, facts=facts)
        for hear in self.erased:  # 7
            hear(connection, account_id, now)
        return True

    # -- the person's own pages

    def download(self, secret: str | None, *, origin: Origin) -> dict[str, Any]:
        """Return the person's data to them.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            TooMany: it was downloaded too often today.
        """
        now = self.clock.now()
        owner = self.fresh.check(secret)
        self.limits.spend("export_per_account", owner.id)
        with self.database.write() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            self.audit.record(connection, "login:account:exported", now=now, account_id=owner.id, origin=origin)
        with self.database.snapshot() as connection:
            return self.collect(connection, owner.id, now=now)

    def delete(self, secret: str | None, *, word: str, origin: Origin) -> None:
        """Erase the person who asks for it.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            BadInput: `account.word_missing`: the word was not typed.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            if word.strip().casefold() != WORD:
                raise BadInput("account.word_missing", f"Please type “{WORD}” into the field, if you are sure.")
            if not self.erase(connection, owner.id, by="owner", origin=origin, now=now):
                raise NotFound("account.unknown", "There is no such account any more.")

    def _event(self, connection: Connection, account_id: str, row: RowMapping) -> dict[str, Any]:
        sealed = row["sealed"]
        context = f"audit_events:{row['event_id']}"
        personal = self.vault.open_json_for(connection, account_id, sealed, context=context) if sealed else None
        event = {"at": row["at"].isoformat(), "what": row["tag"], "facts": row["facts"]}
        return event | ({"personal": personal} if personal else {})

    def _decision(self, connection: Connection, account_id: str, row: RowMapping) -> dict[str, Any]:
        context = f"risk_decisions:{row['id']}"
        inputs = self.vault.open_json_for(connection, account_id, row["inputs_sealed"], context=context)
        reasons = [{"what": each.get("text", ""), "log_odds": each.get("log_odds")} for each in row["contributions"]]
        return {
            "at": row["at"].isoformat(),
            "decision": row["decision"],
            "outcome": row["outcome"],
            "reasons": reasons,
            "policy": row["policy_version"],
            "model": row["model_version"],
            "looked_at": inputs,
        }
