"""What a browser may tell its passkey manager about the signed-in account (WebAuthn Level 3, 5.1.10, the Signal API).

The manager hides or removes passkeys that are missing from the list, so the list is complete or there is none: it is
read in one moment, and only for the owner of a live session. A passkey that is being registered in another tab in that
very moment may be hidden; its next sign-in by button brings it back.
"""

from dataclasses import dataclass

from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import find_account, list_addresses
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.factors.passkey.service import Passkeys


@dataclass(frozen=True)
class AcceptedPasskeys:
    """Everything that signs in to one account, and what its owner is called."""

    rp_id: str
    user_handle: bytes
    name: str
    display_name: str
    credential_ids: tuple[bytes, ...]


@dataclass(frozen=True)
class Signals:
    """Knows what to tell."""

    database: Database
    clock: Clock
    sessions: Sessions
    passkeys: Passkeys

    def accepted(self, secret: str | None) -> AcceptedPasskeys | None:
        """Return the passkeys of whoever the session's secret belongs to; None where nobody is signed in."""
        with self.database.snapshot() as connection:
            session = self.sessions.find_live(connection, secret, now=self.clock.now())
            account = find_account(connection, session.account_id) if session else None
            if account is None or not account.is_active:
                return None
            addresses = list_addresses(connection, account.id)
            return AcceptedPasskeys(
                rp_id=self.passkeys.rp.id,
                user_handle=account.user_handle,
                name=addresses[0].email if addresses else account.display_name,
                display_name=account.display_name,
                credential_ids=tuple(each.credential_id for each in self.passkeys.list(connection, account.id)),
            )
