"""The account API's use cases: find, invite, freeze, export and erase, in the name of a client.

Decided here, and why:

- **Nothing is found by a part of it.** A search names one whole address. The list, which a shop needs to find out what
  it missed, has ids, states and times, and nothing about a person. So a stolen token with `accounts:read` can ask about
  addresses its thief knows, at the pace of `api_per_client`; it is no way to carry off who the customers are.
- **An account that a shop asks for is an invitation.** Nobody has proven its address, so it is no account yet
  (accounts/invited): its owner gets a mail, proves the address as everybody does, and gets the id that was promised.
- **The operator's people are not there.** An account with a role can't be seen, frozen or erased from here.

Each use is recorded with the client that asked. Everything that changes something can be sent twice and is done once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from authsvc.account_api.requests import ScopeMissing, invalid_token
from authsvc.account_api.store import (
    Line,
    PastRequest,
    claim_request,
    find_customer,
    find_customer_by_email,
    find_request,
    list_customers,
)
from authsvc.accounts.addresses import normalise
from authsvc.accounts.invited.store import (
    INVITED_TTL,
    InvitedAccount,
    delete_invited,
    find_invited,
    find_invited_by_email,
    insert_invited,
)
from authsvc.accounts.locks.service import Locks
from authsvc.accounts.store import Account, find_account_by_email, get_account, list_addresses
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict, Gone, NotFound
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.limits import Limits
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.cipher import Keyring
from authsvc.login.leaving.service import Leaving
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.callers.service import Caller, Callers

MAX_PAGE = 200
MAX_NAME = 100


@dataclass(frozen=True)
class AccountView:
    """An account as its shop may see it."""

    id: str
    status: str  # invited | active | frozen | erased
    name: str
    email: str | None
    email_verified: bool
    created_at: datetime


@dataclass(frozen=True)
class AccountApi:
    """What the routes call. Every method but `admit` takes the caller that `admit` returned."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    outbox: Outbox
    keyring: Keyring
    callers: Callers
    branding: Branding
    locks: Locks
    leaving: Leaving
    issuer: str

    def admit(self, token: str, scope: str, *, origin: Origin) -> Caller:
        """Return whose token this is, if it may do this.

        Raises:
            TokenInvalid: `api.token_invalid`.
            ScopeMissing: `api.scope_missing`; the event is kept.
            TooMany: too many bad tokens from one address, or too many requests of one client.
        """
        self.limits.require_room("token_per_address", origin.source)
        caller = self.callers.identify(token)
        if caller is None:
            self.limits.spend("token_per_address", origin.source)
            raise invalid_token()
        self.limits.spend("api_per_client", caller.client_id)
        if scope not in caller.scopes:
            with self.database.write() as connection:
                self._record(connection, "api:access:refused", caller, origin, scope=scope)
            raise ScopeMissing("api.scope_missing", scope)
        return caller

    def list_accounts(
        self, caller: Caller, *, status: str | None, after: str | None, limit: int, origin: Origin
    ) -> list[Line]:
        """Return a page of accounts, in the order in which they were created.

        Raises:
            BadInput: `api.place`: `after` is no account.
        """
        with self.database.write() as connection:
            place = None if after is None else self._place(connection, after)
            found = list_customers(connection, status=status, after=place, limit=limit)
            self._record(connection, "api:accounts:listed", caller, origin, found=len(found))
        return found

    def search(self, caller: Caller, *, email: str, origin: Origin) -> AccountView | None:
        """Return the account with exactly this address, invited ones too.

        Raises:
            BadInput: `account.address_invalid`.
        """
        address, now = normalise(email), self.clock.now()
        with self.database.write() as connection:
            account = find_customer_by_email(connection, address)
            invited = None if account else find_invited_by_email(connection, address, now=now)
            found = view_of(connection, account) if account else _view_of_invited(invited) if invited else None
            known, personal = account.id if account else None, {"email": address}
            self._record(connection, "api:accounts:searched", caller, origin, known, personal, found=found is not None)
        return found

    def get(self, caller: Caller, account_id: str, *, origin: Origin) -> AccountView:
        """Raises NotFound: `api.account_unknown`."""
        with self.database.write() as connection:
            found = self._get(connection, account_id)
            self._record(connection, "api:account:read", caller, origin, _with_key(found), account=account_id)
            return _view(connection, found)

    def invite(self, caller: Caller, *, key: str, email: str, name: str, origin: Origin) -> AccountView:
        """Promise an account to the owner of an address, and tell them. The same key gives the same account.

        Raises:
            BadInput: `account.address_invalid`, `account.name_invalid`.
            Conflict: `account.address_taken`, `api.already_invited`, `api.idempotency_reused`.
            TooMany: too many mails to this address.
        """
        address, name, now = normalise(email), _name(name), self.clock.now()
        fingerprint = json.dumps(["invite", address, name])
        invited = InvitedAccount(new_id("acc"), address, name, caller.client_id, now, now + INVITED_TTL)
        index = self.keyring.index("api-request", fingerprint)
        request = PastRequest(caller.client_id, hash_secret(key), index, invited.id, now)
        with self.database.write() as connection:
            if not claim_request(connection, request):
                return self._again(connection, request, fingerprint)
            # Within the transaction, or fifteen of sixteen that are sent at once would spend what is meant for mails.
            self.limits.spend("mail_per_recipient", address)
            if find_account_by_email(connection, address) is not None:
                raise Conflict("account.address_taken", "There is an account with this address.")
            secret = new_secret()
            if not insert_invited(connection, invited, hash_secret(secret)):
                raise Conflict("api.already_invited", "Somebody was invited under this address already.")
            # Nothing of what the client sent is in it but the address: this is no way to send people one's words.
            link = f"{self.issuer}/login/join?token={secret}"
            head = self._letterhead(connection, caller)
            letter = head.write("invitation", address, link=link, days=INVITED_TTL.days)
            self.outbox.mail(connection, letter, now=now)
            personal = {"email": address}
            self._record(connection, "api:account:invited", caller, origin, None, personal, account=invited.id)
        return _view_of_invited(invited)

    def freeze(self, caller: Caller, account_id: str, *, frozen: bool, origin: Origin) -> AccountView:
        """Freeze an account, or open it again; one that is so already stays so.

        Raises:
            NotFound: `api.account_unknown`.
            Conflict: `api.not_joined`: its owner has not come yet; `api.frozen_by_another`: this client did not do it.
            Gone: `api.account_erased`.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            account = self._get_account(connection, account_id)
            change = self.locks.freeze if frozen else self.locks.unfreeze
            change(connection, account.id, client=caller.client_id, origin=origin, now=now)
            found = get_account(connection, account.id)
            if not frozen and found.status == "frozen":
                raise Conflict("api.frozen_by_another", "Another client or the operator froze it, and can open it.")
            return view_of(connection, found)

    def export(self, caller: Caller, account_id: str, *, origin: Origin) -> dict[str, Any]:
        """Return everything that is kept about an account, without secrets.

        Raises:
            NotFound, Conflict, Gone: as freeze.
            TooMany: it was exported too often today.
        """
        now = self.clock.now()
        self.limits.spend("export_per_account", f"{caller.client_id}:{account_id}")  # not the owner's own downloads
        with self.database.write() as connection:
            account = self._get_account(connection, account_id)
            self._record(connection, "api:account:exported", caller, origin, account.id)
        with self.database.snapshot() as connection:
            return self.leaving.collect(connection, account.id, now=now)

    def erase(self, caller: Caller, account_id: str, *, origin: Origin) -> None:
        """Erase an account, or withdraw an invitation; what was erased before stays erased.

        Raises:
            NotFound: `api.account_unknown`.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            found = self._get(connection, account_id)
            if isinstance(found, InvitedAccount) and not delete_invited(connection, found.id):
                found = self._get(connection, account_id)  # its owner has come at this moment
            if isinstance(found, InvitedAccount):
                self.outbox.forget(connection, (found.email,))
                self._record(connection, "api:invitation:withdrawn", caller, origin, account=found.id)
            else:
                self.leaving.erase(connection, found.id, by=caller.client_id, origin=origin, now=now)

    def _again(self, connection: Connection, request: PastRequest, fingerprint: str) -> AccountView:
        before = find_request(connection, request.client_id, request.key_hash)
        asked = self.keyring.indexes("api-request", fingerprint)
        if before is None or before.fingerprint not in asked:
            raise Conflict("api.idempotency_reused", "This Idempotency-Key was used for another request.")
        return _view(connection, self._get(connection, before.account_id))

    def _get(self, connection: Connection, account_id: str) -> Account | InvitedAccount:
        if "\x00" in account_id:
            raise _unknown()  # no id of ours, and PostgreSQL's texts can't hold it
        found = find_customer(connection, account_id) or find_invited(connection, account_id, now=self.clock.now())
        if found is None:
            raise _unknown()
        return found

    def _get_account(self, connection: Connection, account_id: str) -> Account:
        found = self._get(connection, account_id)
        if isinstance(found, InvitedAccount):
            raise Conflict("api.not_joined", "Its owner has not come yet: there is only an invitation.")
        if found.status == "erased":
            raise Gone("api.account_erased", "This account was erased.")
        return found

    def _place(self, connection: Connection, after: str) -> Line:
        account = None if "\x00" in after else find_customer(connection, after)
        if account is None:
            raise BadInput("api.place", "`after` is the id of the last account of the page before.")
        return Line(account.id, account.status, account.created_at)

    def _letterhead(self, connection: Connection, caller: Caller) -> Letterhead:
        look = self.branding.of(caller.client_id, connection)
        return look.letterhead if look else Letterhead(caller.name)

    def _record(
        self,
        connection: Connection,
        tag: str,
        caller: Caller,
        origin: Origin,
        account_id: str | None = None,
        personal: dict[str, Any] | None = None,
        **facts: Any,
    ) -> None:
        self.audit.record(
            connection,
            tag,
            now=self.clock.now(),
            account_id=account_id,
            origin=origin,
            facts={"client": caller.client_id, **facts},
            personal=personal,
        )


def view_of(connection: Connection, account: Account) -> AccountView:
    """Return an account as its shop may see it. Every address of an account was proven."""
    addresses = list_addresses(connection, account.id)
    email = addresses[0].email if addresses else None
    return AccountView(account.id, account.status, account.display_name, email, email is not None, account.created_at)


def _view(connection: Connection, found: Account | InvitedAccount) -> AccountView:
    return _view_of_invited(found) if isinstance(found, InvitedAccount) else view_of(connection, found)


def _with_key(found: Account | InvitedAccount) -> str | None:
    """Return whose key an event is sealed under. Somebody who was erased must not get a new one."""
    return found.id if isinstance(found, Account) and found.status != "erased" else None


def _view_of_invited(invited: InvitedAccount) -> AccountView:
    return AccountView(invited.id, "invited", invited.display_name, invited.email, False, invited.created_at)


def _unknown() -> NotFound:
    return NotFound("api.account_unknown", "There is no such account.")


def _name(typed: str) -> str:
    name = " ".join(typed.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("account.name_invalid", f"A name has 1 to {MAX_NAME} characters.")
    return name
