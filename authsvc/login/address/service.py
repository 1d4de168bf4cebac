"""Change the address of an account, and put the old one back.

    ask (fresh proof) ─▶ a code to the new address ─▶ proven (fresh proof): it is the account's, the old one is retired
                                                            └─ for 72 hours the old address puts itself back

1. The new address is proven by a code before anything changes. One that is taken gets the same page at the same cost;
   its owner gets a mail.
2. Both addresses are told, and the old one hears of everything else for 72 hours. Nobody else can take it meanwhile.
3. The link in the mail to the old address works once, without signing in: looking changes nothing, a button acts.
   Then the old address is the account's only one (codes and resets by the new one find no account any more), every
   session ends, what is pending stops, the strongest factor is asked for next, and a case is open.
4. Whoever takes the account back to such an old address, proven by a code, has put it back too: those in between get
   no link, and theirs are spent. A thief's address must not put its owner's out again.
5. Either way the mailbox is no second step for 24 hours (login/ladder.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.events.service import AccountEvents
from authsvc.accounts.store import RETIRED_FOR, Address, list_addresses, lock_account
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict, Gone
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.limits import Limits
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.login.account.fresh.service import FreshProof, Owner
from authsvc.login.address.store import (
    Asked,
    Changed,
    consume_asked,
    consume_revert,
    drop_changes,
    drop_later_addresses,
    find_asked,
    find_left_at,
    find_revertible,
    insert_change,
    is_free,
    replace_addresses,
    restore_address,
    spend_later_reverts,
)
from authsvc.login.alerts.service import NotMe
from authsvc.login.sign_up.service import NO_TRIES_LEFT, WRONG_CODE

ASKED_FOR = timedelta(minutes=30)


@dataclass(frozen=True)
class AddressPage:
    """What the page shows: the address at hand, and the one that is being proven."""

    email: str
    asked: str | None
    changed_at: datetime | None  # within the last 72 hours


@dataclass(frozen=True)
class AddressChanges:
    """Changes of address. Who is at their own page, and how freshly proven, `fresh` says."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    alerts: Alerts
    outbox: Outbox
    codes: EmailCodes
    fresh: FreshProof
    not_me: NotMe
    events: AccountEvents
    issuer: str
    service_name: str

    def page(self, secret: str | None) -> AddressPage:
        """Return what the page shows. Raises NotSignedIn, NotAllowed: as FreshProof.require."""
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            asked = find_asked(connection, owner.session.id, now)
            at = owner.account.address_changed_at
            lately = at if at is not None and now - at < RETIRED_FOR else None
            return AddressPage(self._email(connection, owner), asked.new_email if asked else None, lately)

    def ask(self, secret: str | None, email: str, *, origin: Origin) -> None:
        """Send a code to the new address.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            BadInput: `account.address_invalid`, `account.address_unchanged`.
            TooMany: too many codes to this address.
        """
        self.limits.spend("sign_up_per_address", origin.source)
        address, now = normalise(email), self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.require(connection, secret, now=now)
            if self._email(connection, owner) == address:
                raise BadInput("account.address_unchanged", "That is your address already.")
        self.limits.spend("mail_per_recipient", address)
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)  # of two at once the later one drops the earlier
            asked = Asked(new_id("chg"), owner.id, address)
            expires_at = now + ASKED_FOR
            insert_change(connection, asked, session_id=owner.session.id, now=now, expires_at=expires_at)
            self._send(connection, asked, now)
            self._record(connection, "login:address_change:asked", owner.id, origin, now, email=address)

    def resend(self, secret: str | None, *, origin: Origin) -> None:
        """Send another code to the address that is being proven."""
        now = self.clock.now()
        with self.database.read() as connection:
            asked = self._asked(connection, self.fresh.require(connection, secret, now=now), now)
        self.ask(secret, asked.new_email, origin=origin)

    def drop(self, secret: str | None) -> None:
        """Think better of it."""
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            drop_changes(connection, owner.id, now)

    def prove(self, secret: str | None, *, typed: str, origin: Origin) -> str | None:
        """Check the code, and make the change. Returns what to say instead when the code is wrong.

        Raises:
            NotSignedIn, NotAllowed: as FreshProof.require.
            Conflict: `account.address_change_gone`: nothing was asked for; `account.address_taken`.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.read() as connection:
            asked = self._asked(connection, self.fresh.require(connection, secret, now=now), now)
        self.limits.spend("code_per_account", asked.new_email)
        with self.database.write() as connection:
            owner = self.fresh.hold(connection, secret, now=now)
            check = self.codes.check(
                connection,
                typed,
                flow_id=asked.id,
                email=asked.new_email,
                purpose=CodePurpose.ADDRESS_CHANGE,
                now=now,
            )
            if not check.right:
                self._record(connection, "login:address_change:code_wrong", owner.id, origin, now)
                return WRONG_CODE if check.tries_left else NO_TRIES_LEFT
            self._change(connection, owner, asked, origin, now)
        return None

    def look(self, token: str, *, origin: Origin) -> Changed:
        """Return what the link is about; looking changes nothing. Raises Gone: `account.revert_spent`."""
        self.limits.spend("code_per_address", origin.source)
        with self.database.read() as connection:
            changed = find_revertible(connection, hash_secret(token), self.clock.now())
        if changed is None:
            raise _spent()
        return changed

    def revert(self, token: str, *, origin: Origin) -> None:
        """Put the old address back: number 3 of the module's list. Raises Gone: `account.revert_spent`."""
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.write() as connection:
            found = find_revertible(connection, hash_secret(token), now)
            if found is not None:
                lock_account(connection, found.account_id)  # before its changes, as whoever makes one does
            changed = consume_revert(connection, hash_secret(token), now)
            if changed is None:
                raise _spent()
            spend_later_reverts(connection, changed.account_id, changed.changed_at, now)
            if not restore_address(connection, changed.account_id, changed.old_email, changed.changed_at, now):
                raise _spent()
            self._record(
                connection,
                "login:address_change:reverted",
                changed.account_id,
                origin,
                now,
                change=changed.id,
                email=changed.old_email,
            )
            self.events.changed(connection, changed.account_id, now)
            kind = AlertKind.ADDRESS_CHANGED
            self.not_me.shield(connection, changed.account_id, kind=kind.value, origin=origin, now=now)

    def _change(self, connection: Connection, owner: Owner, asked: Asked, origin: Origin, now: datetime) -> None:
        old_email, secret, until = self._email(connection, owner), new_secret(), now + RETIRED_FOR
        made = consume_asked(
            connection, asked, old_email=old_email, token_hash=hash_secret(secret), now=now, revert_until=until
        )
        if not made:
            raise _nothing_asked()
        address = Address(new_id("adr"), owner.id, asked.new_email, verified_at=now, verified_at_sign_up=False)
        if not replace_addresses(connection, address):
            raise Conflict("account.address_taken", "This address has an account by now.")
        left_at = find_left_at(connection, owner.id, asked.new_email, now)
        if left_at is not None:  # 4
            spend_later_reverts(connection, owner.id, left_at, now)
            drop_later_addresses(connection, owner.id, asked.new_email, left_at)
        self.alerts.send(connection, owner.id, AlertKind.ADDRESS_CHANGED, origin=origin, now=now, leave_out=old_email)
        self.events.changed(connection, owner.id, now)
        head, link = Letterhead(self.service_name), f"{self.issuer}/not-me/address?token={secret}"
        if left_at:
            letter = head.write("address_changed_back", old_email, when=now)
        else:
            letter = head.write("address_changed", old_email, when=now, until=until, not_me_link=link)
        self.outbox.mail(connection, letter, now=now)
        self._record(
            connection, "login:address_change:made", owner.id, origin, now, change=asked.id, email=asked.new_email
        )

    def _send(self, connection: Connection, asked: Asked, now: datetime) -> None:
        free = is_free(connection, asked.new_email, asked.account_id, now - RETIRED_FOR)
        instead = None if free else "no_code_address_change"  # 1
        purpose = CodePurpose.ADDRESS_CHANGE
        self.codes.send(connection, flow_id=asked.id, email=asked.new_email, purpose=purpose, now=now, instead=instead)

    def _asked(self, connection: Connection, owner: Owner, now: datetime) -> Asked:
        asked = find_asked(connection, owner.session.id, now)
        if asked is None or asked.account_id != owner.id:
            raise _nothing_asked()
        return asked

    def _email(self, connection: Connection, owner: Owner) -> str:
        return list_addresses(connection, owner.id)[0].email

    def _record(
        self,
        connection: Connection,
        tag: str,
        account_id: str,
        origin: Origin,
        now: datetime,
        *,
        email: str | None = None,
        **facts: Any,
    ) -> None:
        personal = {"email": email} if email else None
        self.audit.record(
            connection, tag, now=now, account_id=account_id, origin=origin, facts=facts, personal=personal
        )


@dataclass(frozen=True)
class StopChanges:
    """ "This wasn't me" was pressed: one of the `stops` of login/alerts/service.py."""

    audit: Audit

    def __call__(self, connection: Connection, account_id: str, origin: Origin, now: datetime) -> None:
        if drop_changes(connection, account_id, now):
            self.audit.record(connection, "login:address_change:dropped", now=now, account_id=account_id, origin=origin)


def _nothing_asked() -> Conflict:
    return Conflict("account.address_change_gone", "No change of address is waiting for a code. Please begin again.")


def _spent() -> Gone:
    return Gone("account.revert_spent", "This link was used already, or is older than 72 hours.")
